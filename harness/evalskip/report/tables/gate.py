"""What a gate found, figure by figure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.gate.kinds import KINDS
from evalskip.notes import note
from evalskip.report import digits
from evalskip.report.tables.table import Table
from evalskip.report.words import N_

if TYPE_CHECKING:
    from evalskip.gate.judge import Change, GateResult
    from evalskip.gate.kinds import FigureKind
    from evalskip.report.words import Language


def gated(result: GateResult, language: Language) -> Table:
    """Every figure: before, today, the change with its limits, and what became of it."""
    return Table(
        title=language.gettext("The gate"),
        note=language.gettext(
            "Higher is worse in every row. The limits hold for all rows together, so a build "
            "that changed nothing fails in at most {rate:.3g}% of cases. Unchanged: any change "
            "is smaller than what matters.",
            rate=100 * (1 - result.level),
        ),
        columns=language.texts(
            N_("figure"),
            N_("arm"),
            N_("reference"),
            N_("today"),
            N_("change"),
            N_("limits"),
            N_("outcome"),
        ),
        rows=[
            (
                figure_of(change, language),
                change.subject,
                value(KINDS[change.kind], change.before),
                value(KINDS[change.kind], change.today),
                *_change(change),
                _outcome(change, language),
            )
            for change in result.changes
        ],
    )


def figure_of(change: Change, language: Language) -> str:
    """What a change is of, and whether it is held to a budget."""
    figure = language.note(note(change.kind))
    if change.against == "baseline":
        return figure
    return language.gettext("{figure}, budget", figure=figure)


def in_words(change: Change, language: Language) -> str:
    """One figure and what became of it, in a line."""
    figure = language.note(note(change.kind))
    if change.change is None:
        return f"{figure}, {change.subject}: {_outcome(change, language)}"
    kind = KINDS[change.kind]
    before, today = value(kind, change.before), value(kind, change.today)
    moved, limits = _change(change)
    why = f"; {language.note(change.why)}" if change.why else ""
    if change.against == "budget":
        held_to = language.gettext("a budget of {budget}", budget=before)
    else:
        held_to = language.gettext("{before} before", before=before)
    text = language.gettext("{held_to}, {today} today", held_to=held_to, today=today)
    return f"{figure}, {change.subject}: {text}: {moved} {limits}{why}"


def value(kind: FigureKind, amount: float | None) -> str:
    """A figure in its unit."""
    if amount is None:
        return digits.NOTHING
    if kind.unit == "s":
        return f"{amount:.3g} s"
    told = f"{amount / kind.per_unit:.{kind.digits}f}"
    return {"%": f"{told}%", "MiB": f"{told} MiB"}.get(kind.unit, told)


def _change(change: Change) -> tuple[str, str]:
    if change.change is None or change.low is None or change.high is None:
        return digits.NOTHING, digits.NOTHING
    kind = KINDS[change.kind]
    # the unit stands with the change itself
    low, high = (
        digits.gate_change(kind, limit).removesuffix(" points").removesuffix("%")
        for limit in (change.low, change.high)
    )
    return digits.gate_change(kind, change.change), f"[{low}, {high}]"


def _outcome(change: Change, language: Language) -> str:
    outcome = language.note(note(change.outcome))
    return f"{outcome}: {language.note(change.why)}" if change.why else outcome
