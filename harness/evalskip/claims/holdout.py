"""The claim that a held-back part of the training set can serve as validation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.analysis.verdicts import overall
from evalskip.claims import missed

if TYPE_CHECKING:
    from evalskip.summary import Claim, Summary, Verdict

ID = "holdout"
SAYS = "A part of the training set, held back, can serve as a simple validation."


def judged(summary: Summary) -> Claim:
    """Does each size choose a checkpoint as good as the full evaluation set does?"""
    found = missed.of(summary)
    if found is None:
        return missed.judged((ID, SAYS), summary, "not_run", measured="nothing")
    rows = missed.rows(found, "holdout:")
    verdicts: dict[str, Verdict] = {
        each.says: missed.within(each, found.within_regret) for each in rows
    }
    told = [
        f"{each.says}: regret {missed.nats(each.lost)}, rank correlation "
        f"{each.correlation.estimate if each.correlation else 0:.2f}, {missed.taken(each)} of T"
        for each in rows
    ]
    return missed.judged(
        (ID, SAYS),
        summary,
        overall(list(verdicts.values())),
        measured="; ".join(told),
        condition=f"where {found.within_regret:g} nats may be lost, {missed.by_verdict(verdicts)}",
        told=rows,
    )
