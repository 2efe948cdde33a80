"""Matched blocks of every arm, until the design's looks or its budget are used up."""

from __future__ import annotations

import time
from collections import Counter, deque
from contextlib import closing
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Any, Protocol

from evalskip.analysis.frames import frame_of
from evalskip.analysis.identity import summary_of
from evalskip.analysis.summarise import summarise
from evalskip.analysis.verdicts import settled
from evalskip.engines.base import BlockLost, RunEnded
from evalskip.errors import MeasurementError
from evalskip.experiments.duration import Estimate, estimate, see_it_starts, slice_for
from evalskip.machine.disturbance import is_disturbed
from evalskip.notes import note
from evalskip.plan import plan
from evalskip.records import whole_attempts
from evalskip.slices import Slice
from evalskip.spec import OFF
from evalskip.summary import write_sections

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from evalskip.engines import Engine
    from evalskip.jobs import Measure
    from evalskip.plan import Block
    from evalskip.records import Attempt, RunRecord
    from evalskip.results import ResultDirectory
    from evalskip.spec import Spec
    from evalskip.summary import BenchSummary, Summary


_RUN_TIME_S = 600.0
"""The least that a run may take before it is ended, where the spec does not say."""
_LOST = 2
"""How often a block may be lost and is run again."""
_TELLING = 10.0
"""So many times as long as telling how things stand takes, nothing more is told."""


class Watcher(Protocol):
    """Is told what happens, as it happens."""

    def estimated(self, spec: Spec, found: Estimate | None, sliced: Slice | None) -> None:
        """How long whole runs take, by the pilot, and how much of one will be run."""

    def planned(self, blocks: Sequence[Block], finished: int) -> None:
        """What is about to be run, and how many of these blocks are finished already."""

    def block_begins(self, block: Block) -> None:
        """A block's parent is being made ready."""

    def run_ended(self, record: RunRecord) -> None:
        """A run has ended and is on disk."""

    def block_ended(self, bench: BenchSummary) -> None:
        """A block has ended; the section holds it. Not called for every one of many."""

    def block_lost(self, block: Block, reason: str) -> None:
        """A block's node is gone; the block is run again."""


def bench(
    spec: Spec,
    results: ResultDirectory,
    watcher: Watcher,
    engine_of: Callable[[Callable[[dict[str, Any]], None]], Engine],
) -> Summary:
    """Run what is missing of an experiment, and summarise the whole.

    Args:
        spec: of the experiment.
        results: where it is recorded.
        watcher: is told what happens.
        engine_of: makes the engine; given what to call with what a block's parent prepared.

    Raises:
        MeasurementError: no run of the off arm ended well, or a block's parent could not start.
    """
    experiment = _Experiment(spec, results, watcher, engine_of)
    with closing(experiment):
        summary = experiment.run()
    measure = "time" if "time" in spec.measure else "memory"
    runs = [run for records in experiment.finished.values() for run in records]
    off = [run for run in runs if run.arm == OFF and run.measure == measure]
    if not any(record.status == "ok" for record in off):
        reason = f"{off[0].status}: {off[0].error}" if off else "none was run within the budget"
        raise MeasurementError(f"no run of {OFF} ended well: {reason}")
    return summary


