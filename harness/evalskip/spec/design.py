"""How an experiment is run: how many blocks, how long, how sure."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from evalskip.slices import Slice, fewest_steps
from evalskip.spec.units import Bytes, Seconds


class Design(BaseModel):
    """The design of an experiment."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    looks: list[Annotated[int, Field(ge=2, le=100_000)]] = Field(
        default=[6, 9, 12],
        min_length=1,
        description="numbers of blocks after which the result is looked at; fixed beforehand",
    )
    budget: Seconds = Field(default=300.0, description="time after which no further block is begun")
    level: float = Field(default=0.95, gt=0.5, lt=1, description="confidence level")
    seed: int = Field(default=0, ge=0, description="of every run, and of the random order")
    window: int = Field(
        default=4, ge=0, description="steps after an evaluation that may bear its after-effect"
    )
    repeats: int = Field(
        default=2,
        ge=0,
        description="how often a disturbed block is run again, at most, and only with what the "
        "blocks that a verdict needs leave of the budget",
    )
    restore_random_state: bool = Field(
        default=True,
        description="restore all generators after each evaluation; without it, arms with "
        "dropout train differently and do not match",
    )

    full: bool = Field(
        default=False, description="run the job whole, even where one run exceeds the budget"
    )
    sliced: Slice | None = Field(
        default=None,
        description="run so much of the job and extrapolate; without it, a slice that fits the "
        "budget, and only where one run exceeds it",
    )

    @field_validator("looks")
    @classmethod
    def _rising(cls, looks: list[int]) -> list[int]:
        if sorted(set(looks)) != looks:
            raise ValueError("expected rising numbers of blocks, such as [6, 9, 12]")
        return looks

    @model_validator(mode="after")
    def _cut_once(self) -> Design:
        if self.sliced is None:
            return self
        if self.sliced.pilot:
            raise ValueError("sliced.pilot: expected none: evalskip predict makes its own")
        if self.full:
            raise ValueError("sliced: expected either sliced or full: true, got both")
        if self.sliced.steps < (fewest := fewest_steps(self.window)):
            raise ValueError(
                f"sliced.steps: expected at least {fewest}, for a window of {self.window} steps, "
                f"got {self.sliced.steps}"
            )
        return self


class Limits(BaseModel):
    """What a run may take before it is ended."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    run_time: Seconds | None = Field(
        default=None,
        description="a run that takes longer is timed_out; without it, three times what is "
        "expected, and at least 10 minutes",
    )
    memory: Bytes | None = Field(
        default=None,
        description="within which headroom is looked for: of the process's data segment on a CPU, "
        "of the device on CUDA; without it, four fifths of what is free, or the whole device",
    )
    beyond_process: bool = Field(
        default=False,
        description="whether that is counted from what a run's process holds before it builds a "
        "model, which depends on the machine",
    )
    start_time: Seconds = Field(
        default=300.0, description="time in which a block's parent process must be ready"
    )
