"""A ledger's gains over evaluation load: every result that the claim of speed is judged by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.report.plots.drawing import (
    Drawing,
    Plot,
    draw_claimed,
    draw_gains_at,
    lay_out_loads,
    series,
)
from evalskip.report.plots.names import draw_names
from evalskip.report.tables.claims import speeds
from evalskip.report.words import N_

if TYPE_CHECKING:
    from evalskip.report.words import Language
    from evalskip.summary import Summary

TITLE = N_("Speed-up over the eval/train token ratio")
PLACE = 10


def plot(summary: Summary, language: Language) -> Plot | None:
    """One point per arm that is judged, a colour per result; None where nothing is."""
    section = summary.claims
    if section is None:
        return None
    sources = [source for source in section.sources if source.points]
    if not sources:
        return None
    with Drawing(3.8) as drawing:
        axes = drawing.axes
        draw_claimed(axes, section.claimed_gain, language, upright=False)
        for source, (colour, marker, _) in zip(sources, series(len(sources)), strict=False):
            loads = [point.evaluation_load for point in source.points]
            gains = [point.throughput_gain for point in source.points]
            draw_gains_at(axes, loads, gains, (colour, marker))
        lay_out_loads(axes, language)
        draw_names(
            axes,
            [
                (point.evaluation_load, 100 * point.throughput_gain.estimate, source.name)
                for source in sources
                for point in source.points
            ],
        )
        drawing.legend()
        svg = drawing.svg("speeds", language.gettext(TITLE), language)
    caption = language.gettext(
        "Matched estimates, each with the confidence interval that its verdict rests on, which "
        "may be smaller than its mark."
    )
    return Plot("speeds", language.gettext(TITLE), caption, svg, speeds(section, language))
