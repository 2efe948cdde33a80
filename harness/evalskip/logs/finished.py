"""A finished run, as its logs tell it: evaluations, what training took, and what was kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from evalskip.notes import Note

_FEW_LOSSES = 24

PRINTED_EPOCH = 0.011
"""Epochs by which two logs of one place may differ: transformers 4 prints two digits."""

When = Literal["before", "inside", "after"]
"""Of an evaluation: before training, while it goes on (``train_runtime`` holds it), or after it."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file that a run was read from."""

    path: str
    format: str


@dataclass(slots=True)
class Evaluation:
    """One evaluation of one set.

    ``step`` and ``epoch`` say where training was; ``seconds`` is what it took, ``samples`` how
    many; ``metrics`` are named as they were logged. None: the log does not say.
    """

    step: float | None
    epoch: float | None
    seconds: float | None
    samples: float | None
    metrics: dict[str, float]
    when: When

    @property
    def place(self) -> float | None:
        """Where training was: the step, or else the epoch."""
        return self.epoch if self.step is None else self.step


@dataclass(frozen=True, slots=True)
class TrainingPart:
    """One call of ``train()`` that came to its end, as its last log entry has it.

    ``seconds`` is ``train_runtime``. The two rates are the Trainer's: planned samples and steps
    over seconds (``speed_metrics`` of transformers), so that in a training that was stopped early
    they are too high. ``mean_loss`` is ``train_loss``.
    """

    seconds: float
    samples_per_second: float | None
    steps_per_second: float | None
    mean_loss: float | None
    step: float | None
    epoch: float | None
    samples: float | None = None
    """Of the training set, where a results file says so."""


@dataclass(slots=True)
class TrainingLosses:
    """The training losses of a log, folded so that a log of any length fits in memory.

    A place is a step, or an epoch in a log that has no steps.
    """

    count: int = 0
    first: list[tuple[float | None, float | None, float]] = field(default_factory=list)
    """Step, epoch and loss of the first few, by which two logs of one run are known."""
    last_place: float = 0.0
    weighted: float = 0.0
    """Sum over entries of loss times the steps, or epochs, that it is the mean of."""

    def add(self, step: float | None, epoch: float | None, loss: float) -> None:
        """One more entry."""
        self.count += 1
        if len(self.first) < _FEW_LOSSES:
            self.first.append((step, epoch, loss))
        place = epoch if step is None else step
        if place is not None and place > self.last_place:
            self.weighted += loss * (place - self.last_place)
            self.last_place = place


@dataclass(frozen=True, slots=True)
class Best:
    """What the run itself says of its best checkpoint; None: it does not say."""

    metric: float | None
    step: float | None
    checkpoint: str | None


@dataclass(slots=True)
class ClockedTime:
    """Times that are differences of a clock with whole seconds.

    ``seconds`` runs from the start of training to the last entry; ``error`` is what rounding may
    make of the sum of evaluations, in seconds, with 95% confidence.
    """

    seconds: float
    error: float


@dataclass(slots=True)
class FinishedRun:
    """A run that is over, or as much of it as its logs hold."""

    sources: list[Source]
    evaluations: list[Evaluation] = field(default_factory=list)
    parts: list[TrainingPart] = field(default_factory=list)
    losses: TrainingLosses = field(default_factory=TrainingLosses)
    steps: float | None = None
    """Optimizer steps done."""
    steps_by_bar: float | None = None
    """The same as its progress bar has them, in a log that has epochs alone."""
    epoch: float | None = None
    """Epochs done."""
    planned_steps: float | None = None
    best: Best | None = None
    patience: int | None = None
    """Evaluations without a new best after which training stops; None: not known, or it does
    not."""
    patience_threshold: float = 0.0
    """By how much an evaluation has to be better than the best so that it uses up none."""
    clock: ClockedTime | None = None
    tells_inside: bool = True
    """Whether its logs tell of every evaluation inside training; a results file does not."""
    restarted: bool = False
    """Whether the log itself goes back and on: a part was trained again."""
    ended: bool = False
    """Whether training came to its end, planned or early."""
    warnings: list[Note] = field(default_factory=list)

    @property
    def inside(self) -> list[Evaluation]:
        """Evaluations that training waited for, inside its own time."""
        return [each for each in self.evaluations if each.when == "inside"]

    @property
    def last_place(self) -> float | None:
        """How far the log goes: the step, or else the epoch."""
        return self.epoch if self.steps is None else self.steps


def most(one: float | None, other: float | None) -> float | None:
    """The larger of two figures, of which a log may have neither."""
    return max((each for each in (one, other) if each is not None), default=None)
