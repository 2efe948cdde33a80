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
from pydantic import BaseModel, ConfigDict, computed_field
from scipy import special

from evalskip.gate.history import Shift
from evalskip.gate.kinds import EVALUATION_SHARE, KINDS
from evalskip.machine.fingerprint import same_model
from evalskip.notes import Note, note
from evalskip.summary import Made

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.gate.baseline import Baseline, GateSession
    from evalskip.gate.figures import Figure
    from evalskip.summary import BenchSummary

Outcome = Literal[
    "unchanged", "improved", "regressed", "over_budget", "inconclusive", "not_compared"
]
GateVerdict = Literal["passed", "regressed", "inconclusive"]

_PRIOR_DF = 16
"""Degrees of freedom that the spread which is believed of a kind is worth. Beliefs are set high:
on one model of machine the sessions of ``results/baseline.json`` mostly differ by less."""
_NOISY = 0.5
"""Of what must not go unseen, the part that the noise of a baseline alone may hide."""


class Change(BaseModel):
    """How one figure stands against what it is held to."""

    model_config = ConfigDict(extra="forbid")

    kind: str
    subject: str
    against: Literal["baseline", "budget"] = "baseline"
    before: float | None = None
    """Mean of the baseline's sessions, or the budget."""
    today: float | None = None
    change: float | None = None
    low: float | None = None
    high: float | None = None
    """On the scale of the kind: for the worse is positive."""
    outcome: Outcome
    why: Note | None = None


class GateResult(BaseModel):
    """What a gate found."""

    model_config = ConfigDict(extra="forbid")

    name: str
    made: Made
    """When and with what the result was measured."""
    level: float
    sessions: int
    changes: list[Change]
    notes: list[Note] = []
    shifts: list[Shift] = []

    @computed_field  # type: ignore[prop-decorator]
    @property
    def verdict(self) -> GateVerdict:
        """Of all figures together."""
        if self.having("regressed", "over_budget"):
            return "regressed"
        if self.having("inconclusive") or not self.has_compared:
            return "inconclusive"
        return "passed"

    @property
    def has_compared(self) -> bool:
        """Whether any figure could be held to anything."""
        return any(change.change is not None for change in self.changes)

    def having(self, *outcomes: Outcome) -> list[Change]:
        """The figures that ended so."""
        return [change for change in self.changes if change.outcome in outcomes]


def comparable(baseline: Baseline, today: GateSession) -> dict[str, list[Figure]]:
    """Of each figure of today, those of the baseline's sessions that it may be compared with."""
    now = {figure.id for figure in today.figures}
    figures: dict[str, list[Figure]] = {}
    for session in baseline.sessions:
        same = same_model(session.machine, today.machine)
        for figure in session.figures:
            if figure.id in now and (same or KINDS[figure.kind].holds_across_machines):
                figures.setdefault(figure.id, []).append(figure)
    return figures


def judged(baseline: Baseline, today: GateSession, level: float) -> list[Change]:
    """Every figure of the baseline and of today.

    Args:
        baseline: of the same experiment.
        today: one session.
        level: of each limit of a change.
    """
    before = comparable(baseline, today)
    now = {figure.id: figure for figure in today.figures}
    baseline_figures = {
        figure.id: figure for session in baseline.sessions for figure in session.figures
    }
    changes = [changed(before[key], now[key], level) for key in before]
    changes += [
        _uncompared(figure, _if_missing(figure), note("not_measured_today"))
        for key, figure in baseline_figures.items()
        if key not in now
    ]
    for key, figure in now.items():
        if key not in before:
            why = "of_another_machine" if key in baseline_figures else "not_in_baseline"
            changes.append(_uncompared(figure, "not_compared", note(why)))
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
    expected = kind.spread(kind.unscaled(float(values.mean())))
    observed_variance = max(0.0, float(values.var(ddof=1) - within.mean())) if count > 1 else 0.0
    of_spread = _PRIOR_DF + count - 1
    between = (_PRIOR_DF * expected**2 + (count - 1) * observed_variance) / of_spread
    # as in a meta-analysis with random effects: a noisy session counts for less; but one that looks
    # quieter than the others by chance, and so tells less of what noise adds, for no more
    weights = 1 / (between + np.maximum(within, within.mean()))
    weights /= weights.sum()
    centre = float((weights * values).sum())
    parts = [
        (between * (1 + float((weights**2).sum())), of_spread),
        (today.error**2, today.degrees),
        (float((weights**2 * within).sum()), sum(figure.degrees for figure in before)),
    ]
    variance = sum(part for part, _ in parts)
    # Satterthwaite (1946)
    degrees = variance**2 / sum(part**2 / subject for part, subject in parts)
    half_width = float(special.stdtrit(degrees, level)) * math.sqrt(variance)
    change = kind.scaled(today.value) - centre
    middle = kind.unscaled(centre)
    tolerance = max(kind.tolerance(middle), today.grain, *(figure.grain for figure in before))
    resolution = kind.resolution(middle) if kind.resolution else math.inf
    outcome = _outcome(change, half_width, tolerance, max(resolution, tolerance))
    return Change(
        kind=kind.name,
        subject=today.subject,
        before=middle,
        today=today.value,
        change=change,
        low=change - half_width,
        high=change + half_width,
        outcome=outcome,
        why=note("could_go_unseen", change=note("gate_change", kind=kind.name, change=resolution))
        if outcome == "inconclusive"
        else None,
    )


