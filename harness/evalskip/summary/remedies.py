"""What would make a job's evaluation cheaper, without skipping it."""

from __future__ import annotations

from pydantic import Field, JsonValue

from evalskip.notes import Note
from evalskip.summary.parts import Interval, Part


class Remedy(Part):
    """A way to evaluate for less, or several at once."""

    name: str = Field(description="of it; of several, joined by +")
    remedy: Note = Field(description="what it does, in a note")
    loses: Note | None = Field(
        description="what it changes of the metrics; null: nothing, of any sample"
    )
    settings: dict[str, JsonValue] = Field(
        default={}, description="of TrainingArguments, that it sets"
    )
    by_length: bool = Field(default=False, description="it orders samples by their length")
    samples: int | None = Field(
        default=None, description="random ones that it evaluates; null: all"
    )
    bears_on_training: bool = Field(
        default=False, description="its settings hold for training as well"
    )
    lines: dict[str, list[str | Note]] = Field(description="to paste, by where they go")
    cost_ratio: Interval = Field(description="what an evaluation takes over what it takes as it is")
    share: Interval = Field(description="evaluate / T, with it")
    time_saved: float = Field(description="of T, by it")


class LeftOut(Part):
    """What does not apply to the job, or saves nothing."""

    remedy: Note = Field(description="what it would do")
    why: Note = Field(description="it is left out")


class SubsetError(Part):
    """How far a random subset's mean loss lies from the whole set's, in nats."""

    samples: int = Field(description="of the subset")
    loss_half_width: float = Field(description="of the loss itself, at the level")
    difference_half_width: float = Field(
        description="of the difference of two checkpoints, evaluated on the same samples"
    )


class SubsetErrors(Part):
    """The same of several subsets, from the losses of some samples before and after a few steps."""

    seen: int = Field(description="samples whose losses were told")
    whole: int = Field(description="samples of the evaluation set")
    steps: int = Field(description="optimizer steps between the two checkpoints")
    level: float = Field(description="of the half-widths")
    deviation: float = Field(description="standard deviation of a sample's loss, in nats")
    deviation_of_difference: float = Field(
        description="the same of what a sample's loss changed by"
    )
    subsets: list[SubsetError] = Field(description="from the smallest")


class RemediesSummary(Part):
    """What would make one kind of evaluation cheaper, under one schedule."""

    evaluation: list[Note | str] = Field(description="which evaluation: its samples and settings")
    arm: str = Field(description="whose schedule the shares are of")
    schedule: Note = Field(description="of that arm")
    share: Interval = Field(description="evaluate / T, as it is")
    remedies: list[Remedy] = Field(
        description="each alone: those that lose nothing first, then by what they save"
    )
    best: Remedy | None = Field(description="all at once that lose nothing; null: none saves time")
    best_of_subset: Remedy | None = Field(
        description="that, on a random subset; null: how far one is off is not known"
    )
    subset: SubsetErrors | None = Field(description="null: losses cannot be told by sample")
    left_out: list[LeftOut]
