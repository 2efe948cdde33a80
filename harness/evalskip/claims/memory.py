"""The claim that memory falls when evaluation is skipped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.claims import memory_evidence
from evalskip.digits import bytes_of
from evalskip.messages import listed, message, say

if TYPE_CHECKING:
    from evalskip.summary import Claim, Summary

ID = "memory"
SAYS = message("Memory falls when evaluation is skipped.")


def judged(summary: Summary) -> Claim:
    """Is the peak of runs that evaluate materially higher than that of runs that do not?"""
    found = memory_evidence.peak_differences(summary, "peak")
    if not found:
        return memory_evidence.judged((ID, SAYS), summary, {}, measured=say("nothing"))
    first = next(iter(found.values()))
    falls = [arm for arm, each in found.items() if each.verdict == "supported"]
    condition = say("it falls against {arms}", arms=listed(falls)) if falls else ""
    if all(each.verdict == "refuted" for each in found.values()):
        condition = say("train steps set the peak, and what is evaluated stays below it")
    return memory_evidence.judged(
        (ID, SAYS),
        summary,
        {arm: each.verdict for arm, each in found.items()},
        measured=say(
            "peak of a run: {off} without evaluation; {others}; material: more than {material}",
            off=bytes_of(round(first.off_bytes)),
            others=memory_evidence.told_differences(found),
            material=bytes_of(round(first.material_bytes)),
        ),
        condition=memory_evidence.few_runs(found) or condition,
        evidence=[f"peak_differences: {arm}, peak" for arm in found],
    )