class _Experiment:
    def __init__(
        self,
        spec: Spec,
        results: ResultDirectory,
        watcher: Watcher,
        engine_of: Callable[[Callable[[dict[str, Any]], None]], Engine],
    ) -> None:
        self._spec, self._results, self._watcher = spec, results, watcher
        self._arms = len(spec.all_arms())
        self._judged = spec.judged_arms()
        records = results.store.read()
        self._attempts = _next_attempts(records)
        self.finished: dict[Attempt, list[RunRecord]] = whole_attempts(records, self._arms)
        self._limit_s = spec.limits.run_time or _RUN_TIME_S
        self._took: dict[Measure, list[float]] = {}
        """Seconds of each block that has ended, by what it measured."""
        self._has_begun = False
        self._has_ended_well = any(
            run.status == "ok" for runs in self.finished.values() for run in runs
        )
        self._began = time.monotonic()
        self._before = sum(map(_seconds, self.finished.values()))
        self._told_at = self._telling_took = 0.0
        self._engine = engine_of(self._prepared)

    def run(self) -> Summary:
        blocks = plan(self._spec, self._slice())
        done = {block for block, _ in self.finished}
        self._watcher.planned(blocks, sum(block.index in done for block in blocks))
        stopped = note("all_blocks_run")
        timed = [block for block in blocks if block.measure == "time"]
        metered = [block for block in blocks if block.measure != "time" and block.index not in done]
        section = None
        for look in self._spec.design.looks if timed else ():
            due = [block for block in timed if block.index <= look and block.index not in done]
            if not due and any(block.index > look for block in timed if block.index in done):
                continue  # it was looked at before there were the blocks beyond it
            done |= {block.index for block in due}
            suffices = self._run_all(due)
            self._run_all(metered)
            metered = []
            if suffices:
                self._repeat([block for block in timed if block.index <= look])
            section = self._section()
            if not suffices:
                stopped = note("budget_used", budget=self._spec.design.budget)
                break
            if self._judged and settled(section.comparisons, self._judged):
                stopped = note("verdicts_settled", look=look)
                break
        if section is None:
            self._run_all(metered)
            section = self._section()
        effort = section.effort.model_copy(update={"stopped": stopped})
        section = section.model_copy(update={"effort": effort})
        records = [record for runs in self.finished.values() for record in runs]
        frame_of(records).to_csv(self._results.path / "runs.csv", index=False)
        summary = summary_of(self._spec, self._results, records, bench=section)
        return write_sections(self._results.path, summary)

    def close(self) -> None:
        """Leave no process behind."""
        self._engine.close()

    def _slice(self) -> Slice | None:
        """How much of the job is run; what an experiment was begun with stays."""
        known, wanted = self._results.environment, self._spec.design.sliced
        if "sliced" in known:
            if self._spec.limits.run_time is None:
                self._limit_s = known["run_time_s"]
            return Slice.model_validate(known["sliced"]) if known["sliced"] else None
        if self._spec.job.is_virtual:  # a virtual clock takes no time
            return wanted
        found = estimate(self._spec, self._engine, self._limit_s)
        self._has_ended_well |= found is not None
        sliced = wanted or (slice_for(self._spec, found) if found else None)
        if found and self._spec.limits.run_time is None:
            self._limit_s = max(_RUN_TIME_S, 3 * found.longest_s)
        if found and not sliced:
            self._took["time"] = [found.experiment_s(1)]
        self._watcher.estimated(self._spec, found, sliced)
        self._results.note_environment(
            sliced=sliced.model_dump() if sliced else None, run_time_s=self._limit_s
        )
        return sliced

    def _fits(self, block: Block) -> bool:
        """Whether the budget allows for the block; the first of all is run in any case."""
        if not self._has_begun:
            return True
        spent = time.monotonic() - self._began
        # one that meters memory takes about as long as one that is timed
        took = self._took.get(block.measure) or [
            each for own in self._took.values() for each in own
        ]
        return spent + median(took or [0.0]) <= self._spec.design.budget

    def _repeat(self, blocks: Sequence[Block]) -> None:
        """Run blocks again that others disturbed, with what is left of the budget.

        Where the ones that are run again are disturbed as well, the disturbance lasts, and no more
        are.
        """
        due = deque(
            block
            for block in blocks
            if self._disturbed(block) and self._attempts[block.index] <= self._spec.design.repeats
        )
        while due:
            batch = [due.popleft() for _ in range(min(len(due), self._engine.room))]
            if not self._run_all(batch) or any(map(self._disturbed, batch)):
                return

    def _disturbed(self, block: Block) -> bool:
        """Whether others disturbed the latest attempt at a block."""
        attempts = [attempt for attempt in self.finished if attempt[0] == block.index]
        if not attempts:
            return False
        return bool(is_disturbed(run.disturbance for run in self.finished[max(attempts)]))

    def _run_all(self, blocks: Sequence[Block]) -> bool:
        """Run blocks, as many at once as there is room for; whether the budget sufficed.

        One that is lost with its node is run again.
        """
        due = deque(blocks)
        running: dict[int, _Running] = {}
        lost = Counter[int]()
        suffices = True
        while due or running:
            while due and len(running) < self._engine.room and suffices:
                if not self._fits(due[0]):
                    suffices = False
                    break
                block = due.popleft()
                running[block.index] = self._begin(block)
            if not running:
                return False
            event = self._engine.next()
            index = event.block.index
            if isinstance(event, RunEnded):
                self._keep(event, running[index])
                continue
            ended = running.pop(index)
            if isinstance(event, BlockLost):
                lost[index] += 1
                if lost[index] > _LOST:
                    raise MeasurementError(
                        f"{event.block.label} was lost {lost[index]} times: {event.reason}"
                    )
                self._watcher.block_lost(event.block, event.reason)
                due.appendleft(event.block)
                continue
            self._end(event.block, ended)
        return suffices

    def _begin(self, block: Block) -> _Running:
        self._watcher.block_begins(block)
        self._has_begun = True
        attempt = self._attempts.get(block.index, 0)
        self._attempts[block.index] = attempt + 1
        self._engine.begin(block, attempt, self._limit_s)
        return _Running(attempt)

    def _keep(self, event: RunEnded, running: _Running) -> None:
        record = event.record
        # a run on a virtual clock takes less time than a disk
        synced = not self._spec.job.is_virtual
        self._results.store.append(record, event.steps, synced=synced)
        running.records.append(record)
        self._watcher.run_ended(record)
        self._has_ended_well |= record.status == "ok"
        if not self._has_ended_well:
            see_it_starts(record)
        if record.environment:
            self._results.note_environment(device=record.environment)

    def _end(self, block: Block, ended: _Running) -> None:
        """Count a block as finished.

        Raises:
            MeasurementError: it is the first, and no run of it ended well.
        """
        if not self._has_ended_well and ended.records:
            first = ended.records[0]
            raise MeasurementError(
                f"no run of {block.label} ended well; {first.arm}: {first.status}: {first.error}"
            )
        self.finished[block.index, ended.attempt] = ended.records
        self._took.setdefault(block.measure, []).append(_seconds(ended.records))
        # what it takes to tell grows with what there is to tell
        now = time.monotonic()
        if now - self._told_at >= _TELLING * self._telling_took:
            self._watcher.block_ended(self._section())
            self._told_at = time.monotonic()
            self._telling_took = self._told_at - now

    def _prepared(self, prepared: dict[str, Any]) -> None:
        self._results.check_software(prepared["software"])
        self._results.note_environment(software=prepared["software"])
        if prepared["parameters"] is not None:
            self._results.note_environment(parameters=prepared["parameters"])

    def _section(self) -> BenchSummary:
        return summarise(
            self._spec,
            self.finished,
            self._results.store,
            seconds=self._before + time.monotonic() - self._began,
            stopped=note("running"),
        )


@dataclass
class _Running:
    attempt: int
    records: list[RunRecord] = field(default_factory=list)


def _seconds(runs: Sequence[RunRecord]) -> float:
    """What a block took, the start of its parent included."""
    return (runs[0].block_start_ns + sum(run.turnaround_ns for run in runs)) / 1e9


def _next_attempts(records: Sequence[RunRecord]) -> dict[int, int]:
    """The attempt number with which a block that was cut off is run again."""
    attempts: dict[int, int] = {}
    for record in records:
        attempts[record.block] = max(attempts.get(record.block, 0), record.attempt + 1)
    return attempts
