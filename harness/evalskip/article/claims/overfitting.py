"""The claim that skipping for long lets overfitting go unnoticed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.article import regret_evidence
from evalskip.notes import note
from evalskip.report.words import N_
from evalskip.summary.figures import nats

if TYPE_CHECKING:
    from evalskip.summary import Claim, ScheduleRegret, Summary, Verdict

ID, PLACE = "overfitting", 150
WORDS = {
    "overfitting.says": N_("Skipping evaluation for long lets overfitting go unnoticed."),
    "overfitting.by": N_("{schedule}: noticed by {part} of {whole} seeds"),
    "overfitting.later": N_(
        "{schedule}: noticed by {part} of {whole} seeds, {steps:.0f} steps later"
    ),
    "overfitting.loses": N_("training on to the end loses {lost}"),
    "overfitting.means": N_("noticed: two evaluations in a row {margin:g} nats above the best"),
    "overfitting.in_answer": N_(
        "On a job that overfits nothing shows it without evaluation, and a worse model is kept."
    ),
}
IN_ANSWER = {"supported": "overfitting.in_answer"}


def judge(summary: Summary) -> Claim | None:
    """On a job that overfits: does the sparsest schedule notice later, and what does off lose?"""
    section = summary.regret
    off = section.policy("off") if section else None
    if section is None or off is None:
        return None
    schedules = [each for each in section.policies if each.kind == "schedule"]
    late = [
        note(
            "overfitting.later",
            schedule=each.policy,
            part=each.noticed,
            whole=section.seeds,
            steps=each.delay_steps.estimate,
        )
        if each.delay_steps
        else note("overfitting.by", schedule=each.policy, part=each.noticed, whole=section.seeds)
        for each in schedules
    ]
    verdict: Verdict = "inconclusive"
    lost = regret_evidence.within(off, section.margin)
    evaluating = [each for each in schedules if each.evaluations > 1]
    sparsest = min(evaluating, key=lambda each: each.evaluations, default=None)
    if sparsest is not None and lost == "refuted" and _is_late(sparsest, section.seeds):
        verdict = "supported"
    elif lost == "supported":
        verdict = "refuted"
    return regret_evidence.judged(
        ID,
        summary,
        section,
        verdict,
        measured=[
            *late,
            note("overfitting.loses", lost=nats(off.lost)),
        ],
        condition=[note("overfitting.means", margin=section.margin)],
        evidence=schedules,
    )


def _is_late(row: ScheduleRegret, seeds: int) -> bool:
    """Whether overfitting is noticed later by it than by every evaluation, or not at all."""
    if row.noticed < seeds:
        return True
    return row.delay_steps is not None and (row.delay_steps.low or 0) > 0
