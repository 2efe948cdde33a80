"""The claim that a held-back part of the training set can serve as validation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.analysis.verdicts import overall
from evalskip.claims import regret_evidence
from evalskip.digits import nats
from evalskip.messages import message, say, words

if TYPE_CHECKING:
    from evalskip.summary import Claim, Summary, Verdict

ID = "holdout"
SAYS = message("A part of the training set, held back, can serve as a simple validation.")


def judged(summary: Summary) -> Claim:
    """Does each size choose a checkpoint as good as the full evaluation set does?"""
    found = regret_evidence.of(summary)
    if found is None:
        return regret_evidence.judged((ID, SAYS), summary, "not_run", measured=say("nothing"))
    rows = regret_evidence.rows(found, "holdout:")
    verdicts: dict[str, Verdict] = {
        words(each.looks): regret_evidence.within(each, found.within_regret) for each in rows
    }
    told = [
        say(
            "{says}: regret {lost}, rank correlation {correlation:.2f}, {taken} of T",
            says=each.looks,
            lost=nats(each.lost),
            correlation=each.correlation.estimate if each.correlation else 0,
            taken=regret_evidence.taken(each),
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
