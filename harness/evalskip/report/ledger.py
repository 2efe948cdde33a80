"""A ledger of claims: its answer, and what each result adds to it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from evalskip import digits
from evalskip.claims.memory_evidence import NO_GPU
from evalskip.claims.speed import RANGE
from evalskip.digits import per_cent
from evalskip.messages import counted, message, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.summary import Claim, Source, Summary, Verdict

_WORDS: dict[Verdict, tuple[str, str]] = {
    "supported": (message("{count} holds"), message("{count} hold")),
    "conditional": (message("{count} holds in part"), message("{count} hold in part")),
    "refuted": (message("{count} does not hold"), message("{count} do not hold")),
    "inconclusive": (message("{count} is not settled"), message("{count} are not settled")),
    "not_run": (message("{count} was not run"), message("{count} were not run")),
}
"""Of one claim, and of several."""
_TOLD: dict[tuple[str, Verdict], str] = {
    ("memory", "supported"): message("Peak memory fell."),
    ("memory", "conditional"): message("Peak memory fell only where evaluation sets it."),
    ("memory", "refuted"): message("Peak memory did not fall."),
    ("overfitting", "supported"): message(
        "Without evaluation nothing shows that a job overfits, and a worse model is kept."
    ),
    ("switch", "refuted"): message("do_eval: false alone does not skip evaluation."),
}
"""What belongs into an answer beside speed, by claim and verdict."""


def opening(summary: Summary) -> str:
    """What becomes of speed, of memory, of the model and of the switch; how many claims hold."""
    verdicts = {claim.id: claim.verdict for claim in summary.claims}
    told = [say(text) for (name, verdict), text in _TOLD.items() if verdicts.get(name) == verdict]
    return say(" ").join(filter(None, (_speed(summary.sources), *told, _counted(summary.claims))))


def _speed(sources: Sequence[Source]) -> str:
    """How much faster, over which loads, and where that is what is claimed."""
    found = [(s, p) for s in sources for p in s.points if p.verdict != "inconclusive"]
    settled = [point for _, point in found]
    if not settled:
        return ""
    least, most = (
        find(settled, key=lambda point: point.throughput_gain.estimate) for find in (min, max)
    )
    loads = sorted(point.evaluation_load for point in settled)
    held = sorted(point.evaluation_load for point in settled if point.verdict == "supported")
    met = say("{held} of {points} points", held=len(held), points=len(settled))
    if held:
        met = say("{met} (load {load})", met=met, load=_span(held))
    if all(say(NO_GPU) in source.scope for source, _ in found):
        met = say("{met}; no verdict on speed from a GPU yet", met=met)
    return say(
        "Skipping evaluation saves what evaluation costs, and that follows how much is evaluated: "
        "training was {least} to {most} faster, at {loads} evaluated tokens per trained token; the "
        "claimed {claimed} was met at {met}.",
        claimed=digits.claimed(RANGE),
        least=per_cent(least.throughput_gain),
        most=per_cent(most.throughput_gain),
        loads=_span(loads),
        met=met,
    )


def _span(loads: Sequence[float]) -> str:
    least, most = f"{loads[0]:.2g}", f"{loads[-1]:.2g}"
    return least if least == most else say("{least} to {most}", least=least, most=most)


def _counted(claims: Sequence[Claim]) -> str:
    counts = Counter(claim.verdict for claim in claims)
    each = (
        counted(*words, count) for verdict, words in _WORDS.items() if (count := counts[verdict])
    )
    return say("Of {count} claims {each}.", count=len(claims), each=say(", ").join(each))


def scopes(summary: Summary) -> list[str]:
    """What the verdicts hold for, each once."""
    return list(dict.fromkeys(source.scope for source in summary.sources if source.scope))


def provenance(summary: Summary) -> list[str]:
    """What it was put together from."""
    effort = summary.effort
    return [
        say(
            "{count} results: {names}",
            count=len(summary.sources),
            names=say(", ").join(source.name for source in summary.sources),
        ),
        say(
            "{runs:,} runs and trials, {blocks} timed blocks, in {time}",
            runs=effort.runs,
            blocks=effort.blocks,
            time=digits.duration(effort.seconds),
        ),
    ]
