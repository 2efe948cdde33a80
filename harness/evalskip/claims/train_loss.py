"""The claim that the training-loss curve can help judge the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.claims import regret_evidence
from evalskip.digits import nats, plain
from evalskip.messages import message, say

if TYPE_CHECKING:
    from evalskip.summary import Claim, Summary

ID = "train_loss"
SAYS = message("The training-loss curve can help to judge the model.")


def judged(summary: Summary) -> Claim:
    """Does it rank checkpoints as evaluation does, and choose as good a one?"""
    found = regret_evidence.of(summary)
    row = regret_evidence.row(found, "train_loss") if found else None
    if found is None or row is None or row.correlation is None:
        return regret_evidence.judged((ID, SAYS), summary, "not_run", measured=say("nothing"))
    ranks = row.correlation
    verdict = regret_evidence.within(row, found.within_regret)
    if verdict == "supported" and (ranks.low is None or ranks.low <= 0):
        verdict = "inconclusive"
    return regret_evidence.judged(
        (ID, SAYS),
        summary,
        verdict,
        measured=say(
            "its rank correlation with the full evaluation is {ranks}, and the checkpoint of the "
            "least training loss is {lost} worse",
            ranks=plain(ranks, 2),
            lost=nats(row.lost),
        ),
        condition=say("the job overfits: it goes on falling while evaluation rises")
        if verdict == "refuted"
        else "",
        told=[row],
    )
