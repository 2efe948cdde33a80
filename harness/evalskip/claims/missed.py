"""What claims about what skipping misses share: rows of a regret, and how they are told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.summary import Claim

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.summary import Interval, RegretSummary, ScheduleRegret, Summary, Verdict


def of(summary: Summary) -> RegretSummary | None:
    """What was found of what schedules miss, if anything."""
    return summary.regret[0] if summary.regret else None


def row(found: RegretSummary, name: str) -> ScheduleRegret | None:
    """The row of a schedule or substitute."""
    return next((each for each in found.rows if each.name == name), None)


def rows(found: RegretSummary, begins: str) -> list[ScheduleRegret]:
    """Those whose names begin so."""
    return [each for each in found.rows if each.name.startswith(begins)]


def within(regret: Interval, limit: float) -> Verdict:
    """``supported`` if all of a regret's interval is within a limit, ``refuted`` if beyond it."""
    if regret.low is None or regret.high is None:
        return "inconclusive"
    if regret.high <= limit:
        return "supported"
    return "refuted" if regret.low > limit else "inconclusive"


def nats(value: Interval) -> str:
    """A regret with its interval, for a sentence."""
    if value.low is None or value.high is None:
        return f"{value.estimate:.3f} nats"
    return f"{value.estimate:.3f} nats [{value.low:.3f}, {value.high:.3f}]"


def judged(
    claim: tuple[str, str],
    summary: Summary,
    verdict: Verdict,
    *,
    measured: str,
    condition: str = "",
    told: Sequence[ScheduleRegret] = (),
) -> Claim:
    """A claim on the job whose curves were kept.

    Args:
        claim: its id and what it says.
        summary: that holds the regret.
        verdict: of the claim.
        measured: what was found, in words.
        condition: on which it holds, or what holds in its place.
        told: rows that it rests on.
    """
    scope, found = summary.scope, of(summary)
    where = "nothing was run"
    if found:
        where = (
            f"{scope.job}, {scope.model}, on {scope.device}; {found.seeds} seeds, of which "
            f"{found.dense_overfits} overfit"
        )
    return Claim(
        id=claim[0],
        says=claim[1],
        verdict=verdict if found else "not_run",
        scope=where,
        measured=measured,
        condition=condition,
        evidence=[f"{each.says}: regret {nats(each.lost)}" for each in told],
    )
