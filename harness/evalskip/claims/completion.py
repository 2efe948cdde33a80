"""The claim that skipping evaluation lets a job finish where resources are short."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.claims import memory_evidence
from evalskip.digits import bytes_of
from evalskip.messages import listed, message, say

if TYPE_CHECKING:
    from evalskip.summary import Claim, Summary

ID = "completion"
SAYS = message("Skipping evaluation lets a job finish where resources are short.")


def judged(summary: Summary) -> Claim:
    """Within the limit, does the job's own batch complete without evaluation only?"""
    off, others = memory_evidence.headroom_of(summary)
    completes = off is not None and off.max_batch >= off.own_batch
    finishes = {
        found.arm: found.max_batch < found.own_batch and memory_evidence.is_larger(off, found)
        for found in others
        if off and completes
    }
    if off and not completes:
        measured = say(
            "within {limit} the job's batch of {batch} rows does not complete without evaluation "
            "either",
            limit=bytes_of(off.limit_bytes),
            batch=off.own_batch,
        )
    elif off and any(finishes.values()):
        measured = say(
            "within {limit} the job's batch of {batch} rows completes without evaluation, and "
            "runs out of memory with {arms}",
            limit=bytes_of(off.limit_bytes),
            batch=off.own_batch,
            arms=listed(arm for arm, runs_out in finishes.items() if runs_out),
        )
    elif off:
        measured = say(
            "within {limit} the job's batch of {batch} rows completes without evaluation, and "
            "with it",
            limit=bytes_of(off.limit_bytes),
            batch=off.own_batch,
        )
    else:
        measured = say("nothing")
    return memory_evidence.judged(
        (ID, SAYS),
        summary,
        memory_evidence.verdicts_of(finishes),
        measured=measured,
        condition=memory_evidence.where(finishes, others),
        evidence=[f"headroom: {found.arm}" for found in others],
    )
