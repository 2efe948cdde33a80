"""Matched blocks of every arm, until the design's looks or its budget are used up."""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING, Any, Protocol

from evalskip.analysis.frames import frame_of
from evalskip.analysis.summarise import BENCH_SECTIONS, summarise
from evalskip.engines import LocalEngine
from evalskip.errors import MeasurementError
from evalskip.plan import plan
from evalskip.records import finished_blocks
from evalskip.spec import OFF
from evalskip.summary import write_sections

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalskip.jobs import Measure
    from evalskip.plan import Block
    from evalskip.records import RunRecord
    from evalskip.results import ResultDirectory
    from evalskip.spec import Spec
    from evalskip.summary import Summary


class Watcher(Protocol):
    """Is told what happens, as it happens."""

    def planned(self, blocks: Sequence[Block], finished: int) -> None:
        """What is about to be run, and how many of these blocks are finished already."""

    def block_begins(self, block: Block) -> None:
        """A block's parent is being made ready."""

    def run_ended(self, record: RunRecord) -> None:
        """A run has ended and is on disk."""

    def block_ended(self, summary: Summary) -> None:
        """A block has ended; the summary holds it."""


def bench(spec: Spec, results: ResultDirectory, watcher: Watcher) -> Summary:
    """Run what is missing of an experiment, and summarise the whole.

    Raises:
        MeasurementError: no run of the off arm ended well, or a block's parent could not start.

    """
    experiment = _Experiment(spec, results, watcher)
    summary = experiment.run()
    off = [r for records in experiment.finished.values() for r in records if r.arm == OFF]
    if not any(record.status == "ok" for record in off):
        reason = f"{off[0].status}: {off[0].error}" if off else summary.effort.stopped
        raise MeasurementError(f"no run of {OFF} ended well: {reason}")
    return summary


class _Experiment:
    def __init__(self, spec: Spec, results: ResultDirectory, watcher: Watcher) -> None:
        self._spec, self._results, self._watcher = spec, results, watcher
        self._arms = len(spec.all_arms())
        records = results.store.read()
        self._attempts = _next_attempts(records)
        self.finished: dict[int, list[RunRecord]] = finished_blocks(records, self._arms)
        self._engine = LocalEngine(spec, results.logs, self._prepared)

    def run(self) -> Summary:
        began = time.monotonic()
        before = _seconds(self.finished)
        # the first look ends the experiment: nothing is decided here that more would settle
        blocks = [b for b in plan(self._spec) if b.index <= self._spec.design.looks[0]]
        missing = [block for block in blocks if block.index not in self.finished]
        self._watcher.planned(blocks, len(blocks) - len(missing))
        stopped = f"all {len(blocks)} blocks are run"
        longest: dict[Measure, float] = {}
        for block in missing:
            block_began = time.monotonic()
            if block_began - began + longest.get(block.measure, 0) > self._spec.design.budget:
                stopped = f"the budget of {self._spec.design.budget:g} s is used up"
                break
            self._run(block)
            took = time.monotonic() - block_began
            longest[block.measure] = max(longest.get(block.measure, 0), took)
            self._watcher.block_ended(self._summary(before + time.monotonic() - began, "running"))
        summary = self._summary(before + time.monotonic() - began, stopped)
        self._write_table()
        return write_sections(self._results.path, summary, BENCH_SECTIONS)

    def _run(self, block: Block) -> None:
        self._watcher.block_begins(block)
        attempt = self._attempts.get(block.index, 0)
        records = []
        # closing ends the block's processes at once, whatever interrupts it
        with closing(self._engine.run(block, attempt)) as runs:
            for record, steps in runs:
                self._results.store.append(record, steps)
                records.append(record)
                self._watcher.run_ended(record)
                if record.environment:
                    self._results.note_environment(device=record.environment)
        self.finished[block.index] = records

    def _prepared(self, prepared: dict[str, Any]) -> None:
        self._results.note_environment(
            software=prepared["software"], parameters=prepared["parameters"]
        )

    def _summary(self, seconds: float, stopped: str) -> Summary:
        return summarise(
            self._spec,
            self.finished,
            self._results.store,
            name=self._results.name,
            environment=self._results.environment,
            seconds=seconds,
            stopped=stopped,
        )

    def _write_table(self) -> None:
        records = [record for block in self.finished.values() for record in block]
        frame_of(records).to_csv(self._results.path / "runs.csv", index=False)


def _next_attempts(records: Sequence[RunRecord]) -> dict[int, int]:
    """The attempt number with which a block that was cut off is run again."""
    attempts: dict[int, int] = {}
    for record in records:
        attempts[record.block] = max(attempts.get(record.block, 0), record.attempt + 1)
    return attempts


def _seconds(finished: Mapping[int, Sequence[RunRecord]]) -> float:
    """What finished runs took, when an experiment is resumed."""
    return sum(r.turnaround_ns for records in finished.values() for r in records) / 1e9
