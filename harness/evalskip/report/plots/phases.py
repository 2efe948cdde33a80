"""Where each arm's time goes: phases as stacked bars."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.report.plots.drawing import (
    BLUE,
    FAINT,
    GREEN,
    ORANGE,
    PAPER,
    PURPLE,
    SKY,
    Drawing,
    Plot,
    height_for,
    labels,
)
from evalskip.report.tables.times import phases
from evalskip.report.words import N_

if TYPE_CHECKING:
    from evalskip.report.words import Language
    from evalskip.summary import Summary

TITLE = N_("Where the time goes")
PLACE = 20

_LOOK = {
    "train": (BLUE, ""),
    "evaluate": (ORANGE, "///"),
    "save": (GREEN, "\\\\\\"),
    "log": (PURPLE, "xx"),
    "wait": (SKY, "..."),
    "other": (FAINT, ""),
}
"""Colour and hatching of each phase."""


def plot(summary: Summary, language: Language) -> Plot | None:
    """Mean seconds per phase of every arm that was timed."""
    bench = summary.bench
    if bench is None:
        return None
    arms = [(name, arm) for name, arm in bench.arms.items() if arm.phases_s]
    if not arms:
        return None
    with Drawing(height_for(len(arms), legend_rows=2)) as drawing:
        places = range(len(arms))
        left = [0.0] * len(arms)
        for phase, (colour, hatch) in _LOOK.items():
            widths = [arm.phases_s.get(phase, 0.0) for _, arm in arms]
            if phase == "wait" and not any(widths):  # one process has none to wait for
                continue
            drawing.axes.barh(
                places,
                widths,
                0.62,
                left,
                color=colour,
                hatch=hatch,
                edgecolor=PAPER,
                label=language.gettext(phase),
            )
            left = [start + width for start, width in zip(left, widths, strict=True)]
        drawing.axes.set_yticks(places, labels(arms, language))
        drawing.axes.invert_yaxis()
        drawing.axes.set_xlabel(language.gettext("seconds, mean over runs"))
        drawing.axes.grid(axis="x")
        drawing.legend()
        svg = drawing.svg("phases", language.gettext(TITLE), language)
    caption = language.gettext(
        "Mean seconds per phase. Phases never overlap; the length of a bar is the training time."
    )
    return Plot("phases", language.gettext(TITLE), caption, svg, phases(bench, language))
