"""The answer of a ledger: how many claims hold, then speed, then the rest in short."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from evalskip.article.claims import CLAIMS
from evalskip.article.claims.speed import RANGE
from evalskip.article.scope import is_on_cpu
from evalskip.notes import note
from evalskip.report.words import N_, NN_
from evalskip.summary.figures import gain_range, percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.notes import Note
    from evalskip.report.words import Template
    from evalskip.summary import Claim, Source, Verdict

WORDS: dict[str, Template] = {
    "answer.speed": N_(
        "Skipping evaluation saves what evaluation costs, and that depends on how much is "
        "evaluated: training was {least} to {most} faster, at {loads} evaluated tokens per "
        "trained token; the claimed {claimed} was met at {met}."
    ),
    "answer.met": N_("{held} of {points} points"),
    "answer.met_at": N_("{met} (at {load} evaluated tokens per trained token)"),
    "answer.no_gpu": N_("{met}; no verdict on speed from a GPU yet"),
    "answer.load": N_("{load:.2g}"),
    "answer.loads": N_("{least:.2g} to {most:.2g}"),
    "answer.counts": N_("Of {count} claims {each}."),
    "answer.supported": NN_("{count} holds", "{count} hold"),
    "answer.conditional": NN_("{count} holds in part", "{count} hold in part"),
    "answer.refuted": NN_("{count} does not hold", "{count} do not hold"),
    "answer.inconclusive": NN_("{count} is not settled", "{count} are not settled"),
    "answer.not_run": NN_("{count} was not run", "{count} were not run"),
}
_VERDICTS: tuple[Verdict, ...] = (
    "supported",
    "conditional",
    "refuted",
    "inconclusive",
    "not_run",
)


def answer(claims: Sequence[Claim], sources: Sequence[Source]) -> list[Note]:
    """How many hold, what becomes of speed, and what other claims have to say in short."""
    verdicts = {claim.id: claim.verdict for claim in claims}
    codes = [getattr(claim, "IN_ANSWER", {}).get(verdicts[claim.ID]) for claim in CLAIMS]
    counts = Counter(verdicts.values())
    each = [note(f"answer.{v}", count=counts[v]) for v in _VERDICTS if counts[v]]
    return [
        note("answer.counts", count=len(claims), each=each),
        *_speed(sources),
        *(note(code) for code in codes if code),
    ]


def _speed(sources: Sequence[Source]) -> list[Note]:
    """How much faster, over which loads, and where that is what is claimed."""
    pairs = [(s, p) for s in sources for p in s.points if p.verdict != "inconclusive"]
    settled = [point for _, point in pairs]
    if not settled:
        return []
    least, most = (
        find(settled, key=lambda point: point.throughput_gain.estimate) for find in (min, max)
    )
    supported_loads = [point.evaluation_load for point in settled if point.verdict == "supported"]
    met = note("answer.met", held=len(supported_loads), points=len(settled))
    if supported_loads:
        met = note("answer.met_at", met=met, load=_span(supported_loads))
    if all(is_on_cpu(source.scope) for source, _ in pairs):
        met = note("answer.no_gpu", met=met)
    return [
        note(
            "answer.speed",
            claimed=gain_range(RANGE),
            least=percent(least.throughput_gain),
            most=percent(most.throughput_gain),
            loads=_span([point.evaluation_load for point in settled]),
            met=met,
        )
    ]


def _span(loads: Sequence[float]) -> Note:
    least, most = min(loads), max(loads)
    if f"{least:.2g}" == f"{most:.2g}":
        return note("answer.load", load=least)
    return note("answer.loads", least=least, most=most)
