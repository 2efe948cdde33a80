"""What schedules would cost, as a pilot predicts it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.report import digits
from evalskip.report.answers.card import Answer, advised
from evalskip.report.answers.stopping import condition_of, told
from evalskip.report.provenance import pilot_of
from evalskip.report.tables.table import evaluation_of
from evalskip.report.words import N_

if TYPE_CHECKING:
    from evalskip.report.words import Language
    from evalskip.summary import PilotSummary, Prediction, PredictionSummary


def answer(section: PredictionSummary, language: Language) -> Answer | None:
    """What the user's own schedule would cost, or else evaluating every epoch; and the advice."""
    evaluating = [prediction for prediction in section.schedules if prediction.evaluations]
    own = [prediction for prediction in evaluating if prediction.schedule.code == "as_written"]
    usual = [prediction for prediction in evaluating if prediction.schedule.code == "every_epoch"]
    prediction = next(iter([*own, *reversed(usual), *evaluating]), None)
    if prediction is None:
        return None
    advice, lines = advised(section.recommendations, language)
    advice = advice or language.gettext("No schedule is recommended.")
    return Answer(
        language.sentences(
            [
                _statement(prediction, language),
                *_cheaper(section, language),
                _end(section, language),
            ]
        ),
        language.sentences([advice, *_told(section, language)]),
        lines,
        pilot_of(section.pilot, language),
        _cautions(section.pilot, language),
    )


def _statement(prediction: Prediction, language: Language) -> str:
    share = prediction.share
    evaluation = evaluation_of(prediction, language)
    duration = digits.duration(prediction.wall_s.estimate)
    if share.low is None or share.high is None:
        return language.gettext(
            "Evaluation {evaluation} would take {share:.1f%} of this training's {duration}.",
            evaluation=evaluation,
            share=share.estimate,
            duration=duration,
        )
    return language.gettext(
        "Evaluation {evaluation} would take {share:.1f%} of this training's {duration} "
        "({level:.3g%} confidence: {low:.1f%} to {high:.1f%}).",
        evaluation=evaluation,
        share=share.estimate,
        duration=duration,
        level=share.level,
        low=share.low,
        high=share.high,
    )


def _cheaper(section: PredictionSummary, language: Language) -> list[str]:
    """What all that lose nothing would make of it, and a subset beside."""
    sentences = []
    for found in section.remedies[:1]:
        if found.best is not None:
            sentences.append(
                language.gettext(
                    "At no loss it would take {share}, with {remedy}.",
                    share=digits.per_cent(found.best.share),
                    remedy=found.best.remedy,
                )
            )
        if (subset := found.best_of_subset) is not None:
            template = N_("On {samples:,} random samples as well, {share}: {loses}.")
            if found.best is None:
                template = N_("On {samples:,} random samples it would take {share}: {loses}.")
            sentences.append(
                language.gettext(
                    template,
                    samples=subset.samples,
                    share=digits.per_cent(subset.share),
                    loses=subset.loses,
                )
            )
    return sentences


def _told(section: PredictionSummary, language: Language) -> list[str]:
    """Of each kind of evaluation, what its spacing saves and may miss."""
    sentences = [told(each, language) for each in section.stopping]
    if len(sentences) < 2:
        return sentences
    return [
        language.gettext("{evaluation}: {advice}", evaluation=model.evaluation, advice=sentence)
        for model, sentence in zip(section.cost_models, sentences, strict=True)
        if sentence
    ]


def _end(section: PredictionSummary, language: Language) -> str:
    """What ends the training."""
    for stopping in section.stopping:
        sentences = [
            language.gettext(
                "But it stops {condition}, so it needs evaluation, and that share is of a training "
                "that goes on to its last step.",
                condition=condition_of(stopping, language),
            )
        ]
        if section.claimed_gain is not None:
            sentences.append(
                language.gettext(
                    "The claimed {claimed} is no answer here: without evaluation it would not "
                    "stop.",
                    claimed=digits.claimed(section.claimed_gain),
                )
            )
        return language.sentences(sentences)
    return language.ngettext(
        "As far as the job says, it trains its {count} step whatever evaluations show.",
        "As far as the job says, it trains all its {count:,} steps whatever evaluations show.",
        section.pilot.of_steps,
    )


def _cautions(pilot: PilotSummary, language: Language) -> list[str]:
    if not pilot.disturbed:
        return []
    return [
        language.gettext(
            "other processes disturbed {count} of the pilot's {processes}, so intervals are "
            "widened; on a quieter machine they would be narrower",
            count=pilot.disturbed,
            processes=pilot.processes,
        )
    ]
