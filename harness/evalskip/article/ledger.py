"""Every claim over several results: one verdict, what it holds for, and what it rests on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.analysis.identity import made_now
from evalskip.article.answer import answer
from evalskip.article.claims import CLAIMS, speed
from evalskip.article.public_logs import public_beside, public_gains
from evalskip.errors import InputError
from evalskip.machine.fingerprint import fingerprint
from evalskip.notes import Note, note
from evalskip.summary import (
    Claim,
    ClaimsSummary,
    Effort,
    Scope,
    Source,
    SpeedPoint,
    Summary,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.summary import Verdict


def judged(summary: Summary) -> list[Claim]:
    """The claims on which one result has a say, with its verdicts, in order."""
    if summary.regret and summary.regret.metric != "eval_loss":  # margins are in nats
        summary = summary.model_copy(update={"regret": None})
    claims = [claim.judge(summary) for claim in CLAIMS]
    return [claim for claim in claims if claim is not None]


STUDY = note("article", date="2025-05-01")
"""What makes the claims."""


def ledger(name: str, summaries: Sequence[Summary], reports: Sequence[str] = ()) -> Summary:
    """Every claim once, over several results; ``not_run`` where none has a verdict.

    Args:
        name: of the ledger.
        summaries: the results; those that have no say on any claim add nothing.
        reports: where the report of each lies, seen from that of the ledger; none: not known.
    """
    places = reports or [""] * len(summaries)
    sources = [
        source
        for summary, place in zip(summaries, places, strict=True)
        if (source := _source(summary, place)).claims
    ]
    by_id: dict[str, list[tuple[str, Claim]]] = {}
    for source in sources:
        for claim in source.claims:
            by_id.setdefault(claim.id, []).append((source.name, claim))
    claims = [
        _over_all(by_id[claim.ID]) if claim.ID in by_id else _not_run(claim.ID) for claim in CLAIMS
    ]
    efforts = [
        section.effort for summary in summaries for section in summary.sections() if section.effort
    ]
    section = ClaimsSummary(
        claims=claims,
        study=STUDY,
        answer=answer(claims, sources),
        claimed_gain=speed.RANGE,
        sources=sources,
        public=public_gains(),
        public_beside=public_beside(),
        timed_blocks=sum(s.bench.effort.blocks for s in summaries if s.bench),
        effort=Effort(
            runs=sum(effort.runs for effort in efforts),
            seconds=sum(effort.seconds for effort in efforts),
            stopped=note("all_results_read"),
        ),
    )
    return Summary(
        name=name,
        made=made_now(fingerprint(), {}),
        scope=Scope(job=note("claims"), model="", parameters=0, device=note("several")),
        claims=section,
    )


def across(verdicts: Sequence[Verdict]) -> Verdict:
    """One verdict of those results that settle it; ``conditional`` where they differ."""
    settled = {verdict for verdict in verdicts if verdict not in ("inconclusive", "not_run")}
    if not settled:
        return "inconclusive" if "inconclusive" in verdicts else "not_run"
    return settled.pop() if len(settled) == 1 else "conditional"


def unsettled(claims: Sequence[Claim], required: Sequence[str]) -> str:
    """Which of the required claims have no verdict, in one line; empty if all have.

    Raises:
        InputError: there is no such claim.
    """
    verdicts = {claim.id: claim.verdict for claim in claims}
    for name in required:
        if name not in verdicts:
            raise InputError(f"--require {name}: expected one of {', '.join(verdicts)}")
    missing = [
        f"{name}: {verdicts[name]}"
        for name in required
        if verdicts[name] in ("inconclusive", "not_run")
    ]
    return f"no verdict on {', '.join(missing)}" if missing else ""


def _over_all(entries: Sequence[tuple[str, Claim]]) -> Claim:
    claims = [claim for _, claim in entries]
    evidence: list[Note | str] = [
        note("evidence_of", result=name, evidence=each)
        for name, claim in entries
        for each in claim.evidence
    ]
    if len(entries) == 1:
        return claims[0].model_copy(update={"evidence": evidence})
    verdict = across([claim.verdict for claim in claims])
    settled = [
        (name, claim) for name, claim in entries if claim.verdict != "inconclusive"
    ] or entries
    return Claim(
        id=claims[0].id,
        statement=claims[0].statement,
        verdict=verdict,
        scope=[each for i, (_, c) in enumerate(settled) for each in _unless_before(settled[:i], c)],
        measured=[
            note("verdict_by", verdict=note(claim.verdict), result=name) for name, claim in entries
        ],
        condition=_conditions(settled) if verdict == "conditional" else [],
        evidence=evidence,
    )


def _conditions(settled: Sequence[tuple[str, Claim]]) -> list[Note]:
    """Where it holds, where it does not, and on what it depends elsewhere."""
    notes = []
    for name, claim in settled:
        first, *others = claim.condition or claim.measured
        notes += [note("of_result", result=name, clause=first), *others]
    return notes


def _unless_before(before: Sequence[tuple[str, Claim]], claim: Claim) -> list[Note | str]:
    """The scope of a claim, unless a claim before has the same."""
    return [] if any(claim.scope == other.scope for _, other in before) else claim.scope


def _not_run(claim: str) -> Claim:
    statement = speed.SAYS if claim == speed.ID else note(f"{claim}.says")
    return Claim(id=claim, statement=statement, verdict="not_run", scope=[], measured=[])


def _source(summary: Summary, path: str) -> Source:
    claims = judged(summary)
    bench = summary.bench
    points = [
        SpeedPoint(
            arm=point.arm,
            evaluation_samples=bench.arms[point.arm].evaluation_samples,
            evaluation_load=bench.arms[point.arm].evaluation_load,
            throughput_gain=point.throughput_gain,
            verdict=point.verdict,
        )
        for point in speed.points(summary)
        if bench and point.verdict is not None
    ]
    first = next((claim for claim in claims if claim.id == speed.ID), None)
    scopes = [claim.scope for claim in ([first] if first else claims[:1])]
    return Source(
        name=summary.name,
        scope=scopes[0] if scopes else [],
        path=path,
        claims=claims,
        points=points,
    )
