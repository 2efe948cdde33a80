"""The claim that evaluation is to be skipped while debugging, and kept on in production."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.claims import missed
from evalskip.claims.held import per_cent

if TYPE_CHECKING:
    from evalskip.summary import Claim, Summary, Verdict

ID = "debug_use"
SAYS = "Skip evaluation while debugging or searching; keep it on in production."


def judged(summary: Summary) -> Claim:
    """Does skipping save time, and cost a model that is kept more than it may?"""
    found = missed.of(summary)
    off = missed.row(found, "off") if found else None
    if found is None or off is None:
        return missed.judged((ID, SAYS), summary, "not_run", measured="nothing")
    saves = off.time_saved.low is not None and off.time_saved.low > 0
    loses = missed.within(off.lost, found.within_regret)
    verdict: Verdict = "inconclusive"
    if saves and loses == "refuted":
        verdict = "supported"
    elif loses == "supported":
        verdict = "refuted"
    row = missed.row(found, found.recommended) if found.recommended else None
    return missed.judged(
        (ID, SAYS),
        summary,
        verdict,
        measured=f"skipping saves {per_cent(off.time_saved)} of T, and the model that is kept is "
        f"{missed.nats(off.lost)} worse",
        condition=f"recommended: {found.says}",
        told=[each for each in (off, row) if each],
    )
