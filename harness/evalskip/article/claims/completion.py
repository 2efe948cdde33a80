"""The claim that skipping evaluation lets a job finish where resources are short."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.article import memory_evidence
from evalskip.article.scope import scope_of
from evalskip.notes import note
from evalskip.report.words import N_
from evalskip.summary import Claim
from evalskip.summary.figures import size

if TYPE_CHECKING:
    from evalskip.summary import Summary

ID, PLACE = "completion", 130
WORDS = {
    "completion.says": N_("Skipping evaluation lets a job finish where resources are short."),
    "completion.neither": N_(
        "within {limit} the job's batch of {batch} samples does not complete without evaluation "
        "either"
    ),
    "completion.off_only": N_(
        "within {limit} the job's batch of {batch} samples completes without evaluation, and runs "
        "out of memory with {arms}"
    ),
    "completion.both": N_(
        "within {limit} the job's batch of {batch} samples completes without evaluation, and with "
        "it"
    ),
}


def judge(summary: Summary) -> Claim | None:
    """Within the limit, does the job's own batch complete without evaluation only?"""
    if summary.headroom is None or (off := summary.headroom.off) is None:
        return None
    others = summary.headroom.evaluating
    completes = off.max_batch >= off.own_batch
    finishes = {
        headroom.arm: headroom.max_batch < headroom.own_batch
        and memory_evidence.is_larger(off, headroom)
        for headroom in others
        if completes
    }
    short = [arm for arm, runs_out in finishes.items() if runs_out]
    code = "completion.off_only" if short else "completion.both"
    measured = note(
        code if completes else "completion.neither",
        limit=size(off.limit_bytes),
        batch=off.own_batch,
        arms=short,
    )
    if not completes:
        return Claim(
            id=ID,
            statement=note(f"{ID}.says"),
            verdict="inconclusive",
            scope=scope_of(summary.scope),
            measured=[measured],
        )
    return memory_evidence.judged(
        ID,
        summary,
        memory_evidence.verdicts_of(finishes),
        measured=[measured],
        condition=memory_evidence.bounds(finishes, others),
        evidence=[f"headroom: {headroom.arm}" for headroom in others],
    )
