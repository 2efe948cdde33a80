"""Matched blocks of every arm, until the design's looks or its budget are used up."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from evalskip.analysis.frames import frame_of
from evalskip.analysis.identity import summary_of
from evalskip.analysis.summarise import summarise
from evalskip.analysis.verdicts import settled
from evalskip.errors import MeasurementError
from evalskip.experiments.duration import Estimate, estimate, slice_for
from evalskip.files import write_atomically
from evalskip.machine.disturbance import is_disturbed
from evalskip.notes import note
from evalskip.plan import plan
from evalskip.records import duration_s
from evalskip.session import RUN_TIME_S, Event
from evalskip.spec import OFF
from evalskip.summary import write_sections

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.jobs import Measure
    from evalskip.plan import Block
    from evalskip.records import Attempt, RunRecord
    from evalskip.session import Session
    from evalskip.slices import Slice
    from evalskip.spec import Spec
    from evalskip.summary import BenchSummary, Summary


_TELLING = 10.0
"""So many times as long as a summary on the way takes, no other is made."""


@dataclass(frozen=True)
class DurationEstimated(Event):
    """How long whole runs take, by the pilot, and how much of one will be run."""

    spec: Spec
    estimate: Estimate | None
    sliced: Slice | None


@dataclass(frozen=True)
class BlocksPlanned(Event):
    """What may be run, how many of these blocks are finished already, and for how long at most."""

    blocks: Sequence[Block]
    finished: int
    budget_s: float


@dataclass(frozen=True)
class BlocksSummarised(Event):
    """What all blocks say up to now; not emitted after every one of many."""

    bench: BenchSummary


def bench(session: Session) -> Summary:
    """Run what is missing of an experiment, and summarise the whole.

    Raises:
        MeasurementError: no run of the off arm ended well, or a block's parent could not start.
    """
    experiment = _Experiment(session)
    summary = experiment.run()
    measure = "time" if "time" in session.spec.measure else "memory"
    runs = [run for records in experiment.finished.values() for run in records]
    off = [run for run in runs if run.arm == OFF and run.measure == measure]
    if not any(record.status == "ok" for record in off):
        reason = f"{off[0].status}: {off[0].error}" if off else "none was run within the budget"
        raise MeasurementError(f"no run of {OFF} ended well: {reason}")
    return summary


class _Experiment:
    def __init__(self, session: Session) -> None:
        self._session, self._spec, self._results = session, session.spec, session.results
        self._judged = session.spec.judged_arms()
        self.finished: dict[Attempt, list[RunRecord]] = {}
        self._took: dict[Measure, list[float]] = {}
        """Seconds of each block that has ended, by what it measured."""
        self._expected_s = 0.0
        """The same of a block of whole runs, by the pilot."""
        self._has_begun = False
        self._stopwatch = session.stopwatch("duration", "time", "memory")
        self._summarised_at = self._summary_took = 0.0

    def run(self) -> Summary:
        blocks = plan(self._spec, self._slice())
        finished = sum(map(self._session.is_finished, blocks))
        self._session.emit(BlocksPlanned(blocks, finished, self._spec.design.budget))
        stopped = note("all_blocks_run")
        timed = [block for block in blocks if block.measure == "time"]
        metered = [block for block in blocks if block.measure != "time"]
        before = 0
        section = None
        for count in self._spec.design.looks if timed else ():
            suffices = self._run_all(timed[before:count])
            before = count
            suffices &= self._run_all(metered)
            metered = []
            if suffices:
                self._repeat(timed[:count])
            section = self._section()
            if not suffices:
                stopped = note("budget_used", budget=self._spec.design.budget)
                break
            # blocks beyond, which an earlier session has run, count as well
            is_last = not any(map(self._session.is_finished, timed[count:]))
            if is_last and self._judged and settled(section.comparisons, self._judged):
                stopped = note("verdicts_settled", look=count)
                break
        if section is None:
            if not self._run_all(metered):
                stopped = note("budget_used", budget=self._spec.design.budget)
            section = self._section()
        effort = section.effort.model_copy(update={"stopped": stopped})
        section = section.model_copy(update={"effort": effort})
        records = [record for runs in self.finished.values() for record in runs]
        write_atomically(self._results.path / "runs.csv", frame_of(records).to_csv(index=False))
        summary = summary_of(self._spec, self._results, records, bench=section)
        return write_sections(self._results.path, summary)

    def _slice(self) -> Slice | None:
        """How much of the job is run; what an experiment was begun with stays."""
        environment, spec_slice = self._results.environment, self._spec.design.sliced
        if environment.run_time_s is not None:
            if self._spec.limits.run_time is None:
                self._session.limit_s = environment.run_time_s
            return environment.sliced
        if self._spec.job.is_virtual:  # a virtual clock takes no time
            return spec_slice
        durations = estimate(self._session)
        sliced = spec_slice or (slice_for(self._spec, durations) if durations else None)
        if any(arm.is_known_whole for arm in self._spec.all_arms()):
            sliced = None
        if durations and self._spec.limits.run_time is None:
            self._session.limit_s = max(RUN_TIME_S, 3 * durations.longest_s)
        if durations and not sliced:
            self._expected_s = durations.experiment_s(1)
        self._session.emit(DurationEstimated(self._spec, durations, sliced))
        if durations or self._session.runs("time", "memory"):
            self._results.note_environment(
                sliced=sliced.model_dump() if sliced else None, run_time_s=self._session.limit_s
            )
        return sliced

    def _fits(self, block: Block) -> bool:
        """Whether the budget allows for the block; the first of all is run in any case."""
        if not self._has_begun and not self.finished:
            self._has_begun = True
            return True
        # one that meters memory takes about as long as one that is timed
        took = self._took.get(block.measure) or [
            each for own in self._took.values() for each in own
        ]
        needed_s = median(took or [self._expected_s])
        return self._stopwatch.seconds + needed_s <= self._spec.design.budget

    def _repeat(self, blocks: Sequence[Block]) -> None:
        """Run blocks again that others disturbed, with what is left of the budget.

        Where the ones that are run again are disturbed as well, the disturbance lasts, and no more
        are.
        """
        due = deque(
            block
            for block in blocks
            if self._disturbed(block) and len(self._attempts(block)) <= self._spec.design.repeats
        )
        while due:
            batch = [due.popleft() for _ in range(min(len(due), self._session.room))]
            if not self._run_all(batch) or any(map(self._disturbed, batch)):
                return

    def _attempts(self, block: Block) -> list[Attempt]:
        return [each for each in self.finished if each[:2] == (block.id.purpose, block.id.block)]

    def _disturbed(self, block: Block) -> bool:
        """Whether others disturbed the latest attempt at a block."""
        attempts = self._attempts(block)
        if not attempts:
            return False
        return bool(is_disturbed(run.disturbance for run in self.finished[max(attempts)]))

    def _run_all(self, blocks: Sequence[Block]) -> bool:
        """Run blocks, as many at once as there is room for; whether the budget sufficed."""
        count = 0
        for result in self._session.run_blocks(blocks, self._fits):
            count += 1
            records = result.records
            self.finished[records[0].group] = records
            self._took.setdefault(records[0].measure, []).append(duration_s(records))
            if not result.is_recalled:
                self._show()
        return count == len(blocks)

    def _show(self) -> None:
        # what a summary takes grows with what there is to summarise
        now = time.monotonic()
        if now - self._summarised_at >= _TELLING * self._summary_took:
            self._session.emit(BlocksSummarised(self._section()))
            self._summarised_at = time.monotonic()
            self._summary_took = self._summarised_at - now

    def _section(self) -> BenchSummary:
        return summarise(
            self._spec,
            self.finished,
            self._results.store,
            seconds=self._stopwatch.seconds,
            stopped=note("running"),
        )
