"""What every section of the summary is made of."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from evalskip.machine.fingerprint import Machine
from evalskip.notes import Note

Verdict = Literal["supported", "refuted", "conditional", "inconclusive", "not_run"]


class Part(BaseModel):
    """A section, or a part of one; what it does not know is refused.

    A figure that is no finite number is text in JSON: ``"Infinity"``.
    """

    model_config = ConfigDict(extra="forbid", ser_json_inf_nan="strings")


class Interval(Part):
    """An estimate with its interval; no interval where there are too few blocks for one."""

    estimate: float = Field(description="the figure itself")
    low: float | None = Field(default=None, description="limit; null: there is no interval")
    high: float | None = Field(default=None, description="limit; null: there is no interval")
    level: float = Field(description="how often such an interval holds the truth")
    degrees: float | None = Field(
        default=None, description="of freedom, of the Student's t that the interval is made with"
    )

    @property
    def most(self) -> float:
        """The upper limit; the estimate where there is none."""
        return self.estimate if self.high is None else self.high


class Scope(Part):
    """What the figures hold for."""

    job: str | Note = Field(description="its kind, and how it fine-tunes")
    model: str = Field(description="its name")
    parameters: int = Field(description="of the model, all of them")
    device: str | Note = Field(description="cpu, or the name of the device")


class Made(Part):
    """When, where and with what a result was made."""

    at: str = Field(description="UTC, ISO 8601")
    evalskip: str = Field(description="version of this tool")
    machine: Machine | None = Field(default=None, description="null: not known")
    versions: dict[str, str] = Field(default={}, description="of what was run, by name")


class Effort(Part):
    """What an experiment itself took."""

    runs: int = Field(description="of every kind, trials and pilots included")
    seconds: float = Field(description="of wall-clock, all sessions together")
    stopped: Note = Field(description="why no more was run")
