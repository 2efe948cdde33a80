"""The claim that resources which are kept for evaluation are released."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.claims import held
from evalskip.digits import bytes_of
from evalskip.messages import listed, message, say
from evalskip.spec import OFF

if TYPE_CHECKING:
    from evalskip.summary import Claim, Summary

ID = "released"
SAYS = message("GPU and CPU resources that are kept for evaluation are released.")


def judged(summary: Summary) -> Claim:
    """Do train steps that follow an evaluation hold more than those of a run without any?

    (Those before the first evaluation are no measure: a process grows in its first steps anyhow.)
    """
    floor = held.tolerance(summary)
    off = summary.arms[OFF].peak_bytes.get("train", {}) if OFF in summary.arms else {}
    quantity = held.quantity_of(off)
    kept = {
        name: arm.train_peaks["after_evaluation"][quantity] - off[quantity]
        for name, arm in summary.arms.items()
        if quantity and quantity in arm.train_peaks.get("after_evaluation", {})
    }
    holds = {arm: more > floor for arm, more in kept.items()}
    told = [
        say("{more} after {arm}", more=bytes_of(max(0, more)), arm=arm)
        for arm, more in kept.items()
    ]
    return held.judged(
        (ID, SAYS),
        summary,
        holds,
        measured=say(
            "train steps that follow an evaluation peak above those of a run without by {more}; "
            "repeats differ by up to {floor}",
            more=listed(told) or say("nothing that was measured"),
            floor=bytes_of(floor),
        )
        + _set_up(summary),
        condition=""
        if any(holds.values())
        else say("between evaluations nothing is kept that could be released"),
        evidence=[f"arms: {arm}, train_peaks" for arm in kept],
    )


def _set_up(summary: Summary) -> str:
    """What the evaluation set costs before training."""
    off = summary.arms.get(OFF)
    costs = [
        arm.setup_s - off.setup_s
        for name, arm in summary.arms.items()
        if off
        and off.setup_s is not None
        and arm.setup_s is not None
        and held.evaluates(summary, name)
    ]
    if not costs:
        return ""
    return say(
        "; set-up takes {least:.2f} to {most:.2f} s longer with an evaluation set",
        least=min(costs),
        most=max(costs),
    )
