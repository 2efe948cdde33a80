"""The claim that evaluation is on unless it is switched off."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.claims import observed
from evalskip.messages import message, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.summary import Claim, Observation

ID = "default_on"
SAYS = message("do_eval controls evaluation, and is true unless it is set.")


def judged(observations: Sequence[Observation]) -> Claim:
    """Does a run in which nothing is set evaluate?"""
    unset = observed.of(observations, "switch", do_eval=None, eval_strategy=None)
    counts = [observed.evaluations(run) for run in unset]
    return observed.judged(
        (ID, SAYS),
        unset,
        [count > 0 for count in counts],
        measured=say("with nothing set, {counted}", counted=_counted(counts)),
        condition=say("evaluation has to be asked for") if not any(counts) else "",
    )


def _counted(counts: Sequence[int]) -> str:
    if not any(counts):
        return say("there was no evaluation")
    return say("evaluations: {counts}", counts=list(counts))
