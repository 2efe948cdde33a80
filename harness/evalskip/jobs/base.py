"""What every kind of job offers: settings that a spec holds, and a runner that trains."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

from evalskip.schedules import Schedule

if TYPE_CHECKING:
    from collections.abc import Sequence

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


class Runner(Protocol):
    """Makes runs of one job. ``prepare`` once, in the parent; ``run`` in a child of it."""

    def prepare(self, evaluation_rows: Sequence[int]) -> dict[str, Any]:
        """Import, load and tokenise what all runs share, without touching a device.

        Returns:
            ``setup_ns``: ``{part: nanoseconds}``, the evaluation sets apart as
            ``evaluation_data:ROWS``; ``software``: versions; ``parameters``: of the model.

        Raises:
            InputError: the settings make no job; the text begins with the field's name.
        """

    def run(self, request: RunRequest) -> dict[str, Any]:
        """Train under the request's schedule.

        Returns:
            What :meth:`evalskip.probe.trainer.TrainerProbe.finish` returns, ``setup_ns`` of the
            run itself, and ``environment``: what it found itself on.
        """


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

    @abstractmethod
    def runner(self) -> Runner:
        """The runner; importing what it needs is left to its ``prepare``."""

    def environment(self, measure: Measure) -> dict[str, str]:
        """Environment variables under which its parent process starts."""
        return {}
