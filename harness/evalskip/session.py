"""One session for every experiment: it runs requests, keeps what came of them, and tells of both.

What is recorded already is not run again but answered from the store. An experiment that is begun
again so goes through what it did before, up to where it was cut off; for that, what it asks for
next depends on results alone, and never on the time that this process took.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING

from evalskip.engines.base import BlockLost, RunEnded
from evalskip.engines.local import LocalEngine
from evalskip.errors import InputError, MeasurementError
from evalskip.records import elapsed_s, whole_attempts
from evalskip.spec import OFF, OFF_AGAIN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from evalskip.engines import Engine
    from evalskip.jobs import Purpose, RunId, RunRequest
    from evalskip.plan import Block
    from evalskip.probe.measured import Prepared
    from evalskip.records import RunRecord, Steps
    from evalskip.results import ResultDirectory
    from evalskip.spec import Spec

RUN_TIME_S = 600.0
"""The least that a run may take before it is ended, where the spec does not say."""
_LOST = 2
"""How often a block may be lost and is run again."""
_AT_ONCE_S = 1.0


class Event:
    """Something that happened, as facts; experiments add kinds of their own."""


@dataclass(frozen=True)
class RunsPlanned(Event):
    """How many single runs an experiment will need from here on."""

    runs: int


@dataclass(frozen=True)
class RunKept(Event):
    """A run has ended and is on disk, or was there already."""

    record: RunRecord
    is_recalled: bool
    """Whether it was there already."""


@dataclass(frozen=True)
class BlockBegun(Event):
    """A block's parent is being made ready."""

    block: Block


@dataclass(frozen=True)
class BlockRepeated(Event):
    """A block's node is gone, and the block is run again."""

    block: Block
    reason: str


@dataclass(frozen=True)
class Result:
    """What came of a run, whether it was made now or recalled."""

    record: RunRecord
    steps: Steps | None
    """What it measured step by step; None: it did not end well, or was a trial."""


@dataclass(frozen=True)
class Stopwatch:
    """The time of an experiment, whichever session it was spent in."""

    earlier_s: float
    """What its runs took in the sessions before."""
    began: float
    """On ``time.monotonic``."""

    @property
    def seconds(self) -> float:
        """Up to now; what lay between sessions is left out."""
        return self.earlier_s + time.monotonic() - self.began


@dataclass(frozen=True)
class BlockResult:
    """The runs of a block that is finished."""

    records: list[RunRecord]
    is_recalled: bool


