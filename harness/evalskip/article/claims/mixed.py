"""The claim that evaluating every few epochs balances speed and monitoring."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.analysis.verdicts import overall
from evalskip.article import regret_evidence
from evalskip.notes import note
from evalskip.report.words import N_
from evalskip.summary.figures import nats

if TYPE_CHECKING:
    from evalskip.summary import Claim, Summary

ID, PLACE = "mixed", 140
WORDS = {
    "mixed.says": N_("Evaluating every N epochs, every 5 say, balances speed and monitoring."),
    "mixed.saves": N_(
        "{schedule} saves {saved} of the training time and loses {lost}, mean over where it may "
        "begin"
    ),
}


def judge(summary: Summary) -> Claim | None:
    """Does each N lose no more than the regret that the spec allows, wherever it begins?"""
    section = summary.regret
    if section is None:
        return None
    every = regret_evidence.policies(section, "every_n_epochs")
    rows = [each for each in every if each.regret_shifted]
    if not rows:
        return None
    verdicts = [(each, regret_evidence.within(each, section.within_regret)) for each in rows]
    return regret_evidence.judged(
        ID,
        summary,
        section,
        overall([verdict for _, verdict in verdicts]),
        measured=[
            note(
                "mixed.saves",
                schedule=each.policy,
                saved=regret_evidence.saved(each),
                lost=nats(each.lost),
            )
            for each in rows
        ],
        condition=regret_evidence.by_verdict(section, verdicts),
        evidence=rows,
    )
