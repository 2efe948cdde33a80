"""The largest batches."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from evalskip.notes import Note
from evalskip.spec import OFF, OFF_AGAIN
from evalskip.summary.parts import Effort, Interval, Part

BoundBy = Literal["model", "train", "evaluate"]


class Headroom(Part):
    """The largest batch with which an arm completes, within a limit that was really run into."""

    arm: str = Field(description="its name")
    schedule: Note = Field(description="when it evaluates")
    evaluation_samples: int | None = Field(description="null: nothing, or the job's own")
    settings: list[str] = Field(description="that its evaluation has of its own")
    max_batch: int = Field(description="samples in a micro-batch, per device; 0: not one fits")
    limit_bytes: int = Field(description="that trials were held to")
    bound_by: BoundBy | None = Field(
        description="the phase in which one sample more runs out of memory"
    )
    trials: int = Field(description="of this arm and those that evaluate alike, together")
    peak_bytes: int | None = Field(description="at the largest batch; of what the limit is on")
    base_bytes: int = Field(
        default=0, description="of that, what the process holds before a model is built"
    )
    evaluation_bytes: int | None = Field(
        default=None,
        description="peak of an evaluation with the optimizer's state, beside train steps of a "
        "single sample; null: none is asked for, or it does not fit",
    )
    own_batch: int = Field(description="the job's own")
    tokens_per_s: dict[str, float] = Field(
        description="of steady train steps, by batch: the job's own and the largest"
    )
    throughput_gain: Interval | None = Field(
        default=None,
        description="wall clock: T at the job's own batch / T at the largest - 1, same samples",
    )


class HeadroomSummary(Part):
    """The largest batch of every arm."""

    arms: list[Headroom]
    effort: Effort | None = Field(default=None, description="null: it was not recorded")
    warnings: list[Note] = Field(default=[], description="what to know before relying on it")

    @property
    def off(self) -> Headroom | None:
        """That of the runs without evaluation."""
        return next((each for each in self.arms if each.arm == OFF), None)

    @property
    def evaluating(self) -> list[Headroom]:
        """Those of the arms that evaluate."""
        return [each for each in self.arms if each.arm not in (OFF, OFF_AGAIN)]
