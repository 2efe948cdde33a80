"""The answer on a terminal."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table as RichTable
from rich.text import Text

from evalskip.memory.peaks import PLANS
from evalskip.notes import note
from evalskip.report.answers import card_of
from evalskip.report.answers.bench import verdict_on
from evalskip.report.answers.evaluated import evaluated_card
from evalskip.report.answers.gate import gate_card
from evalskip.report.answers.plans import plans_card
from evalskip.report.gate import remarks
from evalskip.report.markdown import warnings_beside
from evalskip.report.provenance import provenance
from evalskip.report.tables import audit, gains, headroom, memory, predictions, regret, times
from evalskip.report.tables.evaluated import evaluated
from evalskip.report.tables.gate import gated
from evalskip.report.tables.plans import plan_peaks, plans, tuning
from evalskip.report.words import ENGLISH

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from evalskip.beside.evaluated import Evaluated
    from evalskip.gate.judge import GateResult
    from evalskip.machine.doctor import Finding
    from evalskip.memory.peaks import BatchShape, Plan
    from evalskip.report.answers import AnswerCard
    from evalskip.report.tables import Table
    from evalskip.report.words import Language
    from evalskip.summary import (
        BenchSummary,
        ClaimsSummary,
        Observation,
        PredictionSummary,
        Summary,
    )

_PLAIN_WIDTH = 100


def console() -> Console:
    """The console that everything is printed on; as wide as a page where there is no terminal."""
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure:  # an encoding without a dash or a frame must not end the experiment
        reconfigure(errors="replace")
    screen = Console()
    return screen if screen.is_terminal else Console(width=_PLAIN_WIDTH)


def print_summary(screen: Console, summary: Summary, language: Language) -> None:
    """The card; its figures in one table, or in two where one does not fit; then the details."""
    card = card_of(summary, language)
    print_card(screen, card, language)
    if summary.bench:
        _print_bench(screen, summary.bench, language)
    if summary.headroom:
        _print_table(screen, headroom.headroom(summary.headroom, language))
    if summary.prediction:
        _print_prediction(screen, summary.prediction, language)
    if summary.regret:
        for table in (regret.regret, regret.noticed):
            _print_table(screen, table(summary.regret, language))
    if summary.audit:
        for each in audit.FIRST:
            _print_table(screen, each(summary.audit, language))
    verdict = verdict_on(summary.bench, language)
    screen.print()
    for line in filter(None, [verdict, *provenance(summary, language)]):
        screen.print(Text(line))
    for warning in warnings_beside(card, summary, language):
        screen.print(Text(f"warning: {warning}"), style="yellow")


def _print_bench(screen: Console, bench: BenchSummary, language: Language) -> None:
    overview = gains.overview(bench, language)
    tables = [overview]
    if not bench.is_timed:
        tables = [memory.memory(bench, language)]
    elif _width(screen, overview) > screen.width:
        tables = [times.times(bench, language), gains.gains(bench, language)]
    for table in tables:
        _print_table(screen, table)


def _print_prediction(screen: Console, section: PredictionSummary, language: Language) -> None:
    """What every schedule would cost, and what is recommended stands on the card."""
    _print_table(screen, predictions.predictions(section, language))


def print_plans(
    screen: Console, model: str, plan_iterator: Iterable[Plan], device_bytes: int, work: BatchShape
) -> None:
    """Each plan as it is made, then what fits, and all in one table."""
    from evalskip.report.progress import Countdown  # with what experiments need

    all_plans: list[Plan] = []
    countdown = Countdown(PLANS)
    for plan in plan_iterator:
        all_plans.append(plan)
        line = f"{tuning(plan)}: {plan.parameters:,} parameters, traced on fake tensors"
        screen.print(Text(f"{countdown.step()}: {model}, {line}"))
    print_card(screen, plans_card(model, all_plans, device_bytes, work), ENGLISH)
    for table in (plans(all_plans, device_bytes, work), plan_peaks(all_plans, work)):
        _print_table(screen, table)


def print_findings(screen: Console, findings: Sequence[Finding], language: Language) -> None:
    """What of the machine is fit to measure on, and what to change of it."""
    for finding in findings:
        mark = language.gettext("ok") if finding.fit else language.gettext("fix")
        if finding.reading.code == "not_shown":
            mark = "?"
        reading = language.clauses(filter(None, [finding.reading, finding.advice]))
        line = Text(f"{mark:4} {language.note(note(finding.what))}: {reading}")
        screen.print(line, soft_wrap=True, highlight=False)
    unfit = sum(not finding.fit for finding in findings)
    conclusion = language.gettext("fit to measure on")
    if unfit:
        conclusion = language.gettext("{count} to fix before measuring", count=unfit)
    screen.print(conclusion, highlight=False)


def print_report_path(screen: Console, report: Path) -> None:
    """Where a report lies; a path is never broken."""
    screen.print(Text(f"\nFull report: {report}"), soft_wrap=True)


def print_gate(screen: Console, result: GateResult, language: Language) -> None:
    """Every figure that was compared, and the verdict."""
    print_card(screen, gate_card(result, language), language)
    table = gated(result, language)
    _print_table(screen, table)
    for remark in remarks(result, language):
        screen.print(Text(remark), style="yellow")
    screen.print(Text(f"gate: {result.verdict}", style="bold"))


def print_evaluated(screen: Console, found: Evaluated, language: Language) -> None:
    """Which checkpoint is best, and the metrics of all."""
    print_card(screen, evaluated_card(found, language), language)
    _print_table(screen, evaluated(found, language))


def print_claims(screen: Console, section: ClaimsSummary, language: Language) -> None:
    """Every claim with its verdict, and what was measured."""
    screen.print()
    screen.print(Text(language.sentences(map(language.note, section.answer))))
    for claim in section.claims:
        screen.print()
        screen.print(Text(f"{claim.id}: {claim.verdict}", style="bold"))
        scope = language.clauses(claim.scope) or language.gettext("nothing was run")
        lines = (
            f"“{language.note(claim.statement)}”",
            language.clauses(claim.measured) or language.gettext("nothing"),
            language.clauses(claim.condition),
            f"scope: {scope}",
        )
        for line in filter(None, lines):
            screen.print(Text(f"  {line}"))


def print_observation(screen: Console, observation: Observation, left: str) -> None:
    """What was seen just now, and how much is left to see."""
    settings = ", ".join(f"{key}: {value}" for key, value in observation.settings.items())
    behaviour = observation.behaviour.get("error") or ", ".join(
        f"{key} {value}" for key, value in observation.behaviour.items() if isinstance(value, int)
    )
    line = Text(
        f"{left}: {observation.trainer}, {observation.what}: {settings or 'nothing set'}: "
        f"{behaviour}"
    )
    screen.print(line, no_wrap=True, overflow="ellipsis")


def print_card(screen: Console, card: AnswerCard, language: Language) -> None:
    """The answer, what to do, and what it holds for."""
    screen.print()
    screen.print(Text(card.answer, style="bold"))
    if card.advice:
        screen.print(Text(card.advice))
    for where, lines in card.lines.items():
        place = language.gettext("in {where}: ", where=note(where))
        for number, line in enumerate(lines):
            head = place if number == 0 else " " * cell_len(place)
            screen.print(Text(f"  {head}{line}"), soft_wrap=True, highlight=False)
    rest = language.sentences([card.holds_for(language), language.sentence(card.basis)])
    if rest:
        screen.print(Text(rest, style="dim"))
    for caution in card.cautions:
        screen.print(Text(f"⚠ {language.sentence(caution)}", style="yellow"))


def _print_table(screen: Console, table: Table) -> None:
    if not table.rows:
        return
    for column in table.spare:
        if _width(screen, _narrowest(table)) > screen.width:
            table = table.without(column)
    screen.print()
    screen.print(_drawn(table))
    screen.print(Text(table.note), style="dim")


def _width(screen: Console, table: Table) -> int:
    """Columns of the screen that a table needs so that nothing is broken."""
    return Measurement.get(screen, screen.options.update(max_width=10**4), _drawn(table)).maximum


def _narrowest(table: Table) -> Table:
    """The same, with names as short as they are where there is little room."""
    rows = [(row[0][:_NAME], *row[1:]) for row in table.rows]
    columns = tuple(column[:_NAME] if i == 0 else column for i, column in enumerate(table.columns))
    return replace(table, title="", columns=columns, rows=rows)


_NAME = 12
"""Columns of the screen that a name has at the least; it goes on in the next line."""


def _drawn(table: Table) -> RichTable:
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
        drawn.add_column(
            head,
            justify="left" if index == 0 else "right",
            overflow="fold",
            no_wrap=table.numeric[index] or max(len(row[index]) for row in table.rows) < _NAME,
        )
    for row in table.rows:
        drawn.add_row(*(Text(text) for text in row))
    return drawn
