"""The map: what skipping gains over evaluation load, the claimed range, and the user's own job."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import FuncFormatter, NullFormatter

from evalskip import digits
from evalskip.analysis.prediction import total_seconds, workload
from evalskip.messages import listed, message, say
from evalskip.report.plots.drawing import (
    FAINT,
    INK,
    Drawing,
    Plot,
    draw_claimed,
    series,
    wrapped,
)
from evalskip.report.tables import Table
from evalskip.report.tables.table import schedule_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from evalskip.analysis.pieces import Floats
    from evalskip.summary import CostModel, Prediction, Summary

TITLE = message("The map: gain over evaluation load")
# a forward pass against a forward and a backward one
_FULL_RATIO = 1 / 3


def plot(summary: Summary) -> Plot | None:
    """A line per evaluation, what operations alone would say, and every schedule as a point."""
    points = [found for found in summary.predictions if found.evaluation_load > 0]
    if not points:
        return None
    loads = np.array([found.evaluation_load for found in points])
    along = np.geomspace(min(loads.min() / 2, 0.02), max(2 * loads.max(), 1.5), 60)
    models = summary.cost_models
    own = [found for found in points if found.arm.startswith("as_written")]
    with Drawing(4.4 + 0.2 * len(models)) as drawing:
        axes = drawing.axes
        axes.set_xscale("log")
        axes.set_yscale("log")
        draw_claimed(axes, summary.claimed_gain, upright=False)
        for model, (colour, _, line) in zip(models, series(len(models)), strict=True):
            label = wrapped(say("measured: {evaluation}", evaluation=listed(model.evaluation)))
            axes.plot(along, 100 * _gains(model, along), line, color=colour, lw=1.6, label=label)
        ratio, says = _operations(models)
        axes.plot(along, 100 * ratio * along, ":", color=FAINT, lw=1.6, label=says)
        _draw(axes, points, "o", say("schedules"))
        if own:
            _draw(axes, own, "*", say("as written"), size=13)
        axes.set_xlabel(say("evaluation load: evaluated / trained tokens"))
        axes.set_ylabel(say("throughput gain of skipping, %"))
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axis.set_minor_formatter(NullFormatter())
        axes.grid()
        drawing.legend(2)
        svg = drawing.svg("gain_map", say(TITLE))
    caption = say(
        "Predicted from the pilot, both axes logarithmic. Dotted: what floating-point operations "
        "alone would say, which sees neither loaders nor what a batch costs in any case."
    )
    return Plot("gain_map", say(TITLE), caption, svg, _table(summary, points, ratio))


def _gains(model: CostModel, loads: Floats) -> Floats:
    """The gain at each load, as if evaluations came in fractions."""
    off = workload(model.size, 0, 0)
    once = workload(model.size, 1, 1)
    base, first = total_seconds(model.costs, off)[0], total_seconds(model.costs, once)[0]
    each = total_seconds(model.costs, workload(model.size, 2, 2))[0] - first
    count = loads * off.tokens / once.evaluation_tokens
    # what a first one adds comes with it, and no more than once
    return (count * each + np.minimum(1.0, count) * (first - base - each)) / base


def _operations(models: Sequence[CostModel]) -> tuple[float, str]:
    """Of an evaluated token to a trained one, and what it rests on."""
    counted = next((model.operations_ratio for model in models if model.operations_ratio), None)
    if counted is None:
        return _FULL_RATIO, say("operations: 1 : 3")
    return counted, say("operations: 1 : {ratio:.2g}, counted", ratio=1 / counted)


def _draw(
    axes: Axes, points: Sequence[Prediction], marker: str, label: str, size: float = 6
) -> None:
    gains = [100 * found.throughput_gain.estimate for found in points]
    reach = [
        [
            max(0.0, gain - 100 * (found.throughput_gain.low or 0.0))
            for gain, found in zip(gains, points, strict=True)
        ],
        [
            max(0.0, 100 * (found.throughput_gain.high or 0.0) - gain)
            for gain, found in zip(gains, points, strict=True)
        ],
    ]
    axes.errorbar(
        [found.evaluation_load for found in points],
        gains,
        reach,
        fmt=marker,
        ms=size,
        color=INK,
        capsize=2,
        lw=1,
        label=label,
    )


def _table(summary: Summary, points: Sequence[Prediction], ratio: float) -> Table:
    return Table(
        title=say(TITLE),
        note=say("Predicted throughput gain, and what floating-point operations alone would say."),
        columns=(
            say("schedule"),
            say("rows"),
            say("evaluation load"),
            say("gain %"),
            say("by operations alone %"),
        ),
        rows=[
            (
                schedule_of(found),
                digits.NOTHING if found.evaluation_rows is None else str(found.evaluation_rows),
                digits.load(found.evaluation_load),
                digits.interval(found.throughput_gain),
                digits.percent(ratio * found.evaluation_load),
            )
            for found in points
        ],
    )