def noise_of(before: Sequence[Figure], level: float) -> float | None:
    """The half-width to which a baseline knows a figure, where it is too noisy to hold today to it.

    Args:
        before: the figure in each of its sessions, at least one.
        level: of the half-width, one-sided.

    Returns:
        On the scale of the figure's kind; None where the baseline knows it well, or where its noise
        is nobody's fault.
    """
    kind = KINDS[before[0].kind]
    if kind.resolution is None:
        return None
    values = [kind.scaled(figure.value) for figure in before]
    error = math.sqrt(sum(figure.error**2 for figure in before)) / len(before)
    degrees = sum(figure.degrees for figure in before)
    half_width = float(special.stdtrit(degrees, level)) * error
    middle = kind.unscaled(float(np.mean(values)))
    return half_width if half_width > _NOISY * kind.resolution(middle) else None


def shares_of(today: GateSession) -> list[Figure]:
    """The evaluation share of every arm of which it is known."""
    return [figure for figure in today.figures if figure.kind == EVALUATION_SHARE.name]


def within_budget(
    bench: BenchSummary, today: GateSession, budget: float, level: float
) -> list[Change]:
    """The evaluation share of every arm against a budget, for which no baseline is needed.

    Args:
        bench: of today.
        today: its figures.
        budget: as a fraction of T.
        level: of each limit.
    """
    shares = {share.subject: share for share in shares_of(today)}
    changes = [
        Change(
            kind=EVALUATION_SHARE.name,
            subject=arm,
            against="budget",
            outcome="inconclusive",
            why=note("share_without_interval"),
        )
        for arm in bench.arms
        if arm not in shares and bench.evaluates(arm)
    ]
    for share in shares.values():
        half_width = float(special.stdtrit(share.degrees, level)) * share.error
        over = share.value - budget
        outcome: Outcome = "inconclusive"
        if over - half_width > 0:
            outcome = "over_budget"
        elif over + half_width <= 0:
            outcome = "unchanged"
        changes.append(
            Change(
                kind=EVALUATION_SHARE.name,
                subject=share.subject,
                against="budget",
                before=budget,
                today=share.value,
                change=over,
                low=over - half_width,
                high=over + half_width,
                outcome=outcome,
                why=note("limits_hold_budget") if outcome == "inconclusive" else None,
            )
        )
    return changes


def _outcome(change: float, half_width: float, tolerance: float, resolution: float) -> Outcome:
    if change - half_width > 0 and change > tolerance:
        return "regressed"
    if change + half_width < 0 and change < -tolerance:
        return "improved"
    return "unchanged" if change + half_width < resolution else "inconclusive"


def _if_missing(figure: Figure) -> Outcome:
    """A figure that a gate was made for must not vanish in silence."""
    return "not_compared" if KINDS[figure.kind].resolution is None else "inconclusive"


def _uncompared(figure: Figure, outcome: Outcome, why: Note) -> Change:
    return Change(kind=figure.kind, subject=figure.subject, outcome=outcome, why=why)
