"""The claim that one evaluation at the end makes up for skipping."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.article import regret_evidence
from evalskip.notes import note
from evalskip.report.words import N_
from evalskip.summary.figures import nats

if TYPE_CHECKING:
    from evalskip.summary import Claim, Summary

ID, PLACE = "final_eval", 160
WORDS = {
    "final_eval.says": N_("A manual evaluation at the end makes up for having skipped."),
    "final_eval.costs": N_(
        "it costs {taken} of the training time, and its checkpoint is {lost} worse than the "
        "best that evaluation would have kept"
    ),
    "final_eval.is_gone": N_("the best checkpoint is gone by then"),
}


def judge(summary: Summary) -> Claim | None:
    """It reports how good the last checkpoint is; is that the one to keep?"""
    section = summary.regret
    row = section.policy("final_only") if section else None
    if section is None or row is None:
        return None
    verdict = regret_evidence.within(row, section.within_regret)
    return regret_evidence.judged(
        ID,
        summary,
        section,
        verdict,
        measured=[
            note(
                "final_eval.costs", taken=regret_evidence.evaluation_share(row), lost=nats(row.lost)
            )
        ],
        condition=[note("final_eval.is_gone")] if verdict == "refuted" else [],
        evidence=[row],
    )
