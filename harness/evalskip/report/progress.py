"""What a person sees while experiments run: what is done, time left, and what is known by now."""

from __future__ import annotations

import math
import time
from collections import Counter
from functools import singledispatchmethod
from typing import TYPE_CHECKING

from rich.console import Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.text import Text

from evalskip.analysis.verdicts import FEWEST_BLOCKS
from evalskip.experiments.bench import BlocksPlanned, BlocksSummarised, DurationEstimated
from evalskip.experiments.headroom import BatchFound, SearchBegun, TimingBegun, TimingFailed
from evalskip.experiments.pilots import MemoryLeftOut, PilotMade
from evalskip.experiments.regret import CurveKept, ReplayProven
from evalskip.plan import label_of
from evalskip.report import digits
from evalskip.report.words import ENGLISH
from evalskip.session import BlockBegun, BlockRepeated, Event, RunKept, RunsPlanned

if TYPE_CHECKING:
    from types import TracebackType

    from rich.console import Console

    from evalskip.records import RunRecord


class Countdown:
    """How much is left of a number of steps that take about as long as each other.

    The first, which pays for imports, says nothing of the others.
    """

    def __init__(self, total: int) -> None:
        self._total, self._done = total, 0
        self._began = 0.0

    def step(self) -> str:
        """One more is done: ``3 of 4, about 12 s left``."""
        now = time.monotonic()
        self._began = self._began or now
        self._done += 1
        left = max(0, self._total - self._done)
        about = ""
        if left and self._done > 1:
            left_s = (now - self._began) / (self._done - 1) * left
            about = f", about {digits.duration(left_s)} left"
        return f"{self._done} of {max(self._done, self._total)}{about}"


