"""The answer on a terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table as RichTable
from rich.text import Text

from evalskip.messages import listed, words
from evalskip.notes import note
from evalskip.report import tables
from evalskip.report.gate import remarks
from evalskip.report.headline import headline
from evalskip.report.ledger import opening
from evalskip.report.tables.gate import gated
from evalskip.report.tables.plans import plan_peaks, plans, tuning

if TYPE_CHECKING:
    from collections.abc import Iterable

    from evalskip.gate.judge import GateResult
    from evalskip.memory.peaks import Plan, Workload
    from evalskip.summary import Observation, Summary

_PLAIN_WIDTH = 150


def console() -> Console:
    """The console that everything is printed on; wide where there is no terminal."""
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure:  # an encoding without a dash or a frame must not end the experiment
        reconfigure(errors="replace")
    found = Console()
    return found if found.is_terminal else Console(width=_PLAIN_WIDTH)


def print_summary(to: Console, summary: Summary) -> None:
    """The answer in one table, or in two where one does not fit, with what it holds for."""
    _print_headline(to, summary)
    overview = tables.overview(summary)
    fits = _width(to, overview) <= to.width
    shown = [overview] if fits else [tables.times(summary), tables.gains(summary)]
    if all(arm.wall_s is None for arm in summary.arms.values()):
        shown = [tables.memory(summary)]
    for table in [*shown, tables.headroom(summary)]:
        if not table.rows:
            continue
        _print_table(to, table)
    _print_warnings(to, summary)


def print_predictions(to: Console, summary: Summary) -> None:
    """What every schedule would cost, and the one that is recommended."""
    _print_headline(to, summary)
    table = tables.predictions(summary)
    _print_table(to, table)
    for found in summary.recommendations:
        to.print()
        of = f" on {listed(found.evaluation)}" if len(summary.recommendations) > 1 else ""
        advice = words(found.advice)
        to.print(Text(f"within {100 * found.within:g} %{of}: {advice}", style="bold"))
        for where, lines in found.lines.items():
            to.print(Text(f"  in {words(note(where))}:"))
            for line in map(words, lines):
                to.print(Text(f"    {line}"))
    _print_warnings(to, summary)


def print_regret(to: Console, summary: Summary) -> None:
    """What every schedule and substitute would have missed."""
    _print_headline(to, summary)
    for table in (tables.regret(summary), tables.noticed(summary)):
        _print_table(to, table)
    _print_warnings(to, summary)


def print_plans(
    to: Console, model: str, found: Iterable[Plan], device_bytes: int, work: Workload
) -> None:
    """Each plan as it is made, then all in one table."""
    made = []
    for plan in found:
        made.append(plan)
        line = f"{tuning(plan)}: {plan.parameters:,} parameters, traced on fake tensors"
        to.print(Text(f"{model}, {line}"))
    for table in (plans(made, device_bytes, work), plan_peaks(made, work)):
        _print_table(to, table)


def print_gate(to: Console, result: GateResult) -> None:
    """Every figure that was compared, and the verdict."""
    table = gated(result)
    _print_table(to, table)
    for remark in remarks(result):
        to.print(Text(remark), style="yellow")
    to.print(Text(f"gate: {result.verdict}", style="bold"))


def print_claims(to: Console, ledger: Summary) -> None:
    """Every claim of a ledger with its verdict, and what was measured."""
    to.print()
    to.print(Text(opening(ledger)))
    for claim in ledger.claims:
        to.print()
        to.print(Text(f"{claim.id}: {claim.verdict}", style="bold"))
        lines = (f"“{claim.says}”", claim.measured, claim.condition, f"scope: {claim.scope}")
        for line in filter(None, lines):
            to.print(Text(f"  {line}"))


def print_observation(to: Console, observation: Observation) -> None:
    """What was seen just now."""
    asked = ", ".join(f"{key}: {value}" for key, value in observation.asked.items())
    seen = observation.seen.get("error") or ", ".join(
        f"{key} {value}" for key, value in observation.seen.items() if isinstance(value, int)
    )
    line = Text(f"{observation.trainer}, {observation.what}: {asked or 'nothing set'}: {seen}")
    to.print(line, no_wrap=True, overflow="ellipsis")


def _print_headline(to: Console, summary: Summary) -> None:
    to.print()
    for line in headline(summary):
        to.print(Text(line))


def _print_table(to: Console, table: tables.Table) -> None:
    to.print()
    to.print(_drawn(table))
    to.print(Text(table.note), style="dim")


def _print_warnings(to: Console, summary: Summary) -> None:
    for warning in map(words, summary.warnings):
        to.print(Text(f"warning: {warning}"), style="yellow")


def _width(to: Console, table: tables.Table) -> int:
    """Columns of the screen that a table needs so that no figure is broken."""
    return Measurement.get(to, to.options.update(max_width=10**4), _drawn(table)).maximum


def _drawn(table: tables.Table) -> RichTable:
    drawn = RichTable(
        title=table.title,
        title_justify="left",
        title_style="bold",
        header_style="bold",
        box=box.SIMPLE_HEAD,
        padding=(0, 1),
        collapse_padding=True,
        pad_edge=False,
    )
    for index, column in enumerate(table.columns):
        # a unit goes on a line of its own
        head = column if index == 0 else "\n".join(column.rsplit(" ", 1))
        drawn.add_column(head, justify="left" if index == 0 else "right", overflow="fold")
    for row in table.rows:
        drawn.add_row(*(Text(text) for text in row))
    return drawn
