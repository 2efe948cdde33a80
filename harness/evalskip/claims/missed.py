"""What claims about what skipping misses share: rows of a regret, and how they are told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.claims.held import per_cent, where_run
from evalskip.summary import Claim

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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


def within(row: ScheduleRegret, limit: float) -> Verdict:
    """``supported`` if all of a regret's interval is within a limit, ``refuted`` if beyond it."""
    regret = row.judged
    if regret.low is None or regret.high is None:
        return "inconclusive"
    if regret.high <= limit:
        return "supported"
    return "refuted" if regret.low > limit else "inconclusive"


def saved(row: ScheduleRegret) -> str:
    """Time that is saved, for a sentence."""
    return per_cent(row.time_saved) if row.time_saved else "an unknown part"


def by_verdict(verdicts: Mapping[str, Verdict]) -> str:
    """What holds, what does not and what is not settled, for a sentence."""
    words = {"supported": "it holds:", "refuted": "not:", "inconclusive": "not settled:"}
    told = []
    for verdict, word in words.items():
        if own := [says for says, found in verdicts.items() if found == verdict]:
            told.append(f"{word} {', '.join(own)}")
    return "; ".join(told)


def taken(row: ScheduleRegret) -> str:
    """The time that its evaluations take, for a sentence."""
    return "an unknown part" if row.share is None else f"{100 * row.share:.1f} %"


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

    A job that does not overfit says nothing of what is missed, nor do replays that real runs
    contradict.

    Args:
        claim: its id and what it says.
        summary: that holds the regret.
        verdict: of the claim.
        measured: what was found, in words.
        condition: on which it holds, or what holds in its place.
        told: rows that it rests on.
    """
    found = of(summary)
    if found is None:
        return Claim(
            id=claim[0],
            says=claim[1],
            verdict="not_run",
            scope="nothing was run",
            measured=measured,
            condition="",
            evidence=[],
        )
    if found.not_proven:
        verdict, condition = "inconclusive", f"a real run differs: {found.not_proven[0]}"
    elif found.dense_overfits < found.seeds:
        verdict = "inconclusive"
        condition = f"the job overfits on {found.dense_overfits} of {found.seeds} seeds only"
    level = f"{100 * found.level_of_verdict:.1f} %"
    return Claim(
        id=claim[0],
        says=claim[1],
        verdict=verdict,
        scope=where_run(
            summary.scope, f"; {found.seeds} seeds, of which {found.dense_overfits} overfit"
        ),
        measured=measured,
        condition=condition,
        evidence=[
            f"{each.says}: regret {nats(each.lost)}; at {level}: {nats(each.judged)}"
            for each in told
        ],
    )
