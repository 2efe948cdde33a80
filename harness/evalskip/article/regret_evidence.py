"""What claims about what skipping misses share: rows of a regret, and verdicts on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.article.scope import scope_of
from evalskip.notes import Note, note
from evalskip.report.words import N_
from evalskip.summary import Claim, Interval
from evalskip.summary.figures import nats, percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.summary import RegretSummary, ScheduleRegret, Summary, Verdict

WORDS = {
    "unknown_part": N_("an unknown part"),
    "where_may_lose": N_("where {limit:g} nats may be lost, judged at {level:.3g%}"),
    "lost_supported": N_("it holds: {schedules}"),
    "lost_refuted": N_("not: {schedules}"),
    "lost_inconclusive": N_("not settled: {schedules}"),
    "run_differs": N_("a real run differs: {run}"),
    "overfits_on_some": N_("the job overfits on {part} of {whole} seeds only"),
    "seeds_overfit": N_("{seeds} seeds, of which {overfit} overfit"),
    "regret_of": N_("{schedule}: regret {lost}; at {level:.1f%}: {judged}"),
}


def policies(section: RegretSummary, policy: str) -> list[ScheduleRegret]:
    """Those whose policy has a code."""
    return [each for each in section.policies if each.policy.code == policy]


def within(row: ScheduleRegret, limit: float) -> Verdict:
    """``supported`` if all of a regret's interval is within a limit, ``refuted`` if beyond it."""
    regret = row.judged
    if regret.low is None or regret.high is None:
        return "inconclusive"
    if regret.high <= limit:
        return "supported"
    return "refuted" if regret.low > limit else "inconclusive"


def saved(row: ScheduleRegret) -> Note:
    """Time that is saved."""
    return percent(row.time_saved) if row.time_saved else note("unknown_part")


def evaluation_share(row: ScheduleRegret) -> Note:
    """The time that its evaluations take."""
    if row.share is None:
        return note("unknown_part")
    return percent(Interval(estimate=row.share, level=0))


def by_verdict(
    section: RegretSummary, verdicts: Sequence[tuple[ScheduleRegret, Verdict]]
) -> list[Note]:
    """What holds, what does not and what is not settled, where so much may be lost."""
    notes = [
        note(
            "where_may_lose",
            limit=section.within_regret,
            level=section.level_of_verdict,
        )
    ]
    for verdict in ("supported", "refuted", "inconclusive"):
        own = [row.policy for row, judged in verdicts if judged == verdict]
        notes += [note(f"lost_{verdict}", schedules=own)] if own else []
    return notes


def judged(
    claim: str,
    summary: Summary,
    section: RegretSummary,
    verdict: Verdict,
    *,
    measured: Sequence[Note],
    condition: Sequence[Note] = (),
    evidence: Sequence[ScheduleRegret] = (),
) -> Claim:
    """A claim on the job whose curves were kept.

    A job that does not overfit says nothing of what is missed, nor do replays that real runs
    contradict.

    Args:
        claim: its id.
        summary: that holds the regret.
        section: the regret.
        verdict: of the claim.
        measured: what was found.
        condition: on which it holds, or what holds in its place.
        evidence: rows that it rests on.
    """
    if section.not_proven:
        verdict, condition = "inconclusive", [note("run_differs", run=section.not_proven[0])]
    elif section.dense_overfits < section.seeds:
        overfit = note("overfits_on_some", part=section.dense_overfits, whole=section.seeds)
        verdict, condition = "inconclusive", [overfit]
    seeds = note("seeds_overfit", seeds=section.seeds, overfit=section.dense_overfits)
    return Claim(
        id=claim,
        statement=note(f"{claim}.says"),
        verdict=verdict,
        scope=scope_of(summary.scope, seeds),
        measured=list(measured),
        condition=list(condition),
        evidence=[
            note(
                "regret_of",
                schedule=each.policy,
                lost=nats(each.lost),
                level=section.level_of_verdict,
                judged=nats(each.judged),
            )
            for each in evidence
        ],
    )
