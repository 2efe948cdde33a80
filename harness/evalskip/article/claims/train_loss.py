"""The claim that the training-loss curve can help judge the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.article import regret_evidence
from evalskip.notes import note
from evalskip.report.words import N_
from evalskip.summary.figures import nats, number

if TYPE_CHECKING:
    from evalskip.summary import Claim, Summary

ID, PLACE = "train_loss", 180
WORDS = {
    "train_loss.says": N_("The training-loss curve can help to judge the model."),
    "train_loss.ranks": N_(
        "its rank correlation with the full evaluation is {ranks}, and the checkpoint of the least "
        "training loss is {lost} worse"
    ),
    "train_loss.falls": N_("the job overfits: it goes on falling while evaluation rises"),
}


def judge(summary: Summary) -> Claim | None:
    """Does it rank checkpoints as evaluation does, and choose as good a one?"""
    section = summary.regret
    row = section.policy("train_loss") if section else None
    if section is None or row is None or row.correlation is None:
        return None
    ranks = row.correlation
    verdict = regret_evidence.within(row, section.within_regret)
    if verdict == "supported" and (ranks.low is None or ranks.low <= 0):
        verdict = "inconclusive"
    return regret_evidence.judged(
        ID,
        summary,
        section,
        verdict,
        measured=[note("train_loss.ranks", ranks=number(ranks, 2), lost=nats(row.lost))],
        condition=[note("train_loss.falls")] if verdict == "refuted" else [],
        evidence=[row],
    )
