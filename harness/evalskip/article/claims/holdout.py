"""The claim that a held-back part of the training set can serve as validation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.analysis.verdicts import overall
from evalskip.article import regret_evidence
from evalskip.notes import note
from evalskip.report.words import N_
from evalskip.summary.figures import nats

if TYPE_CHECKING:
    from evalskip.summary import Claim, Summary

ID, PLACE = "holdout", 170
WORDS = {
    "holdout.says": N_("A part of the training set, held back, can serve as a simple validation."),
    "holdout.chooses": N_(
        "{part}: regret {lost}, rank correlation {correlation:.2f}, {taken} of the training time"
    ),
}


def judge(summary: Summary) -> Claim | None:
    """Does each size choose a checkpoint as good as the full evaluation set does?"""
    section = summary.regret
    if section is None or not (rows := regret_evidence.policies(section, "samples_held_back")):
        return None
    verdicts = [(each, regret_evidence.within(each, section.within_regret)) for each in rows]
    return regret_evidence.judged(
        ID,
        summary,
        section,
        overall([verdict for _, verdict in verdicts]),
        measured=[
            note(
                "holdout.chooses",
                part=each.policy,
                lost=nats(each.lost),
                correlation=each.correlation.estimate if each.correlation else 0,
                taken=regret_evidence.evaluation_share(each),
            )
            for each in rows
        ],
        condition=regret_evidence.by_verdict(section, verdicts),
        evidence=rows,
    )
