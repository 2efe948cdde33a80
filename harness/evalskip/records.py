"""A run's record, and the append-only store of them.

A run is one line of ``runs.jsonl``, appended and flushed to disk once the run has ended: what was
asked for, and what came of it. What it measured step by step lies in ``steps/`` and is on disk
before the line is. A block that was cut off is run again whole under the next attempt number; the
lines of the attempt before stay.
"""

from __future__ import annotations

import os
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_serializer

from evalskip.errors import InputError
from evalskip.files import append_line, write_atomically
from evalskip.jobs.base import Measure, Purpose, RunRequest
from evalskip.machine.disturbance import Disturbance, is_disturbed
from evalskip.machine.fingerprint import Node
from evalskip.notes import Note, note
from evalskip.probe.besides import Beside
from evalskip.probe.measured import Curve, EvaluationLosses, FullRun, Rank, Timeline, TriedBatch

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from evalskip.slices import Slice

SCHEMA: Literal[2] = 2
"""Of records; those of another are refused."""

Status = Literal["ok", "out_of_memory", "failed", "timed_out"]


class Attempt(NamedTuple):
    """One attempt at a block; attempts count from 0."""

    purpose: Purpose
    block: int
    attempt: int


class EvaluatedSet(BaseModel):
    """One of several sets that a run evaluates."""

    model_config = ConfigDict(extra="forbid")

    samples: int = Field(description="in one evaluation")
    ns: int = Field(description="of all its evaluations together")


