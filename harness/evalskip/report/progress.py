"""What a person sees while an experiment runs: time left, and figures that narrow."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from rich.console import Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.text import Text

from evalskip.analysis.verdicts import FEWEST_BLOCKS
from evalskip.plan import label_of
from evalskip.report import digits

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from rich.console import Console

    from evalskip.experiments.duration import Estimate
    from evalskip.plan import Block
    from evalskip.records import RunRecord
    from evalskip.slices import Slice
    from evalskip.spec import Spec
    from evalskip.summary import BenchSummary


class ProgressView:
    """A bar and the gains so far on a terminal; plain lines elsewhere."""

    def __init__(self, console: Console, budget_s: float) -> None:
        self._ends = time.monotonic() + budget_s
        self._console = console
        self._live: Live | None = None
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("runs, {task.fields[left]}"),
            console=console,
        )
        self._task = self._bar.add_task("starting", total=None, left="")
        self._gains = Text("")
        self._runs_left = self._blocks_left = 0
        self._run_s: list[float] = []
        self._start_s: list[float] = []
        self._asked = 0.0

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

    def estimated(self, spec: Spec, found: Estimate | None, sliced: Slice | None) -> None:
        """Say how long it will take, and what is done where that is too long."""
        design = spec.design
        if found is None:
            self._line("how long it will take cannot be told: no short pilot of it could be run")
            return
        budget = digits.duration(design.budget)
        least, most = (found.experiment_s(n) for n in (design.looks[0], design.looks[-1]))
        self._line(
            f"a whole run takes about {digits.duration(found.longest_s)} at most; "
            f"{design.looks[0]} to {design.looks[-1]} blocks of all arms, "
            f"{digits.duration(least)} to {digits.duration(most)}"
        )
        if sliced:
            why = "" if design.sliced else f"since one run exceeds the budget of {budget}, "
            self._line(
                f"{why}{min(sliced.steps, found.steps):,} of {found.steps:,} steps are run, and at "
                f"most {sliced.evaluation_batches:,} batches of each evaluation, and the whole is "
                "extrapolated; --full runs it whole"
            )
        elif (needed_s := found.experiment_s(FEWEST_BLOCKS)) > design.budget:
            self._line(
                f"the budget of {budget} is too short for the {FEWEST_BLOCKS} blocks that a "
                f"verdict needs; expected --budget {math.ceil(needed_s / 60) + 1}m"
            )

    def planned(self, blocks: Sequence[Block], finished: int) -> None:
        """Say what is about to be run."""
        total = sum(len(block.runs) for block in blocks)
        arms = len(blocks[0].runs) if blocks else 0
        self._blocks_left = len(blocks) - finished
        self._runs_left = total - arms * finished
        self._bar.update(self._task, total=total, completed=total - self._runs_left)
        resumed = f", {finished} of them finished before" if finished else ""
        self._line(f"{len(blocks)} blocks of {arms} runs{resumed}")

    def block_begins(self, block: Block) -> None:
        """Note that a block's parent is being made ready."""
        # one that is run again was counted already
        self._blocks_left = max(0, self._blocks_left - 1)
        self._asked = time.monotonic()
        self._bar.update(self._task, description=block.label)

    def run_ended(self, record: RunRecord) -> None:
        """Move the bar on."""
        took = record.turnaround_ns / 1e9
        if self._asked:
            self._start_s.append(time.monotonic() - self._asked - took)
            self._asked = 0.0
        self._run_s.append(took)
        self._runs_left = max(0, self._runs_left - 1)
        self._bar.update(self._task, advance=1, left=f"{self._time_left()} left")
        ended = "" if record.status == "ok" else f": {record.status}: {record.error_in_a_line}"
        if ended or not self._live:
            measured = digits.seconds(None if record.wall_ns is None else record.wall_ns / 1e9)
            told = ", extrapolated" if record.extrapolated else ""
            self._line(f"{label_of(record.block)}, {record.arm}: T {measured} s{told}{ended}")

    def block_ended(self, bench: BenchSummary) -> None:
        """Show what the gains look like by now."""
        gains = [
            f"{arm} {digits.interval(found.throughput_gain)}"
            for arm in bench.arms
            if (found := bench.headline(arm))
        ]
        if not gains:
            return
        self._gains.plain = "gain so far, %: " + "; ".join(gains)
        if self._live:
            self._live.update(Group(self._bar, self._gains))
        else:
            self._line(f"{self._gains.plain} ({self._time_left()} left)")

    def block_lost(self, block: Block, reason: str) -> None:
        """Say that a block's node is gone."""
        self._blocks_left += 1
        self._line(f"{block.label} was lost, and is run again: {reason}")

    def _time_left(self) -> str:
        run = sum(self._run_s) / len(self._run_s) if self._run_s else 0.0
        start = sum(self._start_s) / len(self._start_s) if self._start_s else 0.0
        left = self._runs_left * run + self._blocks_left * start
        return digits.duration(min(left, max(0.0, self._ends - time.monotonic())))

    def _line(self, text: str) -> None:
        self._bar.console.print(Text(text), soft_wrap=True)
