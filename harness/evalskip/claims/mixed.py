"""The claim that evaluating every few epochs balances speed and monitoring."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.analysis.verdicts import overall
from evalskip.claims import regret_evidence
from evalskip.digits import nats
from evalskip.messages import message, say, words

if TYPE_CHECKING:
    from evalskip.summary import Claim, Summary, Verdict

ID = "mixed"
SAYS = message("Evaluating every N epochs, every 5 say, balances speed and monitoring.")


def judged(summary: Summary) -> Claim:
    """Does each N lose no more than the regret that the spec allows, wherever it begins?"""
    found = regret_evidence.of(summary)
    if found is None:
        return regret_evidence.judged((ID, SAYS), summary, "not_run", measured=say("nothing"))
    rows = [each for each in regret_evidence.rows(found, "every_n_epochs:") if each.regret_shifted]
    verdicts: dict[str, Verdict] = {
        words(each.looks): regret_evidence.within(each, found.within_regret) for each in rows
    }
    told = [
        say(
            "{says} saves {saved} of T and loses {lost}, mean over where it may begin",
            says=each.looks,
            saved=regret_evidence.saved(each),
            lost=nats(each.lost),
        )
        for each in rows
    ]
    return regret_evidence.judged(
        (ID, SAYS),
        summary,
        overall(list(verdicts.values())),
        measured=say("; ").join(told),
        condition=regret_evidence.by_verdict(found, verdicts),
        told=rows,
    )
