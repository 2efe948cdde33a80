"""The claim that one evaluation at the end makes up for skipping."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.claims import regret_evidence
from evalskip.digits import nats
from evalskip.messages import message, say

if TYPE_CHECKING:
    from evalskip.summary import Claim, Summary

ID = "final_eval"
SAYS = message("A manual evaluation at the end makes up for having skipped.")


def judged(summary: Summary) -> Claim:
    """It tells how good the last checkpoint is; is that the one to keep?"""
    found = regret_evidence.of(summary)
    row = regret_evidence.row(found, "final_only") if found else None
    if found is None or row is None:
        return regret_evidence.judged((ID, SAYS), summary, "not_run", measured=say("nothing"))
    verdict = regret_evidence.within(row, found.within_regret)
    return regret_evidence.judged(
        (ID, SAYS),
        summary,
        verdict,
        measured=say(
            "it costs {taken} of T, and the checkpoint that it is of is {lost} worse than the best "
            "that evaluation would have kept",
            taken=regret_evidence.taken(row),
            lost=nats(row.lost),
        ),
        condition=say("the best checkpoint is gone by then") if verdict == "refuted" else "",
        told=[row],
    )
