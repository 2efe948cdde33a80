"""The claim that the training batch can grow when evaluation is skipped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.claims import memory_evidence
from evalskip.digits import bytes_of, per_cent
from evalskip.messages import listed, message, say

if TYPE_CHECKING:
    from evalskip.summary import Claim, Headroom, Summary

ID = "batch"
SAYS = message("When evaluation is skipped, the training batch can grow.")


def judged(summary: Summary) -> Claim:
    """Does the off arm complete with a larger batch than an arm that evaluates?"""
    off, others = memory_evidence.headroom_of(summary)
    grows = {
        found.arm: off is not None and memory_evidence.is_larger(off, found) for found in others
    }
    return memory_evidence.judged(
        (ID, SAYS),
        summary,
        memory_evidence.verdicts_of(grows),
        measured=_measured(off, others) if off else say("nothing"),
        condition=_condition(off, grows, others) if off else "",
        evidence=[f"headroom: {found.arm}" for found in others],
    )


def _measured(off: Headroom, others: list[Headroom]) -> str:
    if not off.max_batch:
        return say("within {limit} not one row fits", limit=bytes_of(off.limit_bytes))
    by_batch: dict[int, list[str]] = {}
    for found in others:
        by_batch.setdefault(found.max_batch, []).append(found.arm)
    rows = [
        say("{batch} with {arms}", batch=largest, arms=listed(arms))
        for largest, arms in by_batch.items()
    ]
    return say(
        "within {limit} a batch of {batch} rows fits without evaluation, {others}",
        limit=bytes_of(off.limit_bytes),
        batch=off.max_batch,
        others=say("; ").join(rows),
    )


def _condition(off: Headroom, grows: dict[str, bool], others: list[Headroom]) -> str:
    texts = [memory_evidence.where(grows, others)]
    gain = off.throughput_gain
    if gain is not None:
        texts.append(
            say(
                "the same rows at {batch} in place of {own} to a batch are trained {gain} faster",
                batch=off.max_batch,
                own=off.own_batch,
                gain=per_cent(gain),
            )
        )
    return say("; ").join(filter(None, texts))
