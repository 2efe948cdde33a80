"""The claim that resources which are kept for evaluation are released."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.claims import memory_evidence
from evalskip.messages import message, say
from evalskip.spec import OFF

if TYPE_CHECKING:
    from evalskip.summary import Claim, Summary

ID = "released"
SAYS = message("GPU and CPU resources that are kept for evaluation are released.")


def judged(summary: Summary) -> Claim:
    """Do train steps that follow an evaluation hold materially more than those of runs without?

    (Those before the first evaluation are no measure: a process grows in its first steps anyhow.)
    """
    found = memory_evidence.peak_differences(summary, "after_evaluation")
    condition = ""
    if found and all(each.verdict == "refuted" for each in found.values()):
        condition = say("between evaluations nothing is kept that could be released")
    return memory_evidence.judged(
        (ID, SAYS),
        summary,
        {arm: each.verdict for arm, each in found.items()},
        measured=say(
            "peak of train steps that follow an evaluation, against those of a run without: {more}",
            more=memory_evidence.told_differences(found) or say("nothing that was measured"),
        )
        + _set_up(summary),
        condition=memory_evidence.few_runs(found) or condition,
        evidence=[f"peak_differences: {arm}, after_evaluation" for arm in found],
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
        and memory_evidence.evaluates(summary, name)
    ]
    if not costs:
        return ""
    return say(
        "; set-up takes {least:.2f} to {most:.2f} s longer with an evaluation set",
        least=min(costs),
        most=max(costs),
    )
