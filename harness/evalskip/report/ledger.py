"""A ledger of claims: its answer, and what each result adds to it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from evalskip.claims.held import NO_GPU, per_cent
from evalskip.report import figures

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.summary import Claim, Source, Summary, Verdict

_WORDS: dict[Verdict, tuple[str, str]] = {
    "supported": ("holds", "hold"),
    "conditional": ("holds in part", "hold in part"),
    "refuted": ("does not hold", "do not hold"),
    "inconclusive": ("is not settled", "are not settled"),
    "not_run": ("was not run", "were not run"),
}
"""Of one claim, and of several."""
_TOLD: dict[tuple[str, Verdict], str] = {
    ("memory", "supported"): "Peak memory fell.",
    ("memory", "conditional"): "Peak memory fell only where evaluation sets it.",
    ("memory", "refuted"): "Peak memory did not fall.",
    ("overfitting", "supported"): "Where a job overfits, nothing shows it, and a worse model is "
    "kept.",
    ("switch", "refuted"): "do_eval: false alone does not skip evaluation.",
}
"""What belongs into an answer beside speed, by claim and verdict."""


def opening(summary: Summary) -> str:
    """What becomes of speed, of memory, of the model and of the switch; how many claims hold."""
    verdicts = {claim.id: claim.verdict for claim in summary.claims}
    told = [text for (name, verdict), text in _TOLD.items() if verdicts.get(name) == verdict]
    return " ".join(filter(None, (_speed(summary.sources), *told, _counted(summary.claims))))


def _speed(sources: Sequence[Source]) -> str:
    """How much faster, over which loads, and where that is what is claimed."""
    found = [(s, p) for s in sources for p in s.points if p.verdict != "inconclusive"]
    settled = [point for _, point in found]
    if not settled:
        return ""
    lacks = all(NO_GPU in source.scope for source, _ in found)
    least, most = (
        find(settled, key=lambda point: point.throughput_gain.estimate) for find in (min, max)
    )
    loads = sorted(point.evaluation_load for point in settled)
    held = sorted(point.evaluation_load for point in settled if point.verdict == "supported")
    where = f"{len(held)} of {len(settled)} points"
    where += f" (load {_span(held)})" if held else ""
    return (
        "Skipping evaluation saves what evaluation costs, and that follows how much is evaluated: "
        f"training was {per_cent(least.throughput_gain)} to {per_cent(most.throughput_gain)} "
        f"faster, at {_span(loads)} evaluated tokens per trained token; the claimed 15-30 % was "
        f"met at {where}{f'; {NO_GPU}' if lacks else ''}."
    )


def _span(loads: Sequence[float]) -> str:
    least, most = f"{loads[0]:.2g}", f"{loads[-1]:.2g}"
    return least if least == most else f"{least} to {most}"


def _counted(claims: Sequence[Claim]) -> str:
    counts = Counter(claim.verdict for claim in claims)
    each = ", ".join(
        f"{count} {words[0] if count == 1 else words[1]}"
        for verdict, words in _WORDS.items()
        if (count := counts[verdict])
    )
    return f"Of {len(claims)} claims {each}."


def scopes(summary: Summary) -> list[str]:
    """What the verdicts hold for, each once."""
    return list(dict.fromkeys(source.scope for source in summary.sources if source.scope))


def provenance(summary: Summary) -> list[str]:
    """What it was put together from."""
    effort = summary.effort
    names = ", ".join(source.name for source in summary.sources)
    return [
        f"{len(summary.sources)} results: {names}",
        f"{effort.runs:,} runs and trials, {effort.blocks} timed blocks, in "
        f"{figures.duration(effort.seconds)}",
    ]
