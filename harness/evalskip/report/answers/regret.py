"""What skipping evaluation loses, and what it saves."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    if saved is None:
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
    if section.recommended is None and (closest := _closest(section)):
        near = language.gettext(
            "Closest: evaluate {policy} ({share:.1f%} of the training time, regret {lost}).",
            policy=closest.policy,
            share=closest.share,
            lost=digits.nats(closest.lost),
        )
        advice = language.sentences([advice, near])
    return Answer(
        language.gettext(
            template,
            saved=saved.estimate if saved else 0.0,
            lost=digits.nats(lost.model_copy(update={"low": None})),
            confidence=confidence,
        ),
        advice,
        _lines(section),
        replay_of(section, language),
    )


def _closest(section: RegretSummary) -> ScheduleRegret | None:
    """Of the schedules that lose no more than they may, the one that takes the least time.

    None where that is the job as written.
    """
    within = [
        each
        for each in section.policies[1:]
        if each.kind == "schedule"
        and each.share
        and (each.judged.estimate if each.judged.high is None else each.judged.high)
        <= section.within_regret
    ]
    return min(within, key=lambda each: each.share or 0.0, default=None)


def _lines(section: RegretSummary) -> dict[str, list[str]]:
    """The schedule that is recommended, or the closest, to paste; nothing for a substitute."""
    chosen = section.policy(section.recommended) if section.recommended else _closest(section)
    if chosen is None or chosen.kind != "schedule" or not 1 < chosen.evaluations < section.steps:
        return {}
    every = round(section.steps / chosen.evaluations)
    return {
        "llamafactory_yaml": ["eval_strategy: steps", f"eval_steps: {every}"],
        "training_arguments": ['eval_strategy="steps",', f"eval_steps={every},"],
    }
