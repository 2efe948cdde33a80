"""The claim that skipping evaluation lets a job finish where resources are short."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.claims import held
from evalskip.claims.held import size

if TYPE_CHECKING:
    from evalskip.summary import Claim, Summary

ID = "completion"
SAYS = "Skipping evaluation lets a job finish where resources are short."


def judged(summary: Summary) -> Claim:
    """Within the limit, does the job's own batch complete without evaluation only?"""
    off, others = held.headroom_of(summary)
    completes = off is not None and off.max_batch >= off.own_batch
    finishes = {
        found.arm: found.max_batch < found.own_batch and held.is_larger(off, found)
        for found in others
        if off and completes
    }
    if off and not completes:
        measured = (
            f"within {size(off.limit_bytes)} the job's batch of {off.own_batch} rows does not "
            "complete without evaluation either"
        )
    elif off:
        short = [arm for arm, runs_out in finishes.items() if runs_out]
        measured = (
            f"within {size(off.limit_bytes)} the job's batch of {off.own_batch} rows completes "
            "without evaluation, and "
            + (f"runs out of memory with {', '.join(short)}" if short else "with it")
        )
    else:
        measured = "nothing"
    return held.judged(
        (ID, SAYS),
        summary,
        finishes,
        measured=measured,
        condition=held.where(finishes, others),
        evidence=[f"headroom: {found.arm}" for found in others],
    )
