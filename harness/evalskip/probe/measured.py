"""What a run reports, field by field, and the one place where a report is read.

A report travels as JSON. :func:`parsed` reads it strictly: what is missing, unknown or of another
type is an error that names the field, and never a 0.
"""

from __future__ import annotations

import types
from dataclasses import MISSING, asdict, dataclass, field, fields, is_dataclass
from functools import cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from evalskip.probe.besides import Beside  # noqa: TC001 - parsed() reads the hints
from evalskip.probe.surveyed import RemedySurvey  # noqa: TC001 - parsed() reads the hints

_Parsed = TypeVar("_Parsed")

PHASES = ("train", "evaluate", "save", "log", "wait", "other")


class ReportError(ValueError):
    """A report is not what a run reports; the text begins with the field."""


@dataclass
class EvaluationSet:
    """One of several sets that an evaluation evaluates, by the clock of its run."""

    name: str
    samples: int
    tokens: int
    batches: int
    loader_ns: int
    batches_ns: int
    aggregation_ns: int


@dataclass
class Evaluation:
    """One evaluation: ``loader + batches + aggregation`` is its time in the phase ``evaluate``.

    ``shapes`` are the samples and tokens of each batch. Logging its result belongs to the phase
    ``log`` and is kept here as ``log_ns``. Where it evaluates several sets, they are in ``sets``.
    ``cut`` says whether its samples are a part of what the whole of a sliced job evaluates.
    """

    after_step: int
    after_training: bool = False
    cut: bool = False
    loader_ns: int = 0
    batches_ns: list[int] = field(default_factory=list)
    shapes: list[tuple[int, int]] = field(default_factory=list)
    aggregation_ns: int = 0
    log_ns: int = 0
    samples: int = 0
    tokens: int = 0
    sets: list[EvaluationSet] = field(default_factory=list)

    @property
    def pieces_ns(self) -> list[int]:
        """Its times in the phase ``evaluate``."""
        return [self.loader_ns, *self.batches_ns, self.aggregation_ns]


@dataclass
class Timeline:
    """The time of one run, in nanoseconds; its parts sum to ``wall_ns``, which is T.

    ``metering_ns`` is what reading memory took; the clock stands still meanwhile.

    ``steps_ns[i]`` runs from the end of step i-1 (or the start of the loop) to the end of step
    i, less what was evaluated, saved and logged in between; ``steps_end_ns`` are the ends of the
    steps from the start of T, and ``step_shapes`` the micro-batches, samples and tokens of each.
    ``saves_ns`` and ``logs_ns`` are pairs (after step, duration).
    ``peaks`` holds a dict of bytes per stretch of a phase: ``phase``, ``after_step``, and what
    the meter reads. ``waits_ns`` holds, of each phase, what of its time was spent at collectives,
    where ranks wait for each other: pieces hold it, :meth:`phases_ns` tells it apart.
    """

    wall_ns: int = 0
    metering_ns: int = 0
    before_loop_ns: int = 0
    after_loop_ns: int = 0
    steps_ns: list[int] = field(default_factory=list)
    steps_end_ns: list[int] = field(default_factory=list)
    step_shapes: list[tuple[int, int, int]] = field(default_factory=list)
    evaluations: list[Evaluation] = field(default_factory=list)
    saves_ns: list[tuple[int, int]] = field(default_factory=list)
    logs_ns: list[tuple[int, int]] = field(default_factory=list)
    peaks: list[dict[str, Any]] = field(default_factory=list)
    waits_ns: dict[str, int] = field(default_factory=dict)

    def phases_ns(self) -> dict[str, int]:
        """Nanoseconds per phase; they sum to ``wall_ns``."""
        totals = {
            "train": sum(self.steps_ns),
            "evaluate": sum(sum(e.pieces_ns) for e in self.evaluations),
            "save": sum(ns for _, ns in self.saves_ns),
            "log": sum(ns for _, ns in self.logs_ns) + sum(e.log_ns for e in self.evaluations),
            "other": self.before_loop_ns + self.after_loop_ns,
        }
        waits = self.waits_ns
        apart = {phase: ns - waits.get(phase, 0) for phase, ns in totals.items()}
        return {**apart, "wait": sum(waits.values())}


