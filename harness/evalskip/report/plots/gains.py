"""What skipping evaluation gains, with intervals, against the claimed band."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.messages import message, say
from evalskip.report import tables
from evalskip.report.plots.drawing import (
    BLUE,
    INK,
    VERMILION,
    Drawing,
    Plot,
    draw_claimed,
    draw_gain,
    height_for,
    labels,
)
from evalskip.spec import OFF_AGAIN

if TYPE_CHECKING:
    from evalskip.summary import Interval, Summary

TITLE = message("What skipping evaluation gains")


def plot(summary: Summary) -> Plot | None:
    """The matched and the wall-clock estimate of every arm."""
    by_estimator: dict[str, dict[str, Interval]] = {"matched": {}, "wall_clock": {}}
    for found in summary.comparisons:
        if found.estimator in by_estimator:
            by_estimator[found.estimator][found.arm] = found.throughput_gain
    matched, wall_clock = by_estimator.values()
    if summary.noise_floor:
        wall_clock[OFF_AGAIN] = summary.noise_floor
    arms = [(name, arm) for name, arm in summary.arms.items() if name in matched | wall_clock]
    if not arms:
        return None
    with Drawing(height_for(len(arms), legend_rows=2)) as drawing:
        axes = drawing.axes
        draw_claimed(axes, summary.claimed_gain)
        axes.axvline(0, color=INK, lw=0.8)
        for estimates, colour, marker, shift, label in (
            (matched, BLUE, "o", -0.14, say("matched")),
            (wall_clock, VERMILION, "d", 0.14, say("wall clock, noise included")),
        ):
            for place, (name, _) in enumerate(arms):
                if name in estimates:
                    draw_gain(axes, estimates[name], place + shift, (colour, marker), label)
                    label = "_again"
        axes.set_yticks(range(len(arms)), labels(arms))
        axes.set_ylim(len(arms) - 0.5, -0.5)
        axes.set_xlabel(say("throughput gain of skipping, %"))
        axes.grid(axis="x")
        drawing.legend(2)
        svg = drawing.svg("gains", say(TITLE))
    caption = say(
        "T with evaluation over T without, less 1. The noise floor is “off, again”: two arms that "
        "do the same."
    )
    return Plot("gains", say(TITLE), caption, svg, tables.estimates(summary))
