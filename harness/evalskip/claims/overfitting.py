"""The claim that skipping for long lets overfitting go unnoticed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.claims import regret_evidence
from evalskip.digits import nats
from evalskip.messages import message, say

if TYPE_CHECKING:
    from evalskip.summary import Claim, ScheduleRegret, Summary, Verdict

ID = "overfitting"
SAYS = message("Skipping evaluation for long lets overfitting go unnoticed.")


def judged(summary: Summary) -> Claim:
    """On a job that overfits: does the sparsest schedule notice later, and what does off lose?"""
    found = regret_evidence.of(summary)
    off = regret_evidence.row(found, "off") if found else None
    if found is None or off is None:
        return regret_evidence.judged((ID, SAYS), summary, "not_run", measured=say("nothing"))
    schedules = [each for each in found.rows if each.kind == "schedule"]
    late = [
        say(
            "{says}: by {part} of {whole} seeds, {steps:.0f} steps later",
            says=each.looks,
            part=each.noticed,
            whole=found.seeds,
            steps=each.delay_steps.estimate,
        )
        if each.delay_steps
        else say(
            "{says}: by {part} of {whole} seeds",
            says=each.looks,
            part=each.noticed,
            whole=found.seeds,
        )
        for each in schedules
    ]
    verdict: Verdict = "inconclusive"
    lost = regret_evidence.within(off, found.margin)
    looking = [each for each in schedules if each.evaluations > 1]
    sparsest = min(looking, key=lambda each: each.evaluations, default=None)
    if sparsest is not None and lost == "refuted" and _is_late(sparsest, found.seeds):
        verdict = "supported"
    elif lost == "supported":
        verdict = "refuted"
    return regret_evidence.judged(
        (ID, SAYS),
        summary,
        verdict,
        measured=say(
            "overfitting is noticed {late}; training on to the end loses {lost}",
            late=say("; ").join(late),
            lost=nats(off.lost),
        ),
        condition=say(
            "noticed: two evaluations in a row {margin:g} nats above the best",
            margin=found.margin,
        ),
        told=schedules,
    )


def _is_late(row: ScheduleRegret, seeds: int) -> bool:
    """Whether overfitting is noticed later by it than by every evaluation, or not at all."""
    if row.noticed < seeds:
        return True
    return row.delay_steps is not None and (row.delay_steps.low or 0) > 0
