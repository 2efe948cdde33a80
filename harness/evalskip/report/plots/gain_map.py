"""The map: what skipping gains over evaluation load, the claimed range, and the user's own job."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import FuncFormatter, NullFormatter

from evalskip.analysis.prediction import total_seconds, workload
from evalskip.report import digits
from evalskip.report.plots.drawing import (
    FAINT,
    INK,
    Drawing,
    Plot,
    draw_claimed,
    series,
    wrapped,
)
from evalskip.report.plots.names import draw_names
from evalskip.report.tables import Table
from evalskip.report.tables.table import schedule_of
from evalskip.report.words import N_

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from evalskip.analysis.pieces import Floats
    from evalskip.report.words import Language
    from evalskip.summary import CostModel, Prediction, PredictionSummary, Summary

TITLE = N_("Predicted speed-up over the eval/train token ratio")
# a forward pass against a forward and a backward one
_FULL_RATIO = 1 / 3
PLACE = 50


def plot(summary: Summary, language: Language) -> Plot | None:
    """A line per evaluation, what operations alone would say, and every schedule as a point."""
    section = summary.prediction
    if section is None:
        return None
    points = [prediction for prediction in section.schedules if prediction.evaluation_load > 0]
    if not points:
        return None
    loads = np.array([point.evaluation_load for point in points])
    along = np.geomspace(min(loads.min() / 2, 0.02), max(2 * loads.max(), 1.5), 60)
    models = section.cost_models
    own = [point for point in points if point.schedule.code == "as_written"]
    with Drawing(4.4 + 0.2 * len(models)) as drawing:
        axes = drawing.axes
        axes.set_xscale("log")
        axes.set_yscale("log")
        draw_claimed(axes, section.claimed_gain, language, upright=False)
        for model, (colour, _, line) in zip(models, series(len(models)), strict=True):
            label = wrapped(
                language.gettext(
                    "measured: {evaluation}", evaluation=language.join(model.evaluation)
                )
            )
            axes.plot(along, 100 * _gains(model, along), line, color=colour, lw=1.6, label=label)
        ratio, operations_label = _operations(models, language)
        axes.plot(along, 100 * ratio * along, ":", color=FAINT, lw=1.6, label=operations_label)
        _draw(axes, points, "o", language.gettext("schedules"))
        if own:
            _draw(axes, own, "*", language.gettext("as written"), size=13)
        axes.set_xlabel(language.gettext("eval/train token ratio"))
        axes.set_ylabel(language.gettext("speed-up from skipping, %"))
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axis.set_minor_formatter(NullFormatter())
        axes.grid()
        draw_names(
            axes,
            [
                (
                    point.evaluation_load,
                    100 * point.throughput_gain.estimate,
                    language.note(point.schedule),
                )
                for point in points
                if point.throughput_gain.estimate > 0
            ],
        )
        drawing.legend(2)
        svg = drawing.svg("gain_map", language.gettext(TITLE), language)
    caption = language.gettext(
        "Predicted from the pilot; both axes are logarithmic. Dotted: an estimate from "
        "floating-point operations alone, which leaves out data loading and the fixed cost of a "
        "batch."
    )
    return Plot(
        "gain_map", language.gettext(TITLE), caption, svg, _table(section, points, ratio, language)
    )


def _gains(model: CostModel, loads: Floats) -> Floats:
    """The gain at each load, as if evaluations came in fractions."""
    off = workload(model.size, 0, 0)
    one_evaluation = workload(model.size, 1, 1)
    base, first = total_seconds(model.costs, off)[0], total_seconds(model.costs, one_evaluation)[0]
    each = total_seconds(model.costs, workload(model.size, 2, 2))[0] - first
    count = loads * off.tokens / one_evaluation.evaluation_tokens
    # what a first one adds comes with it, and no more than once
    return (count * each + np.minimum(1.0, count) * (first - base - each)) / base


def _operations(models: Sequence[CostModel], language: Language) -> tuple[float, str]:
    """Of an evaluated token to a trained one, and what it rests on."""
    counted = next((model.operations_ratio for model in models if model.operations_ratio), None)
    if counted is None:
        return _FULL_RATIO, language.gettext("operations: 1 : 3")
    return counted, language.gettext("operations: 1 : {ratio:.2g}, counted", ratio=1 / counted)


def _draw(
    axes: Axes, points: Sequence[Prediction], marker: str, label: str, size: float = 6
) -> None:
    gains = [100 * point.throughput_gain.estimate for point in points]
    errors = [
        [
            max(0.0, gain - 100 * (point.throughput_gain.low or 0.0))
            for gain, point in zip(gains, points, strict=True)
        ],
        [
            max(0.0, 100 * (point.throughput_gain.high or 0.0) - gain)
            for gain, point in zip(gains, points, strict=True)
        ],
    ]
    axes.errorbar(
        [point.evaluation_load for point in points],
        gains,
        errors,
        fmt=marker,
        ms=size,
        color=INK,
        capsize=2,
        lw=1,
        label=label,
    )


def _table(
    section: PredictionSummary, points: Sequence[Prediction], ratio: float, language: Language
) -> Table:
    return Table(
        title=language.gettext(TITLE),
        note=language.gettext(
            "Predicted speed-up from skipping, and an estimate from floating-point operations "
            "alone."
        ),
        columns=language.texts(
            N_("schedule"),
            N_("samples"),
            N_("eval/train tokens"),
            N_("speed-up %"),
            N_("by operations alone %"),
        ),
        rows=[
            (
                schedule_of(point, language),
                digits.NOTHING
                if point.evaluation_samples is None
                else str(point.evaluation_samples),
                digits.load(point.evaluation_load),
                digits.interval(point.throughput_gain),
                digits.percent(ratio * point.evaluation_load),
            )
            for point in points
        ],
    )
