"""What a gate found, figure by figure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.gate.kinds import KINDS
from evalskip.report import digits
from evalskip.report.tables.table import Table

if TYPE_CHECKING:
    from evalskip.gate.judge import Change, GateResult
    from evalskip.gate.kinds import Kind


def gated(result: GateResult) -> Table:
    """Every figure: before, today, the change with its limits, and what became of it."""
    return Table(
        title="The gate",
        note="More is worse throughout. The limits of all changes hold together, so that a build "
        f"that changed nothing fails at most {100 * (1 - result.level):.3g} times in 100. Held: "
        "what changed is less than matters.",
        columns=("figure", "of", "held to", "today", "change", "limits", "outcome"),
        rows=[
            (
                change.what,
                change.of,
                value(KINDS[change.kind], change.before),
                value(KINDS[change.kind], change.today),
                *_change(change),
                _outcome(change),
            )
            for change in result.changes
        ],
    )


def in_words(change: Change) -> str:
    """One figure and what became of it, in a line."""
    kind = KINDS[change.kind]
    if change.change is None:
        return f"{change.what}, {change.of}: {_outcome(change)}"
    before, today = value(kind, change.before), value(kind, change.today)
    moved, limits = _change(change)
    why = f"; {change.why}" if change.why else ""
    held_to = f"a budget of {before}" if change.outcome == "over_budget" else f"{before} before"
    return f"{change.what}, {change.of}: {held_to}, {today} today: {moved} {limits}{why}"


def value(kind: Kind, found: float | None) -> str:
    """A figure in its unit."""
    if found is None:
        return digits.NOTHING
    if kind.unit == "s":
        return f"{found:.3g} s"
    if kind.unit == "times":
        return f"{found:.{kind.digits}f}"
    return f"{100 * found:.{kind.digits}f} %"


def _change(change: Change) -> tuple[str, str]:
    if change.change is None or change.low is None or change.high is None:
        return digits.NOTHING, digits.NOTHING
    kind = KINDS[change.kind]
    return kind.described(change.change), kind.limits(change.low, change.high)


def _outcome(change: Change) -> str:
    words = change.outcome.replace("_", " ")
    return f"{words}: {change.why}" if change.why else words