class ProgressView:
    """A bar and what is known by now on a terminal; plain lines elsewhere."""

    def __init__(self, console: Console) -> None:
        self._ends = math.inf
        self._console = console
        self._live: Live | None = None
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("runs{task.fields[left]}"),
            console=console,
        )
        self._task = self._bar.add_task("starting", total=None, left="")
        self._gains = Text("")
        self._runs_left = self._blocks_left = 0
        self._kept: Counter[tuple[str, int]] = Counter()
        """Runs that are kept of each block."""
        self._run_s: list[float] = []
        self._start_s: list[float] = []
        self._block_start = self._last = 0.0

    def __enter__(self) -> ProgressView:
        if self._console.is_terminal:
            self._live = Live(Group(self._bar, self._gains), console=self._console, transient=True)
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live:
            self._live.stop()

    @singledispatchmethod
    def show(self, event: Event) -> None:
        """Show what happened.

        Raises:
            NotImplementedError: there are no words for it.
        """
        raise NotImplementedError(type(event).__name__)

    @show.register
    def _(self, event: DurationEstimated) -> None:
        design, estimate, sliced = event.spec.design, event.estimate, event.sliced
        if estimate is None:
            self._line("no estimate of the time it takes: no short pilot of the job could be run")
            return
        budget = digits.duration(design.budget)
        least, most = (estimate.experiment_s(n) for n in (design.looks[0], design.looks[-1]))
        self._line(
            f"a run takes at most about {digits.duration(estimate.longest_s)}; "
            f"{_range(str(design.looks[0]), str(design.looks[-1]))} blocks of all arms take "
            f"{_range(digits.duration(least), digits.duration(most))}"
        )
        if sliced:
            why = "" if design.sliced else f"since one run exceeds the budget of {budget}, "
            self._line(
                f"{why}{min(sliced.steps, estimate.steps):,} of {estimate.steps:,} steps are run, "
                f"and at most {sliced.evaluation_batches:,} batches of each evaluation, and the "
                "whole is extrapolated; --full runs it whole"
            )
        elif (needed_s := estimate.experiment_s(FEWEST_BLOCKS)) > design.budget:
            self._line(
                f"the budget of {budget} is too short for the {FEWEST_BLOCKS} blocks that a "
                f"verdict needs; expected --budget {math.ceil(needed_s / 60) + 1}m"
            )

    @show.register
    def _(self, event: BlocksPlanned) -> None:
        blocks, finished = event.blocks, event.finished
        self._ends = time.monotonic() + event.budget_s
        arms = len(blocks[0].runs)
        self._blocks_left = len(blocks) - finished
        self._runs_left = arms * self._blocks_left
        self._bar.update(self._task, total=arms * len(blocks), completed=arms * finished)
        resumed = f", {finished} of them finished before" if finished else ""
        self._line(f"{len(blocks)} blocks of {arms} runs{resumed}")

    @show.register
    def _(self, event: RunsPlanned) -> None:
        self._ends, self._runs_left, self._blocks_left = math.inf, event.runs, 0
        self._bar.update(self._task, total=self._bar.tasks[0].completed + event.runs)

    @show.register
    def _(self, event: BlockBegun) -> None:
        # one that is run again was counted already
        self._blocks_left = max(0, self._blocks_left - 1)
        self._block_start = time.monotonic()
        self._bar.update(self._task, description=event.block.label)

    @show.register
    def _(self, event: RunKept) -> None:
        record = event.record
        self._runs_left = max(0, self._runs_left - 1)
        self._kept[record.request.id.purpose, record.block] += 1
        if not event.is_recalled:
            now = time.monotonic()
            if self._block_start:
                # what lies between two blocks is part of the start of the second
                began = self._last or self._block_start
                self._start_s.append(now - began - record.took_s)
                self._block_start = 0.0
                self._run_s.append(record.took_s)
            else:
                self._run_s.append(now - self._last if self._last else record.took_s)
            self._last = now
        label = label_of(record.request.id)
        left = f", {self._time_left()} left" if self._runs_left else ""
        self._bar.update(self._task, advance=1, description=label, left=left)
        ended = "" if record.status == "ok" else f": {record.status}: {record.error_in_a_line}"
        # of others than these there is an event that says more
        is_whole = record.request.id.purpose in ("time", "memory", "trial", "throughput")
        if not event.is_recalled and (ended or (is_whole and not self._live)):
            self._line(f"{label}, {record.arm}: {_measured(record)}{ended}")

    @show.register
    def _(self, event: BlocksSummarised) -> None:
        bench = event.bench
        gains = [
            f"{arm} {digits.interval(comparison.throughput_gain)}"
            for arm in bench.arms
            if (comparison := bench.headline(arm))
        ]
        if not gains:
            return
        self._gains.plain = "speed-up so far, %: " + "; ".join(gains)
        if self._live:
            self._live.update(Group(self._bar, self._gains))
        else:
            self._line(f"{self._gains.plain} ({self._time_left()} left)")

    @show.register
    def _(self, event: BlockRepeated) -> None:
        lost = self._kept.pop((event.block.id.purpose, event.block.id.block), 0)
        self._blocks_left += 1
        self._runs_left += lost
        self._bar.update(self._task, total=(self._bar.tasks[0].total or 0) + lost)
        self._line(f"{event.block.label} was lost, and is run again: {event.reason}")

    @show.register
    def _(self, event: SearchBegun) -> None:
        self._bar.update(self._task, total=None, completed=0, left="")
        self._line(f"headroom: the largest batch of {', '.join(event.arms)}")

    @show.register
    def _(self, event: BatchFound) -> None:
        if not event.largest:
            self._line(f"{event.arm}: not one sample fits: {event.bound_by} exceeds the limit")
            return
        self._line(
            f"{event.arm}: {event.largest} samples fit within "
            f"{digits.bytes_of(event.limit_bytes)}, {event.largest + 1} do not: "
            f"{event.bound_by}; {event.trials} trials"
        )

    @show.register
    def _(self, event: TimingBegun) -> None:
        self._line(
            f"{event.samples:,} samples at the job's own batch and at the largest, "
            f"{event.rounds} times"
        )

    @show.register
    def _(self, event: TimingFailed) -> None:
        self._line(f"not timed: {event.reason}")

    @show.register
    def _(self, event: PilotMade) -> None:
        self._line(
            f"pilot {event.number}: {event.steps} steps and {event.evaluation_batches} evaluation "
            f"batches in {event.wall_s:.1f} s"
            f"{', memory metered' if event.measure == 'memory' else ''}"
            f"{', disturbed by others' if event.is_disturbed else ''}"
        )

    @show.register
    def _(self, _event: MemoryLeftOut) -> None:
        self._line("memory: not metered: the job is too short for steps to be left for it")

    @show.register
    def _(self, event: CurveKept) -> None:
        self._line(
            f"seed {event.seed}: {event.evaluations} evaluations, the least loss {event.least:.3f} "
            f"after step {event.best_step} of {event.steps}, {event.last:.3f} at the end"
        )

    @show.register
    def _(self, event: ReplayProven) -> None:
        differences = ENGLISH.join(event.differences)
        ended = differences or f"stopped at {event.stopped_at}, kept {event.kept_at}"
        self._line(f"proof, {ENGLISH.note(event.run)}: {ended}")

    def _time_left(self) -> str:
        run = sum(self._run_s) / len(self._run_s) if self._run_s else 0.0
        start = sum(self._start_s) / len(self._start_s) if self._start_s else 0.0
        left = self._runs_left * run + self._blocks_left * start
        return digits.duration(min(left, max(0.0, self._ends - time.monotonic())))

    def _line(self, text: str) -> None:
        self._bar.console.print(Text(text), soft_wrap=True)


def _range(least: str, most: str) -> str:
    return least if least == most else f"{least} to {most}"


def _measured(record: RunRecord) -> str:
    """What a run found, in a few words."""
    trial, tried = record.request.trial, record.tried
    if trial:
        outcome = "fits" if tried and tried.fits else "does not fit"
        return f"batch of {trial.batch}{', evaluating' if trial.evaluates else ''}: {outcome}"
    measured = digits.seconds(None if record.wall_ns is None else record.wall_ns / 1e9)
    return f"training time {measured} s{', extrapolated' if record.is_extrapolated else ''}"