@dataclass
class Training:
    """What a training would be that is not cut short, as the run itself foresaw it."""

    steps: int
    evaluated_after: list[int]
    """Steps of all evaluations inside training; 0: before the first."""
    saves: int
    logs: int


@dataclass
class Operations:
    """Floating-point operations of a micro-batch trained and of a batch evaluated."""

    train: int
    train_tokens: int
    evaluation: int
    evaluation_tokens: int


@dataclass
class FullJob:
    """Sizes of the job that a pilot is of, as its ``TrainingArguments`` have them.

    Of a process that looked at the job's batches, ``train_shapes`` and ``evaluation_shapes`` are
    the samples and tokens of micro-batches and of evaluation batches, in order.
    """

    steps_per_epoch: int
    train_samples: int | None
    """None: a stream."""
    train_batch: int
    """Samples on one rank, as those of evaluation."""
    evaluation_batch: int
    accumulation: int
    drop_last: bool
    ranks: int
    eval_on_start: bool
    eval_delay: float
    train_shapes: list[tuple[int, int]] = field(default_factory=list)
    evaluation_shapes: list[tuple[int, int]] = field(default_factory=list)
    flops: Operations | None = None
    """None: not counted, or they cannot be."""
    remedies: RemedySurvey | None = None
    surveyed_s: float = 0.0
    """What looking at all of that took, after T."""


@dataclass
class FullRun:
    """What a run is a slice of."""

    training: Training | None
    """None: its steps were not cut."""
    sets: dict[str, tuple[int, int]]
    """Of each evaluation set (a single one has no name) its samples, and those run."""
    gathers: bool
    """Whether what ends an evaluation grows with its samples."""
    patience: int | None = None
    """Evaluations without a new best after which the whole ends before its last step; it is told of
    as if it did not. None: it does not."""
    job: FullJob | None = None
    """Of a pilot."""

    @property
    def may_stop_early(self) -> bool:
        """Whether the whole may end before its last step."""
        return self.patience is not None


@dataclass
class Rank:
    """One of several processes that train together; T and phases are by its own clock."""

    rank: int
    wall_ns: int
    phases_ns: dict[str, int]
    peak_bytes: dict[str, dict[str, int]] = field(default_factory=dict)


@dataclass
class EvaluatedTimes:
    """How many times the samples and tokens that the slowest rank evaluated all ranks did."""

    samples: float
    tokens: float


@dataclass
class CurvePoint:
    """Losses after a step: what its evaluation said, and those of samples one by one, in nats."""

    step: int
    loss: float
    weights_digest: str
    samples: list[float]
    test: list[float]
    holdout: list[float]


@dataclass
class Curve:
    """Losses over a training: every point, or how a real run that keeps its best ended."""

    points: list[CurvePoint] = field(default_factory=list)
    train_losses: list[tuple[int, float]] = field(default_factory=list)
    """Pairs (step, training loss)."""
    stopped_at: int | None = None
    kept_at: int | None = None
    weights_digest: str | None = None


@dataclass
class EvaluationLosses:
    """What the final weights lose on the samples that a run evaluates, in its batches."""

    batch_mean: float
    """As ``eval_loss``: the mean over samples of the mean loss of the batch that each comes in."""
    sample_mean: float | None
    """The mean over samples of each one's mean loss per token; None: not told by sample."""
    samples: int


