"""Every claim over several results: one verdict, what it holds for, and what it rests on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.claims import speed
from evalskip.claims.ledger import collected
from evalskip.messages import say
from evalskip.notes import note
from evalskip.summary import Claim, Effort, Scope, Source, SpeedPoint, Summary

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from evalskip.summary import Verdict


def whole(name: str, summaries: Sequence[Summary], machine: dict[str, Any]) -> Summary:
    """A ledger that has every claim once.

    Args:
        name: of the ledger.
        summaries: the results that hold verdicts; those without any add nothing.
        machine: that the ledger is made on.
    """
    sources = [_source(summary) for summary in summaries if summary.claims]
    by_id: dict[str, list[Claim]] = {}
    for claim in collected(summaries):
        by_id.setdefault(claim.id, []).append(claim)
    ledger = Summary.of_nothing(
        name=name,
        scope=Scope(job="claims", model="several", parameters=0, device="several", versions={}),
        machine=machine,
        effort=Effort(
            blocks=sum(summary.effort.blocks for summary in summaries),
            runs=sum(summary.effort.runs for summary in summaries),
            seconds=sum(summary.effort.seconds for summary in summaries),
            run_overhead_s=None,
            block_start_s=None,
            stopped=note("all_results_read"),
        ),
    )
    claims = [_over_all(claims, sources) for claims in by_id.values()]
    return ledger.model_copy(update={"claims": claims, "sources": sources})


def across(verdicts: Sequence[Verdict]) -> Verdict:
    """One verdict of those results that settle it; ``conditional`` where they differ."""
    settled = {verdict for verdict in verdicts if verdict not in ("inconclusive", "not_run")}
    if not settled:
        return "inconclusive" if "inconclusive" in verdicts else "not_run"
    return settled.pop() if len(settled) == 1 else "conditional"


def _over_all(claims: Sequence[Claim], sources: Sequence[Source]) -> Claim:
    verdict = across([claim.verdict for claim in claims])
    if len(claims) == 1:
        (claim,) = claims
        places = [source.name for source in sources if claim in source.claims]
        evidence = [f"{place}: {each}" for place in places for each in claim.evidence]
        return claim.model_copy(update={"evidence": evidence})
    held = [(s.name, claim) for s in sources for claim in s.claims if claim.id == claims[0].id]
    settled = [(name, claim) for name, claim in held if claim.verdict != "inconclusive"] or held
    return claims[0].model_copy(
        update={
            "verdict": verdict,
            "scope": say("; ").join(dict.fromkeys(claim.scope for _, claim in settled)),
            "measured": say("; ").join(
                say("{verdict} by {result}", verdict=say(claim.verdict), result=name)
                for name, claim in held
            ),
            "condition": _condition(settled) if verdict == "conditional" else "",
            "evidence": [f"{name}: {each}" for name, claim in held for each in claim.evidence],
        }
    )


def _condition(settled: Sequence[tuple[str, Claim]]) -> str:
    """Where it holds, where it does not, and on what it depends elsewhere."""
    return say("; ").join(
        say("{result}: {says}", result=name, says=claim.condition or claim.measured)
        for name, claim in settled
    )


def _source(summary: Summary) -> Source:
    points = [
        SpeedPoint(
            arm=comparison.arm,
            evaluation_rows=summary.arms[comparison.arm].evaluation_rows,
            evaluation_load=summary.arms[comparison.arm].evaluation_load,
            throughput_gain=comparison.throughput_gain,
            verdict=comparison.verdict,
        )
        for comparison in (summary.judged() if speed.is_of_the_article(summary) else ())
        if comparison.verdict is not None
    ]
    return Source(
        name=summary.name,
        scope=next(
            (claim.scope for claim in summary.claims if claim.id == speed.ID),
            next((claim.scope for claim in summary.claims), ""),
        ),
        claims=[claim for claim in summary.claims if claim.verdict != "not_run"],
        points=points,
    )
