"""The claim that evaluation is to be skipped while debugging, and kept on in production."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.article import regret_evidence
from evalskip.notes import note
from evalskip.report.words import N_
from evalskip.summary.figures import nats

if TYPE_CHECKING:
    from evalskip.summary import Claim, Summary, Verdict

ID, PLACE = "debug_use", 190
WORDS = {
    "debug_use.says": N_("Skip evaluation while debugging or searching; keep it on in production."),
    "debug_use.saves": N_(
        "skipping saves {saved} of the training time, and the model that is kept is {lost} worse"
    ),
}
_OPPOSITE: dict[Verdict, Verdict] = {"refuted": "supported", "supported": "refuted"}


def judge(summary: Summary) -> Claim | None:
    """Does skipping cost a model that is kept more than it may? That it saves is its point."""
    section = summary.regret
    off = section.policy("off") if section else None
    if section is None or off is None:
        return None
    verdict = _OPPOSITE.get(regret_evidence.within(off, section.within_regret), "inconclusive")
    recommended = section.policy(section.recommended) if section.recommended else None
    return regret_evidence.judged(
        ID,
        summary,
        section,
        verdict,
        measured=[note("debug_use.saves", saved=regret_evidence.saved(off), lost=nats(off.lost))],
        condition=[section.advice],
        evidence=[each for each in (off, recommended) if each],
    )
