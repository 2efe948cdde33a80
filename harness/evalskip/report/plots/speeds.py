"""A ledger's gains over evaluation load: every result that the claim of speed is judged by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.messages import message, say
from evalskip.report.plots.drawing import (
    FAINT,
    Drawing,
    Plot,
    draw_claimed,
    series,
    wrapped,
)
from evalskip.report.tables import speeds

if TYPE_CHECKING:
    from evalskip.summary import SpeedPoint, Summary

TITLE = message("How much faster, over evaluation load")


def plot(summary: Summary) -> Plot | None:
    """One point per arm that is judged, a colour per result; None where nothing is."""
    sources = [source for source in summary.sources if source.points]
    if not sources:
        return None
    with Drawing(3.6 + 0.2 * len(sources)) as drawing:
        axes = drawing.axes
        draw_claimed(axes, upright=False)
        for source, (colour, marker, _) in zip(sources, series(len(sources)), strict=False):
            axes.errorbar(
                [point.evaluation_load for point in source.points],
                [100 * point.throughput_gain.estimate for point in source.points],
                [[_reach(point, side) for point in source.points] for side in (0, 1)],
                fmt=marker,
                color=colour,
                ms=7,
                capsize=3,
                label=wrapped(source.name),
            )
        axes.axhline(0, color=FAINT, lw=0.8)
        axes.set_xlabel(say("evaluation load: evaluated / trained tokens"))
        axes.set_ylabel(say("throughput gain of skipping, %"))
        axes.set_xlim(left=0)
        axes.grid()
        drawing.legend(2)
        svg = drawing.svg("speeds", say(TITLE))
    caption = say(
        "By matched steps plus hidden cost, each with the interval that its verdict rests on. A "
        "point without one is of too few blocks."
    )
    return Plot("speeds", say(TITLE), caption, svg, speeds(summary))


def _reach(point: SpeedPoint, side: int) -> float:
    """How far the interval reaches below (0) or above (1) the estimate, in per cent."""
    gain = point.throughput_gain
    limit = (gain.low, gain.high)[side]
    return 0.0 if limit is None else 100 * abs(limit - gain.estimate)