class RunRecord(BaseModel):
    """One finished run. Durations are whole nanoseconds, memory is bytes."""

    # a training that diverges has weights that are not numbers
    model_config = ConfigDict(extra="forbid", ser_json_inf_nan="constants")

    schema_version: Literal[2]
    experiment: str = Field(description="digest of the spec")
    request: RunRequest = Field(description="what was asked for")
    status: Status
    error: str | None = None
    started_at: str = Field(description="UTC, ISO 8601")
    setup_ns: dict[str, int] = Field(
        default={}, description="the parts of set-up, those shared with other runs included"
    )
    is_extrapolated: bool = Field(
        default=False,
        description="a slice of the job was run; times and counts are told from it for the whole",
    )
    may_stop_early: bool = Field(
        default=False,
        description="extrapolated, and a rule of the job may end the whole before its last step",
    )
    wall_ns: int | None = Field(default=None, description="training time")
    phases_ns: dict[str, int] = Field(default={}, description="sums to T exactly")
    waits_ns: dict[str, int] = Field(
        default={}, description="of each phase, what was spent at collectives: phase wait"
    )
    ranks: list[Rank] = Field(
        default=[], description="where there are several; T and its phases are the slowest one's"
    )
    block_start_ns: int = Field(
        default=0,
        description="what making the parent ready took: that of its block, or of a run by itself "
        "that was its first",
    )
    turnaround_ns: int = Field(description="from asking for the run to having its record")
    steps: int = 0
    evaluations: int = 0
    evaluated_after: list[int] = []
    evaluation_samples: int | None = Field(default=None, description="in one evaluation")
    evaluation_sets: dict[str, EvaluatedSet] = Field(
        default={}, description="by name, where there are several"
    )
    first_evaluation_ns: int | None = Field(
        default=None, description="it may pay for set-up, autotuning, compilation"
    )
    train_tokens: int = 0
    evaluation_tokens: int = 0
    tried: TriedBatch | None = Field(default=None, description="of a trial, what came of it")
    train_peaks: dict[str, dict[str, int]] = Field(
        default={},
        description="peaks of train steps before_evaluation and after_evaluation, the first one",
    )
    work_digest: str | None = Field(default=None, description="of every training batch's inputs")
    losses_digest: str | None = Field(default=None, description="of the raw loss per micro-step")
    weights_digest: str | None = Field(default=None, description="of the final weights")
    weights_sketch: list[float] = []
    evaluation_losses: EvaluationLosses | None = Field(
        default=None, description="of the final weights; null: it was not asked for"
    )
    beside: Beside | None = Field(
        default=None, description="of what a second process evaluated; null: nothing"
    )
    peak_bytes: dict[str, dict[str, int]] = {}
    usage: dict[str, float] = Field(
        default={}, description="what the kernel counted for the run's process"
    )
    environment: dict[str, Any] = {}
    node: Node | None = Field(default=None, description="where there are several")
    activity: dict[str, float] = Field(
        default={}, description="means: own_cores and others_cores busy, share of time waiting"
    )
    disturbed_s: float | None = Field(
        default=None, description="seconds in which others took what it needed; null: not judged"
    )
    observed_s: float = Field(default=0.0, description="of how many")

    @field_serializer("request", mode="plain")
    def _with_defaults(self, request: RunRequest) -> dict[str, Any]:
        # kinds of schedules are told apart by what is a default of each
        return request.model_dump(mode="json")

    @property
    def arm(self) -> str:
        """What it evaluated, by the arm's name."""
        return self.request.arm

    @property
    def measure(self) -> Measure:
        """Whether it was timed, or metered memory."""
        return self.request.measure

    @property
    def seed(self) -> int:
        """Of its training."""
        return self.request.seed

    @property
    def block(self) -> int:
        """Number of its block, among those of the same purpose."""
        return self.request.id.block

    @property
    def attempt(self) -> int:
        """At its block, or at itself, from 0."""
        return self.request.id.attempt

    @property
    def position(self) -> int:
        """Its place in the order of its block, from 0."""
        return self.request.id.position

    @property
    def group(self) -> Attempt:
        """The attempt at a block that it is of."""
        return Attempt(self.request.id.purpose, self.block, self.attempt)

    @property
    def extrapolated(self) -> Slice | None:
        """How much of the job was run, where times and counts are told from it for the whole."""
        return self.request.sliced if self.is_extrapolated else None

    @property
    def took_s(self) -> float:
        """From asking for the run to having its record."""
        return self.turnaround_ns / 1e9

    @property
    def disturbance(self) -> Disturbance | None:
        """How much of the run others disturbed; a block is judged by that of all its runs."""
        if self.disturbed_s is None:
            return None
        return Disturbance(self.disturbed_s, self.observed_s)

    @property
    def error_in_a_line(self) -> str:
        """How it failed, with the job's last lines; empty where it did not."""
        return " / ".join((self.error or "").splitlines())

    @property
    def name(self) -> str:
        """Names the run, and its file in ``steps/``."""
        arm = self.arm.replace("@", "-").replace(":", "-")
        return f"{self.request.id.name}-{arm}"

    @property
    def own_setup_ns(self) -> int:
        """All parts of set-up together."""
        return sum(self.setup_ns.values())


class Steps(BaseModel):
    """What a run measured step by step, as a file in ``steps/`` holds it."""

    model_config = ConfigDict(ser_json_inf_nan="constants")

    timeline: Timeline
    full_run: FullRun | None = None
    losses: list[float]
    batch_digests: list[str]
    curve: Curve | None = None
    activity: list[list[float]]
    gpu_activity: list[dict[str, Any]] = []


