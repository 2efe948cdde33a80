"""The claim that evaluation is to be skipped while debugging, and kept on in production."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.claims import regret_evidence
from evalskip.digits import nats
from evalskip.messages import message, say, words

if TYPE_CHECKING:
    from evalskip.summary import Claim, Summary, Verdict

ID = "debug_use"
SAYS = message("Skip evaluation while debugging or searching; keep it on in production.")
_OPPOSITE: dict[Verdict, Verdict] = {"refuted": "supported", "supported": "refuted"}


def judged(summary: Summary) -> Claim:
    """Does skipping cost a model that is kept more than it may? That it saves is its point."""
    found = regret_evidence.of(summary)
    off = regret_evidence.row(found, "off") if found else None
    if found is None or off is None:
        return regret_evidence.judged((ID, SAYS), summary, "not_run", measured=say("nothing"))
    verdict = _OPPOSITE.get(regret_evidence.within(off, found.within_regret), "inconclusive")
    row = regret_evidence.row(found, found.recommended) if found.recommended else None
    return regret_evidence.judged(
        (ID, SAYS),
        summary,
        verdict,
        measured=say(
            "skipping saves {saved} of T, and the model that is kept is {lost} worse",
            saved=regret_evidence.saved(off),
            lost=nats(off.lost),
        ),
        condition=words(found.advice),
        told=[each for each in (off, row) if each],
    )
