"""A ledger's gains over evaluation load: every result that the claim of speed is judged by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.claims.speed import RANGE
from evalskip.messages import message, say
from evalskip.report.plots.drawing import (
    Drawing,
    Plot,
    draw_claimed,
    draw_gains_at,
    lay_out_loads,
    series,
)
from evalskip.report.tables import speeds

if TYPE_CHECKING:
    from evalskip.summary import Summary

TITLE = message("How much faster, over evaluation load")


def plot(summary: Summary) -> Plot | None:
    """One point per arm that is judged, a colour per result; None where nothing is."""
    sources = [source for source in summary.sources if source.points]
    if not sources:
        return None
    with Drawing(3.6 + 0.2 * len(sources)) as drawing:
        axes = drawing.axes
        draw_claimed(axes, RANGE, upright=False)
        for source, (colour, marker, _) in zip(sources, series(len(sources)), strict=False):
            loads = [point.evaluation_load for point in source.points]
            gains = [point.throughput_gain for point in source.points]
            draw_gains_at(axes, loads, gains, (colour, marker), source.name)
        lay_out_loads(axes)
        drawing.legend(2)
        svg = drawing.svg("speeds", say(TITLE))
    caption = say(
        "Matched, each with the interval that its verdict rests on. A "
        "point without one is of too few blocks."
    )
    return Plot("speeds", say(TITLE), caption, svg, speeds(summary))
