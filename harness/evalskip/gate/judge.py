"""From the sessions of a baseline and today's figures to a verdict.

A figure differs between sessions by more than its error within one: other processes, another
machine of the same kind, another day. So its variance between sessions is estimated as well, and
shrunk towards what is believed of its kind, as Smyth (2004) does with many variances that are known
by few values each; with one session in the baseline only the belief is there.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict
from scipy import special

from evalskip.gate.history import Shift
from evalskip.gate.kinds import KINDS
from evalskip.machine.fingerprint import same_model

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.gate.baseline import Baseline, Session
    from evalskip.gate.figures import Figure

Outcome = Literal["held", "improved", "regressed", "cannot_tell", "not_compared"]
GateVerdict = Literal["passed", "regressed", "inconclusive"]

_BELIEF = 4
"""Degrees of freedom that the spread which is believed of a kind is worth."""


class Change(BaseModel):
    """How one figure stands against what it is held to."""

    model_config = ConfigDict(extra="forbid")

    kind: str
    of: str
    what: str
    before: float | None = None
    """Mean of the baseline's sessions, or the budget."""
    today: float | None = None
    change: float | None = None
    low: float | None = None
    high: float | None = None
    """On the scale of the kind: for the worse is positive."""
    outcome: Outcome
    why: str = ""


class GateResult(BaseModel):
    """What a gate found."""

    model_config = ConfigDict(extra="forbid")

    name: str
    level: float
    sessions: int
    changes: list[Change]
    notes: list[str] = []
    shifts: list[Shift] = []

    @property
    def verdict(self) -> GateVerdict:
        """Of all figures together."""
        outcomes = {change.outcome for change in self.changes}
        if "regressed" in outcomes:
            return "regressed"
        return "inconclusive" if "cannot_tell" in outcomes else "passed"

    def having(self, outcome: Outcome) -> list[Change]:
        """The figures that ended so."""
        return [change for change in self.changes if change.outcome == outcome]


def judged(baseline: Baseline, today: Session, level: float) -> list[Change]:
    """Every figure of the baseline and of today.

    Args:
        baseline: of the same experiment.
        today: one session.
        level: at which no figure at all is called worse that is not.
    """
    before: dict[str, list[Figure]] = {}
    skipped: dict[str, Figure] = {}
    for session in baseline.sessions:
        same = same_model(session.machine, today.machine)
        for figure in session.figures:
            if same or KINDS[figure.kind].holds_across_machines:
                before.setdefault(figure.id, []).append(figure)
            else:
                skipped.setdefault(figure.id, figure)
    now = {figure.id: figure for figure in today.figures}
    compared = [key for key in before if key in now]
    each = 1 - (1 - level) / max(1, len(compared))
    changes = [changed(before[key], now[key], each) for key in compared]
    changes += [
        _uncompared(found[0], _if_missing(found[0]), "was not measured today")
        for key, found in before.items()
        if key not in now
    ]
    for key, figure in now.items():
        if key in before:
            continue
        why = "an absolute time of another machine" if key in skipped else "not in the baseline"
        changes.append(_uncompared(figure, "not_compared", why))
    return changes


def changed(before: Sequence[Figure], today: Figure, level: float) -> Change:
    """One figure against those of the baseline's sessions.

    Args:
        before: one per session, at least one.
        today: the same figure.
        level: of each limit of the change.
    """
    kind = KINDS[today.kind]
    values = np.array([kind.scaled(figure.value) for figure in before])
    within = np.array([figure.error**2 for figure in before])
    count = len(values)
    seen = max(0.0, float(values.var(ddof=1) - within.mean())) if count > 1 else 0.0
    of_spread = _BELIEF + count - 1
    between = (_BELIEF * kind.spread**2 + (count - 1) * seen) / of_spread
    # as in a meta-analysis with random effects: a noisy session counts for less
    weights = 1 / (between + within)
    centre = float((weights * values).sum() / weights.sum())
    parts = [
        (between, of_spread),
        (today.error**2, today.degrees),
        (1 / float(weights.sum()), sum(figure.degrees for figure in before)),
    ]
    variance = sum(part for part, _ in parts)
    degrees = variance**2 / sum(part**2 / of for part, of in parts)
    reach = float(special.stdtrit(degrees, level)) * math.sqrt(variance)
    change = kind.scaled(today.value) - centre
    outcome, why = _outcome(change, reach, kind.tolerance, kind.resolution)
    if why:
        why = f"a change of {kind.described(kind.resolution or 0)} could go unseen"
    return Change(
        kind=kind.name,
        of=today.of,
        what=kind.what,
        before=kind.unscaled(centre),
        today=today.value,
        change=change,
        low=change - reach,
        high=change + reach,
        outcome=outcome,
        why=why,
    )


def within_budget(figures: Sequence[Figure], budget: float, level: float) -> list[Change]:
    """The evaluation share of every arm against a budget, for which no baseline is needed.

    Args:
        figures: of today.
        budget: as a fraction of T.
        level: at which no arm is called dearer that is not.
    """
    shares = [figure for figure in figures if figure.kind == "evaluation_share"]
    each = 1 - (1 - level) / max(1, len(shares))
    changes = []
    for share in shares:
        reach = float(special.stdtrit(share.degrees, each)) * share.error
        over = share.value - budget
        outcome: Outcome = "cannot_tell"
        if over - reach > 0:
            outcome = "regressed"
        elif over + reach <= 0:
            outcome = "held"
        changes.append(
            Change(
                kind="evaluation_share",
                of=share.of,
                what="evaluation share of T, against the budget",
                before=budget,
                today=share.value,
                change=over,
                low=over - reach,
                high=over + reach,
                outcome=outcome,
                why="its interval holds the budget" if outcome == "cannot_tell" else "",
            )
        )
    return changes


def _outcome(
    change: float, reach: float, tolerance: float, resolution: float | None
) -> tuple[Outcome, str]:
    if change - reach > 0 and change > tolerance:
        return "regressed", ""
    if change + reach < 0 and change < -tolerance:
        return "improved", ""
    if resolution is None or change + reach < resolution:
        return "held", ""
    return "cannot_tell", "unseen"


def _if_missing(figure: Figure) -> Outcome:
    """A figure that a gate was made for must not vanish in silence."""
    return "not_compared" if KINDS[figure.kind].resolution is None else "cannot_tell"


def _uncompared(figure: Figure, outcome: Outcome, why: str) -> Change:
    return Change(
        kind=figure.kind, of=figure.of, what=KINDS[figure.kind].what, outcome=outcome, why=why
    )
