"""The claim that the training batch can grow when evaluation is skipped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.article import memory_evidence
from evalskip.notes import note
from evalskip.report.words import N_
from evalskip.summary.figures import percent, size

if TYPE_CHECKING:
    from evalskip.notes import Note
    from evalskip.summary import Claim, Headroom, Summary

ID, PLACE = "batch", 120
WORDS = {
    "batch.says": N_("When evaluation is skipped, the training batch can grow."),
    "batch.none": N_("within {limit} not one sample fits"),
    "batch.off": N_("within {limit} a batch of {batch} samples fits without evaluation"),
    "batch.with": N_("{batch} with {arms}"),
    "batch.pays": N_(
        "the same samples at {batch} in place of {own} to a batch are trained {gain} faster"
    ),
}


def judge(summary: Summary) -> Claim | None:
    """Does the off arm complete with a larger batch than an arm that evaluates?"""
    if summary.headroom is None or (off := summary.headroom.off) is None:
        return None
    others = summary.headroom.evaluating
    grows = {headroom.arm: memory_evidence.is_larger(off, headroom) for headroom in others}
    return memory_evidence.judged(
        ID,
        summary,
        memory_evidence.verdicts_of(grows),
        measured=_measured(off, others),
        condition=[*memory_evidence.bounds(grows, others), *_pays(off)],
        evidence=[f"headroom: {headroom.arm}" for headroom in others],
    )


def _measured(off: Headroom, others: list[Headroom]) -> list[Note]:
    limit = size(off.limit_bytes)
    if not off.max_batch:
        return [note("batch.none", limit=limit)]
    by_batch: dict[int, list[str]] = {}
    for headroom in others:
        by_batch.setdefault(headroom.max_batch, []).append(headroom.arm)
    return [
        note("batch.off", limit=limit, batch=off.max_batch),
        *(note("batch.with", batch=batch, arms=arms) for batch, arms in by_batch.items()),
    ]


def _pays(off: Headroom) -> list[Note]:
    gain = off.throughput_gain
    if gain is None:
        return []
    return [note("batch.pays", batch=off.max_batch, own=off.own_batch, gain=percent(gain))]
