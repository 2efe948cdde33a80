"""What a pilot reports of how its job could evaluate for less."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass
class TriedEvaluation:
    """A few batches that were evaluated in some way after T; each is timed from request to request.

    ``loads_ns`` is what of each batch's time was spent waiting for the loader.
    """

    way: str
    """Names it among :attr:`RemedySurvey.ways`."""
    batch: int
    """Samples on one rank."""
    loader_ns: int
    batches_ns: list[int]
    loads_ns: list[int]
    shapes: list[tuple[int, int]]
    """Samples and tokens of each batch."""
    aggregation_ns: int


@dataclass
class SampleLosses:
    """Mean losses per token of the same evaluated samples, in nats, before a few steps and after.

    ``before`` may hold fewer.
    """

    before: list[float]
    after: list[float]
    steps: int


@dataclass
class RemedySurvey:
    """What a pilot's process found out, after T, of how the job could evaluate for less.

    What cannot be done stands in ``refused``, with the code of the reason.
    """

    batch: int
    """Samples on one rank, as the job has it."""
    ways: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By name, what of ``TrainingArguments`` is otherwise; the job's own way has no name."""
    refused: dict[str, str] = field(default_factory=dict)
    """By what, or by ``all``."""
    tries: list[list[TriedEvaluation]] = field(default_factory=list)
    """Of sizes of batches, in rounds that hold each that is tried further once."""
    setting_tries: list[list[TriedEvaluation]] = field(default_factory=list)
    """Of other settings, and of the job's own (``own``), in rounds."""
    batches_bound_by: Literal["memory", "time", "samples"] = "samples"
    """Why no larger batch was tried."""
    lengths: dict[str, list[int]] = field(default_factory=dict)
    """By evaluation set (a single one has no name), tokens of every sample in order."""
    rows: int = 1
    """Of a batch, that a sample becomes: two of a preference pair."""
    pad_multiple: int = 1
    """To which a batch is padded beyond its longest sample."""
    is_grouped: bool = False
    """Whether its loader orders samples by their length already."""
    workers: int = 0
    keeps_workers: bool = False
    """Whether they stay from one evaluation to the next."""
    metrics: list[str] = field(default_factory=list)
    """Beside the loss, as the job names them."""
    losses: SampleLosses | None = None
    """None: they cannot be told by sample."""
