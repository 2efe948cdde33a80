"""The claim that memory falls when evaluation is skipped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.claims import held
from evalskip.claims.held import size
from evalskip.spec import OFF

if TYPE_CHECKING:
    from evalskip.summary import Claim, Summary

ID = "memory"
SAYS = "Memory falls when evaluation is skipped."


def judged(summary: Summary) -> Claim:
    """Is the peak of an arm that evaluates higher than that of off, beyond what repeats differ?"""
    peaks = held.peaks_of(summary)
    off = peaks.get(OFF)
    if off is None:
        return held.judged((ID, SAYS), summary, {}, measured="nothing")
    floor = held.tolerance(summary)
    others = {arm: peak for arm, peak in peaks.items() if held.evaluates(summary, arm)}
    falls = {arm: peak - off > floor for arm, peak in others.items()}
    told = [f"{size(peak)} with {arm}" for arm, peak in others.items()]
    return held.judged(
        (ID, SAYS),
        summary,
        falls,
        measured=f"peak of a run: {size(off)} without evaluation, {', '.join(told)}; repeats "
        f"differ by up to {size(floor)}",
        condition=f"it falls against {', '.join(arm for arm in falls if falls[arm])}"
        if any(falls.values())
        else "train steps set the peak, and what is evaluated stays below it",
        evidence=[f"arms: {arm}, peak_bytes" for arm in others],
    )
