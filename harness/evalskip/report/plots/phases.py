"""Where each arm's time goes: phases as stacked bars."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.messages import message, say
from evalskip.report import tables
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

if TYPE_CHECKING:
    from evalskip.summary import Summary

TITLE = message("Where the time goes")

_LOOK = {
    "train": (BLUE, ""),
    "evaluate": (ORANGE, "///"),
    "save": (GREEN, "\\\\\\"),
    "log": (PURPLE, "xx"),
    "wait": (SKY, "..."),
    "other": (FAINT, ""),
}
"""Colour and hatching of each phase."""


def plot(summary: Summary) -> Plot | None:
    """Mean seconds per phase of every arm that was timed."""
    arms = [(name, arm) for name, arm in summary.arms.items() if arm.phases_s]
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
                label=say(phase),
            )
            left = [start + width for start, width in zip(left, widths, strict=True)]
        drawing.axes.set_yticks(places, labels(arms))
        drawing.axes.invert_yaxis()
        drawing.axes.set_xlabel(say("seconds, mean over runs"))
        drawing.axes.grid(axis="x")
        drawing.legend()
        svg = drawing.svg("phases", say(TITLE))
    caption = say("Mean seconds per phase. Phases never overlap, and a bar is as long as T.")
    return Plot("phases", say(TITLE), caption, svg, tables.phases(summary))
