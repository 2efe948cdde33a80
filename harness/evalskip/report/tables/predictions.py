"""What schedules would cost, told from a pilot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.notes import Note, note
from evalskip.report import digits
from evalskip.report.tables import stopping
from evalskip.report.tables.table import WHO, Table, schedule_of
from evalskip.report.words import N_

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.report.words import Language
    from evalskip.summary import PieceCosts, PredictionSummary

# of floating-point operations: an evaluated token is a forward pass, a trained one three
_USUAL_RATIO = N_("1/3 for full fine-tuning without gradient checkpointing")


def predictions(section: PredictionSummary, language: Language) -> Table:
    """Every schedule, with what it would cost."""
    level = 100 * section.cost_models[0].level if section.cost_models else 95
    memory = any(prediction.peak_bytes for prediction in section.schedules)
    rows = [
        (
            schedule_of(prediction, language),
            digits.NOTHING
            if prediction.evaluation_samples is None
            else str(prediction.evaluation_samples),
            digits.count(prediction.evaluations),
            digits.load(prediction.evaluation_load),
            digits.span(prediction.wall_s),
            digits.interval(prediction.share),
            digits.interval(prediction.throughput_gain),
            *([digits.size_interval(prediction.peak_bytes)] if memory else []),
        )
        for prediction in section.schedules
    ]
    note = language.gettext(
        "Predicted, with {level:g}% prediction intervals for a single run. Share: evaluation's "
        "share of the training time. Speed-up: from skipping evaluation. Eval/train tokens: "
        "tokens evaluated per token trained.",
        level=level,
    )
    pilot = section.pilot
    note += language.ngettext(
        " From a pilot of {steps:,} of {of_steps:,} steps in {count} process.",
        " From a pilot of {steps:,} of {of_steps:,} steps in {count} processes.",
        pilot.processes,
        steps=pilot.steps,
        of_steps=pilot.of_steps,
    )
    if pilot.stops_early:
        note += language.gettext(
            " Early stopping may end the job sooner; predicted as if it did not."
        )
    if section.closing_evaluations:
        note += language.gettext(
            " LLaMA-Factory itself evaluates once more after training: that is counted wherever "
            "there is evaluation."
        )
    return Table(
        title=language.gettext("What every schedule would cost"),
        note=note,
        columns=(
            *map(language.gettext, WHO),
            language.gettext("evaluations"),
            language.gettext("eval/train tokens"),
            language.gettext("time s"),
            language.gettext("share %"),
            language.gettext("speed-up %"),
            *([language.gettext("peak MiB")] if memory else []),
        ),
        rows=rows,
        spare=language.texts(
            N_("eval/train tokens"),
            *([N_("peak MiB")] if memory else []),
            N_("samples"),
            N_("evaluations"),
        ),
    )


def recommendations(section: PredictionSummary, language: Language) -> Table:
    """The densest schedules within a share, with the lines to paste."""
    places = list(
        dict.fromkeys(p for recommendation in section.recommendations for p in recommendation.lines)
    )
    return Table(
        title=language.gettext("Recommended"),
        note=language.gettext(
            "The most frequent evaluation of which even the upper limit of the share stays "
            "within the limit."
        )
        if not any(recommendation.stops for recommendation in section.recommendations)
        else language.gettext(
            "The spacing of evaluations with which training stops soonest, whatever its share."
        ),
        columns=(
            language.gettext("evaluation"),
            language.gettext("within %"),
            language.gettext("schedule"),
            *(language.gettext("in {place}", place=note(place)) for place in places),
        ),
        rows=[
            (
                language.join(recommendation.evaluation),
                digits.NOTHING if recommendation.stops else f"{100 * recommendation.within:g}",
                language.note(recommendation.advice),
                *(
                    _pasted(recommendation.lines.get(place, [digits.NOTHING]), language)
                    for place in places
                ),
            )
            for recommendation in section.recommendations
        ],
    )


def _pasted(lines: Sequence[str | Note], language: Language) -> str:
    return " ".join(map(language.note, lines))


def pieces(section: PredictionSummary, language: Language) -> Table:
    """What each piece costs: what predictions are made of."""
    rows = []
    for model in section.cost_models:
        costs, size = model.costs, model.size
        batch = size.evaluation_batch * size.evaluation_tokens_per_sample
        step = size.train_batch * size.accumulation * size.train_tokens_per_sample
        rows.append(
            (
                language.join(model.evaluation),
                digits.seconds(costs.fixed_s),
                digits.milliseconds(
                    costs.step_s + size.accumulation * costs.micro_batch_s + step * costs.token_s
                ),
                digits.milliseconds(costs.loader_s),
                digits.milliseconds(costs.batch_s + batch * costs.evaluation_token_s),
                digits.milliseconds(costs.first_evaluation_s),
                digits.milliseconds(costs.after_effect_s),
                digits.ratio(_measured_ratio(costs, step, batch, size.accumulation)),
                digits.ratio(model.operations_ratio),
            )
        )
    return Table(
        title=language.gettext("What the pieces cost"),
        note=language.gettext(
            "Step and batch: full ones, of mean length. First: extra time of a run's first "
            "evaluation. After-effect: extra time of the steps after an evaluation. Ratio: cost "
            "of an evaluated token over that of a trained one, as measured and by "
            "floating-point operations alone ({usual}).",
            usual=language.gettext(_USUAL_RATIO),
        ),
        columns=language.texts(
            N_("evaluation"),
            N_("once s"),
            N_("step ms"),
            N_("loader ms"),
            N_("batch ms"),
            N_("first ms"),
            N_("after-effect ms"),
            N_("ratio measured"),
            N_("ratio of operations"),
        ),
        rows=rows,
    )


def _measured_ratio(
    costs: PieceCosts, step: float, batch: float, accumulation: int
) -> float | None:
    """Of an evaluated token to a trained one, in full batches; None where tokens are unknown."""
    if not step or not batch:
        return None
    trained = (costs.step_s + accumulation * costs.micro_batch_s) / step + costs.token_s
    return (costs.batch_s / batch + costs.evaluation_token_s) / trained if trained else None


def spacings(section: PredictionSummary, language: Language) -> Table:
    """Where training stops by its evaluations: how often it should evaluate."""
    names = [language.join(model.evaluation) for model in section.cost_models]
    return stopping.spacings(list(zip(names, section.stopping, strict=False)), language)


FIRST = (predictions, recommendations, spacings)
REST = (pieces,)
