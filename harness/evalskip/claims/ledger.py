"""All claims, in the order in which the article makes them. A new one is one file and one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.claims import (
    batch,
    checkpoints,
    completion,
    config,
    debug_use,
    default_on,
    distributed,
    early_stopping,
    final_eval,
    holdout,
    logging,
    memory,
    message,
    mixed,
    overfitting,
    released,
    speed,
    switch,
    train_loss,
)
from evalskip.digits import claimed
from evalskip.errors import InputError
from evalskip.messages import say, speaking, spoken
from evalskip.summary import Claim

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from evalskip.summary import Observation, Summary

SEEN = (default_on, switch, config, message, logging, checkpoints, early_stopping, distributed)
"""Judged by what real runs were seen to do."""

MEASURED = (speed,)
"""Judged from figures, by the experiment that measures them."""

METERED = (memory, released)
"""Judged from peaks of memory."""

TRIED = (batch, completion)
"""Judged from the largest batches."""


REPLAYED = (mixed, overfitting, final_eval, holdout, train_loss, debug_use)
"""Judged from curves, and what sparser schedules would have seen of them."""


def judged_by_observation(observations: Sequence[Observation]) -> list[Claim]:
    """Every claim that observations settle."""
    found = [claim.judged(observations) for claim in SEEN]
    return [claim for claim in found if claim.verdict != "not_run"]


def judged_by_peaks(summary: Summary) -> list[Claim]:
    """Every claim that the peaks of a result settle; none where no memory was metered."""
    found = [claim.judged(summary) for claim in METERED]
    return [claim for claim in found if claim.verdict != "not_run"]


def judged_by_headroom(summary: Summary) -> list[Claim]:
    """Every claim that the largest batches of a result settle."""
    return [claim.judged(summary) for claim in TRIED]


def judged_by_regret(summary: Summary) -> list[Claim]:
    """Every claim that the regrets of a result settle."""
    return [claim.judged(summary) for claim in REPLAYED]


def told_anew(summary: Summary) -> list[Claim]:
    """The claims that a result holds, told from its figures once more."""
    anew = [
        *judged_by_observation(summary.observations),
        speed.told(summary),
        *judged_by_peaks(summary),
        *judged_by_headroom(summary),
        *judged_by_regret(summary),
    ]
    found = {claim.id: claim for claim in anew}
    return [found.get(claim.id, claim) for claim in summary.claims]


def retold(summary: Summary) -> Summary:
    """The result with its claims told in the language that is spoken.

    A claim that is not told today as it was when it was stored, in English, stays as it is: its
    verdict is the one that was published.

    Raises:
        InputError: it is a ledger, whose claims no figures of its own tell.
    """
    if spoken() == "en":
        return summary
    if summary.sources:
        raise InputError(
            f"--lang {spoken()}: {summary.name} is a ledger; expected evalskip claims with its "
            "results and --report, which writes every language"
        )
    with speaking("en"):
        today = told_anew(summary)
    claims = [
        anew if english == stored else stored
        for stored, english, anew in zip(summary.claims, today, told_anew(summary), strict=True)
    ]
    return summary.model_copy(update={"claims": claims})


def unsettled(claims: Sequence[Claim], required: Sequence[str]) -> str:
    """Which of the required claims have no verdict, in one line; empty if all have.

    Raises:
        InputError: there is no such claim.
    """
    known = [claim.id for claim in claims]
    for name in required:
        if name not in known:
            raise InputError(f"--require {name}: expected one of {', '.join(dict.fromkeys(known))}")
    missing = [
        f"{name}: {verdicts[0]}"
        for name in required
        if not (verdicts := [claim.verdict for claim in claims if claim.id == name])
        or set(verdicts) <= {"inconclusive", "not_run"}
    ]
    return f"no verdict on {', '.join(missing)}" if missing else ""


def collected(summaries: Iterable[Summary]) -> list[Claim]:
    """The claims of several results, in order; ``not_run`` where no result has a verdict."""
    found: dict[str, list[Claim]] = {}
    for summary in summaries:
        for claim in summary.claims:
            is_other = claim.id == speed.ID and not speed.is_of_the_article(summary)
            if claim.verdict != "not_run" and not is_other:
                found.setdefault(claim.id, []).append(claim)
    claims: list[Claim] = []
    for module in (*SEEN, *MEASURED, *METERED, *TRIED, *REPLAYED):
        claims += found.get(module.ID) or [
            Claim(
                id=module.ID,
                says=say(module.SAYS, claimed=claimed(speed.RANGE)),
                verdict="not_run",
                scope=say("nothing was run"),
                measured=say("nothing"),
                condition="",
                evidence=[],
            )
        ]
    return claims
