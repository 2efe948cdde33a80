"""What schedules would cost, told from a pilot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip import digits
from evalskip.messages import counted, listed, message, say, words
from evalskip.notes import Note, note
from evalskip.report.tables.table import WHO, Table, schedule_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.summary import PieceCosts, Summary

# of floating-point operations: an evaluated token is a forward pass, a trained one three
_USUAL_RATIO = message("1/3 for full fine-tuning without gradient checkpointing")


def predictions(summary: Summary) -> Table:
    """Every schedule, with what it would cost."""
    level = 100 * summary.cost_models[0].level if summary.cost_models else 95
    memory = any(found.peak_bytes for found in summary.predictions)
    rows = [
        (
            schedule_of(found),
            digits.NOTHING if found.evaluation_rows is None else str(found.evaluation_rows),
            digits.count(found.evaluations),
            digits.load(found.evaluation_load),
            digits.span(found.wall_s),
            digits.interval(found.share),
            digits.interval(found.throughput_gain),
            *([digits.size_interval(found.peak_bytes)] if memory else []),
        )
        for found in summary.predictions
    ]
    note = say(
        "Predicted, with {level:g} % intervals for a run to come. Share: evaluate / T. Gain: of "
        "skipping, T / T(off) - 1. Load: evaluated tokens over trained tokens.",
        level=level,
    )
    if pilot := summary.pilot:
        note += counted(
            " From a pilot of {steps:,} of {of_steps:,} steps in {count} process.",
            " From a pilot of {steps:,} of {of_steps:,} steps in {count} processes.",
            pilot.processes,
            steps=pilot.steps,
            of_steps=pilot.of_steps,
        )
        if pilot.stops_early:
            note += say(" Early stopping may end the job sooner; told as if it did not.")
    if summary.closing_evaluations:
        note += say(
            " LLaMA-Factory itself evaluates once more after training: that is counted wherever "
            "there is evaluation."
        )
    return Table(
        title=say("What every schedule would cost"),
        note=note,
        columns=(
            *map(say, WHO),
            say("evaluations"),
            say("load"),
            say("T s"),
            say("share %"),
            say("gain %"),
            *([say("peak MiB")] if memory else []),
        ),
        rows=rows,
    )


def recommendations(summary: Summary) -> Table:
    """The densest schedules within a share, with the lines to paste."""
    places = list(dict.fromkeys(p for found in summary.recommendations for p in found.lines))
    return Table(
        title=say("Recommended"),
        note=say("The densest schedule of which even the upper limit of the share is within it."),
        columns=(
            say("evaluation"),
            say("within %"),
            say("schedule"),
            *(say("in {place}", place=note(place)) for place in places),
        ),
        rows=[
            (
                listed(found.evaluation),
                f"{100 * found.within:g}",
                words(found.advice),
                *(_pasted(found.lines.get(place, [digits.NOTHING])) for place in places),
            )
            for found in summary.recommendations
        ],
    )


def _pasted(lines: Sequence[str | Note]) -> str:
    return " ".join(map(words, lines))


def pieces(summary: Summary) -> Table:
    """What each piece costs: what predictions are made of."""
    rows = []
    for model in summary.cost_models:
        costs, size = model.costs, model.size
        batch = size.evaluation_batch * size.evaluation_tokens_per_row
        step = size.train_batch * size.accumulation * size.train_tokens_per_row
        rows.append(
            (
                listed(model.evaluation),
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
        title=say("What the pieces cost"),
        note=say(
            "Step and batch: full ones, of mean length. First: what a run's first evaluation adds "
            "once. After-effect: what the steps after an evaluation take longer. Ratio: of an "
            "evaluated token to a trained one, as measured, and as floating-point operations alone "
            "would have it ({usual}).",
            usual=say(_USUAL_RATIO),
        ),
        columns=(
            say("evaluation"),
            say("once s"),
            say("step ms"),
            say("loader ms"),
            say("batch ms"),
            say("first ms"),
            say("after-effect ms"),
            say("ratio measured"),
            say("ratio of operations"),
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