@dataclass
class Measured:
    """What a run reports that trained to its end.

    Digests are of every batch's inputs (``work``), of the loss of every micro-batch and of the
    final weights; a run that proves nothing has none.
    """

    timeline: Timeline
    phases_ns: dict[str, int]
    """Of T; they sum to it."""
    train_tokens: int
    """Of all micro-batches, padding excluded."""
    losses: list[float]
    """Of every micro-batch, as the model returned them."""
    batch_digests: list[str]
    peak_bytes: dict[str, dict[str, int]] = field(default_factory=dict)
    """By phase and meter."""
    work_digest: str | None = None
    losses_digest: str | None = None
    weights_digest: str | None = None
    weights_sketch: list[float] = field(default_factory=list)
    """Norms of the final weights."""
    full_run: FullRun | None = None
    curve: Curve | None = None
    evaluation_losses: EvaluationLosses | None = None
    """None: it was not asked for."""
    beside: Beside | None = None
    """None: it evaluated inside training."""
    setup_ns: dict[str, int] = field(default_factory=dict)
    """By part, outside T."""
    environment: dict[str, Any] = field(default_factory=dict)
    """Of the device."""
    began_at_ns: int | None = None
    """Start of T, on ``time.perf_counter_ns``."""
    ranks: list[Rank] = field(default_factory=list)
    evaluated_times: EvaluatedTimes | None = None


@dataclass
class TriedBatch:
    """What a trial of a batch reports; bytes are of what the limit is on."""

    fits: bool
    phase: Literal["model", "train", "evaluate"] | None
    """In which memory ran out, or the last one; None: the kernel ended it, in any of them."""
    peak_bytes: int
    base_bytes: int
    """Of the process before it."""
    limit_bytes: int
    environment: dict[str, Any] = field(default_factory=dict)


@dataclass
class Prepared:
    """What a block's parent reports once it is ready for runs."""

    setup_ns: dict[str, int] = field(default_factory=dict)
    """Parts of set-up that its runs share; of an evaluation set, with its samples after a colon."""
    parameters: int | None = None
    """Of the model; None: only a run can count them."""
    software: dict[str, str] = field(default_factory=dict)
    """Versions by name."""


def as_report(measured: Any) -> dict[str, Any]:
    """A report as JSON holds it."""
    return asdict(measured)


def parsed(kind: type[_Parsed], report: Any) -> _Parsed:
    """A report that has arrived.

    Args:
        kind: of the classes here.
        report: as JSON holds it.

    Raises:
        ReportError: a field is missing, unknown or of another type.
    """
    instance: _Parsed = _value(kind, report, "")
    return instance


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


def _value(kind: Any, value: Any, place: str) -> Any:
    if kind is Any:
        return value
    if is_dataclass(kind):
        return _instance(kind, value, place)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        (inner,) = (each for each in arguments if each is not type(None))
        return None if value is None else _value(inner, value, place)
    if origin is list and isinstance(value, list | tuple):
        return [_value(arguments[0], each, f"{place}[{n}]") for n, each in enumerate(value)]
    if origin is tuple and isinstance(value, list | tuple) and len(value) == len(arguments):
        pairs = zip(arguments, value, strict=True)
        return tuple(_value(inner, each, f"{place}[{n}]") for n, (inner, each) in enumerate(pairs))
    if origin is dict and isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: _value(arguments[1], each, f"{place}.{key}") for key, each in value.items()}
    if origin is Literal and value in arguments:
        return value
    if kind is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if origin is None and type(value) is kind:
        return value
    expected = kind.__name__ if isinstance(kind, type) and origin is None else str(kind)
    raise ReportError(f"{_named(place)}: expected {expected}, got {str(value)[:40]}")


def _instance(kind: Any, value: Any, place: str) -> Any:
    if not isinstance(value, dict):
        raise ReportError(f"{_named(place)}: expected fields, got {str(value)[:40]}")
    definitions = {each.name: each for each in fields(kind)}
    for name in value:
        if name not in definitions:
            raise ReportError(f"{_named(f'{place}.{name}')}: unknown")
    hints = _hints(kind)
    filled = {}
    for name, each in definitions.items():
        if name in value:
            filled[name] = _value(hints[name], value[name], f"{place}.{name}")
        elif each.default is MISSING and each.default_factory is MISSING:
            raise ReportError(f"{_named(f'{place}.{name}')}: missing")
    return kind(**filled)


def _named(place: str) -> str:
    return place.lstrip(".") or "the report"
