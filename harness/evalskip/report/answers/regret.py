"""What skipping evaluation loses, and what it saves."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from evalskip.analysis.recommendation import lines_of, settings_for
from evalskip.analysis.regret import closest
from evalskip.jobs import Keeping
from evalskip.report import digits
from evalskip.report.answers.card import Answer
from evalskip.report.provenance import replay_of
from evalskip.report.words import N_

if TYPE_CHECKING:
    from evalskip.report.words import Language
    from evalskip.summary import RegretSummary, ScheduleRegret


def answer(section: RegretSummary, language: Language) -> Answer | None:
    """What skipping altogether loses, and the advice."""
    off = section.policy("off")
    if off is None:
        return None
    saved, lost = off.time_saved, off.lost
    if math.isinf(lost.estimate):
        template = N_(
            "Without evaluation the model that is kept is the last one, whose {metric} is not a "
            "number: training diverged."
        )
    elif saved is None:
        template = N_("Without evaluation the model that is kept is {lost} worse{confidence}.")
    else:
        template = N_(
            "Skipping evaluation saves {saved:.1f%} of the training time, and the model that is "
            "kept is {lost} worse{confidence}."
        )
    confidence = ""
    if lost.low is not None and lost.high is not None:
        confidence = language.gettext(
            " ({level:.3g%} confidence: {low:.3f} to {high:.3f})",
            level=lost.level,
            low=lost.low,
            high=lost.high,
        )
    advice = language.sentence(language.note(section.advice))
    chosen = section.policy(section.recommended) if section.recommended else None
    if chosen is None and (chosen := closest(section.policies, section.within_regret)):
        near = language.gettext(
            "Closest: evaluate {policy} ({share:.1f%} of the training time, regret {lost}).",
            policy=chosen.policy,
            share=chosen.share,
            lost=digits.in_unit(chosen.lost, section.metric),
        )
        advice = language.sentences([advice, near])
    return Answer(
        language.gettext(
            template,
            saved=saved.estimate if saved else 0.0,
            lost=digits.in_unit(lost.model_copy(update={"low": None}), section.metric),
            metric=section.metric,
            confidence=confidence,
        ),
        advice,
        _lines(section, chosen, language),
        replay_of(section, language),
    )


def _lines(
    section: RegretSummary, chosen: ScheduleRegret | None, language: Language
) -> dict[str, list[str]]:
    """A schedule to paste; nothing for a substitute, or for one that hardly ever evaluates."""
    if chosen is None or chosen.kind != "schedule" or not 1 < chosen.evaluations < section.steps:
        return {}
    every = round(section.steps / chosen.evaluations)
    settings = settings_for(every, evaluates=True, keeping=Keeping())
    return {where: [*map(language.note, each)] for where, each in lines_of(settings).items()}
