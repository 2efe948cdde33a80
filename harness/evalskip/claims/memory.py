"""The claim that memory falls when evaluation is skipped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.claims import held
from evalskip.digits import bytes_of
from evalskip.messages import listed, message, say
from evalskip.spec import OFF

if TYPE_CHECKING:
    from evalskip.summary import Claim, Summary

ID = "memory"
SAYS = message("Memory falls when evaluation is skipped.")


def judged(summary: Summary) -> Claim:
    """Is the peak of an arm that evaluates higher than that of off, beyond what repeats differ?"""
    peaks = held.peaks_of(summary)
    off = peaks.get(OFF)
    if off is None:
        return held.judged((ID, SAYS), summary, {}, measured=say("nothing"))
    floor = held.tolerance(summary)
    others = {arm: peak for arm, peak in peaks.items() if held.evaluates(summary, arm)}
    falls = {arm: peak - off > floor for arm, peak in others.items()}
    told = [say("{peak} with {arm}", peak=bytes_of(peak), arm=arm) for arm, peak in others.items()]
    return held.judged(
        (ID, SAYS),
        summary,
        falls,
        measured=say(
            "peak of a run: {off} without evaluation, {others}; repeats differ by up to {floor}",
            off=bytes_of(off),
            others=listed(told),
            floor=bytes_of(floor),
        ),
        condition=say("it falls against {arms}", arms=listed(arm for arm in falls if falls[arm]))
        if any(falls.values())
        else say("train steps set the peak, and what is evaluated stays below it"),
        evidence=[f"arms: {arm}, peak_bytes" for arm in others],
    )
