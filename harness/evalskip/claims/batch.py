"""The claim that the training batch can grow when evaluation is skipped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.claims import held
from evalskip.claims.held import per_cent, size

if TYPE_CHECKING:
    from evalskip.summary import Claim, Headroom, Summary

ID = "batch"
SAYS = "When evaluation is skipped, the training batch can grow."


def judged(summary: Summary) -> Claim:
    """Does the off arm complete with a larger batch than an arm that evaluates?"""
    off, others = held.headroom_of(summary)
    grows = {found.arm: off is not None and held.is_larger(off, found) for found in others}
    return held.judged(
        (ID, SAYS),
        summary,
        grows,
        measured=_measured(off, others) if off else "nothing",
        condition=_condition(off, grows, others) if off else "",
        evidence=[f"headroom: {found.arm}" for found in others],
    )


def _measured(off: Headroom, others: list[Headroom]) -> str:
    by_batch: dict[int, list[str]] = {}
    for found in others:
        by_batch.setdefault(found.max_batch, []).append(found.arm)
    rows = [f"{largest} with {', '.join(arms)}" for largest, arms in by_batch.items()]
    return (
        f"within {size(off.limit_bytes)} a batch of {off.max_batch} rows fits without evaluation, "
        f"{'; '.join(rows)}"
    )


def _condition(off: Headroom, grows: dict[str, bool], others: list[Headroom]) -> str:
    texts = [held.where(grows, others)]
    gain = off.throughput_gain
    if gain is not None:
        texts.append(
            f"the same rows at {off.max_batch} in place of {off.own_batch} to a batch are trained "
            f"{per_cent(gain)} faster"
        )
    return "; ".join(filter(None, texts))
