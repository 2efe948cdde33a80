"""What every kind of job offers: settings that a spec holds, and where its runner is found."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from evalskip.schedules import Schedule

Measure = Literal["time", "memory"]
Launch = Literal["fork", "inline"]


class RunRequest(BaseModel):
    """All that a runner needs to know to make one run."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    arm: str
    schedule: Schedule
    evaluation_rows: int | None
    measure: Measure
    block: int
    position: int = Field(description="place in the block's random order, from 0")
    seed: int
    restore_random_state: bool = True


class BaseJob(BaseModel, ABC):
    """Settings of one job; subclasses add ``kind: Literal[...]`` and say how it is run."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    epochs: int = Field(ge=1, description="passes over the training rows")

    @property
    @abstractmethod
    def launch(self) -> Launch:
        """How its runs start."""

    @property
    @abstractmethod
    def steps_per_epoch(self) -> int:
        """Optimizer steps in one epoch."""

    @property
    @abstractmethod
    def meters_memory_apart(self) -> bool:
        """Whether memory needs runs of its own, because metering it would cost time."""

    @abstractmethod
    def check(self, evaluation_rows: int) -> None:
        """See that the job can be run with evaluation sets of up to so many rows.

        Raises:
            InputError: it cannot; the text begins with the field's name.
        """

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """``job``, ``model`` and ``device`` as the report names them."""

    def content(self) -> dict[str, Any]:
        """What files the settings name hold: with the settings, all that decides a run."""
        return {}

    @property
    @abstractmethod
    def runner(self) -> str:
        """The module whose function ``runner(settings)`` makes its runner."""

    @property
    def interpreter(self) -> str | None:
        """The Python that its runs need, where that is another than ours."""
        return None

    def environment(self, measure: Measure) -> dict[str, str]:
        """Environment variables under which its parent process starts."""
        return {}
