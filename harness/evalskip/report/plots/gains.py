"""What skipping evaluation gains, with intervals, against the claimed band."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
from evalskip.report.tables.gains import estimates
from evalskip.report.words import N_
from evalskip.spec import OFF_AGAIN

if TYPE_CHECKING:
    from evalskip.report.words import Language
    from evalskip.summary import Interval, Summary

TITLE = N_("Speed-up from skipping evaluation")
PLACE = 30


def plot(summary: Summary, language: Language) -> Plot | None:
    """The matched and the wall-clock estimate of every arm."""
    bench = summary.bench
    if bench is None:
        return None
    by_estimator: dict[str, dict[str, Interval]] = {"matched": {}, "wall_clock": {}}
    for comparison in bench.comparisons:
        if comparison.estimator in by_estimator:
            by_estimator[comparison.estimator][comparison.arm] = comparison.throughput_gain
    matched, wall_clock = by_estimator.values()
    if bench.noise_floor:
        wall_clock[OFF_AGAIN] = bench.noise_floor
    arms = [(name, arm) for name, arm in bench.arms.items() if name in matched | wall_clock]
    if not arms:
        return None
    with Drawing(height_for(len(arms), legend_rows=2)) as drawing:
        axes = drawing.axes
        draw_claimed(axes, bench.claimed_gain, language)
        axes.axvline(0, color=INK, lw=0.8)
        for drawn, colour, marker, shift, label in (
            (matched, BLUE, "o", -0.14, language.gettext("matched")),
            (wall_clock, VERMILION, "d", 0.14, language.gettext("wall-clock, noise included")),
        ):
            for place, (name, _) in enumerate(arms):
                if name in drawn:
                    draw_gain(axes, drawn[name], place + shift, (colour, marker), label)
                    label = "_again"
        axes.set_yticks(range(len(arms)), labels(arms, language))
        axes.set_ylim(len(arms) - 0.5, -0.5)
        axes.set_xlabel(language.gettext("speed-up from skipping, %"))
        axes.grid(axis="x")
        drawing.legend(2)
        svg = drawing.svg("gains", language.gettext(TITLE), language)
    caption = language.gettext(
        "Training time with evaluation over training time without, less 1. “off, again” is the "
        "noise floor: two arms that do the same."
    )
    return Plot("gains", language.gettext(TITLE), caption, svg, estimates(bench, language))
