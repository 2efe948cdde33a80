"""What every kind of job offers: settings that a spec holds, and where its runner is found."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from evalskip.schedules import Schedule
from evalskip.slices import Slice

Measure = Literal["time", "memory"]
Launch = Literal["fork", "spawn", "torchrun", "inline"]


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
    arguments: dict[str, Any] = Field(
        default={}, description="in the job's own words, what brings the schedule about"
    )
    sliced: Slice | None = Field(default=None, description="run so much of the job; None: all")
    output: str | None = Field(
        default=None, description="a folder to write into; None: one that is taken away after"
    )
    callbacks: list[tuple[str, list[int]]] = Field(
        default=[], description="names in evalskip.callbacks, with their arguments"
    )


class BaseJob(BaseModel, ABC):
    """Settings of one job; subclasses add ``kind: Literal[...]`` and say how it is run."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sizes_evaluation: ClassVar[bool] = True
    """Whether a spec must say how many rows an arm evaluates; otherwise the job has its own."""

    @property
    @abstractmethod
    def launch(self) -> Launch:
        """How its runs start."""

    @property
    def ranks(self) -> int:
        """Processes of each run; more than one need ``launch`` to be torchrun."""
        return 1

    @abstractmethod
    def evaluated_steps(self, schedule: Schedule, steps: int) -> list[int] | None:
        """Optimizer steps after which a schedule evaluates this job.

        Args:
            schedule: of an arm.
            steps: that the job's runs were seen to take; 0: none was seen.

        Returns:
            None where it cannot be told.
        """

    def arguments(self, schedule: Schedule) -> dict[str, Any]:
        """In the job's own words, what brings the schedule about."""
        return schedule.trainer_arguments()

    def changes(self) -> list[str]:
        """What is changed of the user's configuration to make arms comparable, for people."""
        return []

    def coupled(self, schedule: Schedule) -> str | None:
        """Why an arm's evaluations steer its training, if they do.

        Such an arm does other work than the rest, and only its T can be compared.
        """
        return None

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
