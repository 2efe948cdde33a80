"""What claims about what skipping misses share: rows of a regret, and how they are told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.claims.memory_evidence import where_run
from evalskip.digits import nats, per_cent
from evalskip.messages import listed, message, say
from evalskip.summary import Claim

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalskip.summary import RegretSummary, ScheduleRegret, Summary, Verdict


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
    return per_cent(row.time_saved) if row.time_saved else say("an unknown part")


def by_verdict(found: RegretSummary, verdicts: Mapping[str, Verdict]) -> str:
    """What holds, what does not and what is not settled, where so much may be lost."""
    told = []
    for verdict, words in _BY_VERDICT.items():
        if own := [says for says, judged in verdicts.items() if judged == verdict]:
            told.append(say(words, schedules=listed(own)))
    return say(
        "where {limit:g} nats may be lost, judged at {level:.3g} %, {each}",
        limit=found.within_regret,
        level=100 * found.level_of_verdict,
        each=say("; ").join(told),
    )


_BY_VERDICT: dict[Verdict, str] = {
    "supported": message("it holds: {schedules}"),
    "refuted": message("not: {schedules}"),
    "inconclusive": message("not settled: {schedules}"),
}


def taken(row: ScheduleRegret) -> str:
    """The time that its evaluations take, for a sentence."""
    return say("an unknown part") if row.share is None else f"{100 * row.share:.1f} %"


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
            says=say(claim[1]),
            verdict="not_run",
            scope=say("nothing was run"),
            measured=measured,
            condition="",
            evidence=[],
        )
    if found.not_proven:
        verdict = "inconclusive"
        condition = say("a real run differs: {run}", run=found.not_proven[0])
    elif found.dense_overfits < found.seeds:
        verdict = "inconclusive"
        condition = say(
            "the job overfits on {part} of {whole} seeds only",
            part=found.dense_overfits,
            whole=found.seeds,
        )
    level = f"{100 * found.level_of_verdict:.1f} %"
    return Claim(
        id=claim[0],
        says=say(claim[1]),
        verdict=verdict,
        scope=where_run(
            summary.scope,
            say(
                "{seeds} seeds, of which {overfit} overfit",
                seeds=found.seeds,
                overfit=found.dense_overfits,
            ),
        ),
        measured=measured,
        condition=condition,
        evidence=[
            say(
                "{says}: regret {lost}; at {level}: {judged}",
                says=each.looks,
                lost=nats(each.lost),
                level=level,
                judged=nats(each.judged),
            )
            for each in told
        ],
    )