class RecordStore:
    """The records under one result directory."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "runs.jsonl"
        self._steps = directory / "steps"
        self.warnings: list[Note] = []

    def read(self) -> list[RunRecord]:
        """All records; a torn last line is dropped, with a warning.

        Raises:
            InputError: another line is no record.
        """
        if not self.path.exists():
            return []
        lines = self.path.read_bytes().split(b"\n")
        torn = lines.pop()
        if torn:
            self._warn_of_torn_line()
        records = []
        for number, line in enumerate(lines, start=1):
            try:
                records.append(RunRecord.model_validate_json(line))
            except ValidationError as error:
                first = error.errors()[0]
                place = ".".join(map(str, first["loc"])) or "the line"
                raise InputError(
                    f"{self.path}: line {number}: expected a run's record of schema {SCHEMA}, as "
                    f"this evalskip writes them: {place}: {first['msg']}"
                ) from None
        return records

    def mend(self) -> None:
        """Cut a torn last line off, with a warning, so that the next begins a line of its own."""
        if not self.path.exists():
            return
        content = self.path.read_bytes()
        full_run = content.rfind(b"\n") + 1
        if full_run < len(content):
            self._warn_of_torn_line()
            with self.path.open("r+b") as file:
                file.truncate(full_run)
                os.fsync(file.fileno())

    def _warn_of_torn_line(self) -> None:
        self.warnings.append(note("line_torn", file=self.path.name))

    def append(self, record: RunRecord, steps: Steps | None, *, synced: bool = True) -> None:
        """Add one run; when this returns, it is on disk.

        Args:
            record: of the run.
            steps: what it measured step by step.
            synced: False: it is with the system, which writes it soon. What a loss of power then
                takes is worth less than the wait where a run takes a millisecond.
        """
        if steps is not None:
            self._steps.mkdir(exist_ok=True)
            place = self._steps / f"{record.name}.json"
            write_atomically(place, steps.model_dump_json(), synced=synced)
        append_line(self.path, record.model_dump_json(exclude_defaults=True), synced=synced)

    def steps_of(self, record: RunRecord) -> Steps | None:
        """What a run measured step by step; None where it measured nothing.

        Raises:
            InputError: the file holds other things.
        """
        path = self._steps / f"{record.name}.json"
        if not path.exists():
            return None
        try:
            return Steps.model_validate_json(path.read_bytes())
        except ValidationError as error:
            problem = error.errors()[0]["msg"]
            raise InputError(f"{path}: expected what a run measured: {problem}") from None


def whole_attempts(records: Iterable[RunRecord], arms: int) -> dict[Attempt, list[RunRecord]]:
    """The records of every attempt at a block that holds every arm, in order.

    Args:
        records: of one experiment; those of other purposes are passed over.
        arms: how many arms a block has.
    """
    attempts: dict[Attempt, dict[str, RunRecord]] = {}
    for record in records:
        if record.request.id.purpose in ("time", "memory"):
            attempts.setdefault(record.group, {})[record.arm] = record
    return {key: list(runs.values()) for key, runs in sorted(attempts.items()) if len(runs) == arms}


def disturbed_blocks(records: Iterable[RunRecord]) -> dict[Attempt, bool | None]:
    """Whether others disturbed each attempt at a block, by all its runs; None: not judged."""
    judged: dict[Attempt, list[Disturbance | None]] = {}
    for record in records:
        judged.setdefault(record.group, []).append(record.disturbance)
    return {attempt: is_disturbed(runs) for attempt, runs in judged.items()}


def latest_attempts(attempts: Iterable[Attempt]) -> list[Attempt]:
    """Of each block that is finished, the latest whole attempt."""
    return list({attempt[:2]: attempt for attempt in sorted(attempts)}.values())


def elapsed_s(records: Iterable[RunRecord]) -> float:
    """The time in which any of these ran, or their parents were started; at once counts once."""
    spans = []
    for record in records:
        began = datetime.fromisoformat(record.started_at).timestamp()
        start_s = record.block_start_ns / 1e9 if record.position == 0 else 0.0
        spans.append((began - start_s, began + record.took_s))
    total, until = 0.0, float("-inf")
    for begin, end in sorted(spans):
        total += max(0.0, end - max(begin, until))
        until = max(until, end)
    return total


def duration_s(runs: Iterable[RunRecord]) -> float:
    """What runs of one parent took, one after the other, the start of their parent included."""
    runs = list(runs)
    return runs[0].block_start_ns / 1e9 + sum(run.took_s for run in runs)