class Session:
    """The runs of one experiment, or of several that share a result directory.

    Args:
        spec: of the experiments.
        results: where all runs are recorded.
        emit: called with each event as it happens.
        engine_of: makes the engine; given what to call with what a parent prepared. None: runs are
            made on this machine.
    """

    def __init__(
        self,
        spec: Spec,
        results: ResultDirectory,
        emit: Callable[[Event], None],
        engine_of: Callable[[Callable[[Prepared], None]], Engine] | None = None,
    ) -> None:
        self.spec, self.results, self.emit = spec, results, emit
        self.limit_s = spec.limits.run_time or RUN_TIME_S
        """Time after which a run is ended, in seconds."""
        self._engine_of = engine_of or partial(LocalEngine, spec, results.logs)
        records = results.store.read()
        self._runs = {_key(each.request): each for each in records if _is_answer(each)}
        self._blocks: dict[RunId, deque[list[RunRecord]]] = {}
        for runs in whole_attempts(records, len(spec.all_arms())).values():
            first = min(runs, key=lambda run: run.position).request.id
            self._blocks.setdefault(first.with_attempt(0), deque()).append(runs)
        self._attempts: dict[RunId, int] = {}
        """The latest attempt at each run, whose name here is that of its first."""
        for record in records:
            self._note_attempt(record.request.id)
        self._before = records
        self._run_counts: Counter[Purpose] = Counter()
        self._has_ended_well = any(record.status == "ok" for record in records)
        self._failed_at_once: set[str] = set()

    def close(self) -> None:
        """Leave no process behind."""
        if "_engine" in self.__dict__:
            self._engine.close()

    def stopwatch(self, *purposes: Purpose) -> Stopwatch:
        """Begin to time an experiment whose runs have these purposes."""
        earlier = [record for record in self._before if record.request.id.purpose in purposes]
        return Stopwatch(elapsed_s(earlier), time.monotonic())

    def runs(self, *purposes: Purpose) -> int:
        """How many runs of these purposes are on disk."""
        earlier = sum(record.request.id.purpose in purposes for record in self._before)
        return earlier + sum(self._run_counts[purpose] for purpose in purposes)

    @property
    def room(self) -> int:
        """How many blocks can be run at the same time."""
        return self._engine.room

    def run(
        self, request: RunRequest, evaluation_samples: Sequence[int] = (), *, recalls: bool = True
    ) -> Result:
        """Make one run, or recall it.

        One that failed or took too long is made again in another session, and so is one whose
        steps are lost.

        Args:
            request: of the run; its attempt is chosen here.
            evaluation_samples: sizes of the evaluation sets that it and those after it need.
            recalls: whether one that is on disk will do.

        Raises:
            InputError: what the user wrote makes no run.
            MeasurementError: its parent could not be made ready, or was lost.
        """
        earlier = self._recorded(request) if recalls else None
        result = earlier
        if result is None:
            request = request.with_attempt(self._next_attempt(request.id))
            self._note_attempt(request.id)
            result = Result(*self._engine.run(request, evaluation_samples, self.limit_s))
            self._keep(result.record, result.steps)
        self.emit(RunKept(result.record, is_recalled=earlier is not None))
        return result

    def have_run_together(self, requests: Sequence[RunRequest]) -> bool:
        """Whether all of these are on disk, made at the same attempt and so under one load."""
        results = [self._recorded(request) for request in requests]
        attempts = {result.record.request.id.attempt for result in results if result}
        return all(results) and len(attempts) == 1

    def is_finished(self, block: Block) -> bool:
        """Whether an attempt at the block is on disk that was not recalled yet."""
        return bool(self._blocks.get(block.id))

    def run_blocks(
        self, blocks: Sequence[Block], fits: Callable[[Block], bool]
    ) -> Iterator[BlockResult]:
        """Run blocks, as many at once as there is room for, or recall the next attempt at each.

        One that is lost with its node is run again.

        Args:
            blocks: in the order in which they are begun.
            fits: whether a block may yet begin; where one may not, none after it does.

        Yields:
            Those that are finished, as they finish.

        Raises:
            InputError: what the user wrote makes no run.
            MeasurementError: a block's parent could not be made ready, or no run of the first
                block ended well.
        """
        due = deque(blocks)
        running: dict[RunId, list[RunRecord]] = {}
        lost: Counter[RunId] = Counter()
        has_room = True
        while due or running:
            while due:
                if self.is_finished(due[0]):
                    yield self._recalled(due.popleft())
                elif len(running) >= self.room:
                    break
                elif has_room and fits(due[0]):
                    running[due[0].id] = []
                    self._begin(due.popleft())
                else:
                    has_room = False
                    due.popleft()
            if not running:
                return
            event = self._engine.next()
            name = event.block.id.with_attempt(0)
            if isinstance(event, RunEnded):
                running[name].append(event.record)
                self._keep(event.record, event.steps)
                self.emit(RunKept(event.record, is_recalled=False))
                self._check_it_starts(event.record)
                continue
            records = running.pop(name)
            if isinstance(event, BlockLost):
                lost[name] += 1
                if lost[name] > _LOST:
                    raise MeasurementError(
                        f"{event.block.label} was lost {lost[name]} times: {event.reason}"
                    )
                self.emit(BlockRepeated(event.block, event.reason))
                due.appendleft(event.block.with_attempt(0))
                continue
            self._check_any_ended_well(event.block, records)
            yield BlockResult(records, is_recalled=False)

    @cached_property
    def _engine(self) -> Engine:
        return self._engine_of(self._prepared)

    def _recalled(self, block: Block) -> BlockResult:
        return BlockResult(self._blocks[block.id].popleft(), is_recalled=True)

    def _begin(self, block: Block) -> None:
        self.emit(BlockBegun(block))
        block = block.with_attempt(max(self._next_attempt(run.id) for run in block.runs))
        for run in block.runs:
            self._note_attempt(run.id)
        self._engine.begin(block, self.limit_s)

    def _next_attempt(self, run: RunId) -> int:
        return self._attempts.get(run.with_attempt(0), -1) + 1

    def _note_attempt(self, run: RunId) -> None:
        first = run.with_attempt(0)
        self._attempts[first] = max(run.attempt, self._attempts.get(first, 0))

    def _recorded(self, request: RunRequest) -> Result | None:
        """What is on disk of a request, if its steps are there as well where it has any."""
        record = self._runs.get(_key(request))
        if record is None:
            return None
        try:
            steps = self.results.store.steps_of(record)
        except InputError:
            return None
        is_whole = steps is not None or request.trial is not None
        return Result(record, steps) if is_whole else None

    def _keep(self, record: RunRecord, steps: Steps | None) -> None:
        # a run on a virtual clock takes less time than a disk
        self.results.store.append(record, steps, synced=not self.spec.job.is_virtual)
        self._run_counts[record.request.id.purpose] += 1
        self._has_ended_well |= record.status == "ok"
        if record.environment:
            self.results.note_environment(device=record.environment)

    def _check_it_starts(self, record: RunRecord) -> None:
        """See that a run that did not end well ran for a while, as one does whose job can start.

        Raises:
            MeasurementError: one of off, or those of two arms, failed at once, and none has ended
                well.
        """
        if record.status == "failed" and record.took_s < _AT_ONCE_S:
            self._failed_at_once.add(record.arm)
        has_failed = len(self._failed_at_once) > 1 or bool(self._failed_at_once & {OFF, OFF_AGAIN})
        if has_failed and not self._has_ended_well:
            raise MeasurementError(f"the job does not start; {record.arm}: {record.error}")

    def _check_any_ended_well(self, block: Block, records: Sequence[RunRecord]) -> None:
        if not self._has_ended_well and records:
            first = records[0]
            raise MeasurementError(
                f"no run of {block.label} ended well; {first.arm}: {first.status}: {first.error}"
            )

    def _prepared(self, prepared: Prepared) -> None:
        """Note what a parent prepared.

        Raises:
            InputError: runs before this one used other versions.
        """
        self.results.check_software(prepared.software)
        self.results.note_environment(software=prepared.software)
        if prepared.parameters is not None:
            self.results.note_environment(parameters=prepared.parameters)


def _key(request: RunRequest) -> str:
    """Equal for requests that ask for the same, at whichever attempt."""
    return request.with_attempt(0).model_dump_json()


def _is_answer(record: RunRecord) -> bool:
    """Whether the run would end so again, as far as one can know.

    Memory that others take runs out as well; what a trial was refused within its limit is sure.
    """
    return record.status == "ok" or (record.status == "out_of_memory" and bool(record.tried))
