"""The gain over evaluation load: what it mostly depends on, and where the claimed range lies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.report import digits
from evalskip.report.plots.drawing import (
    Drawing,
    Plot,
    draw_claimed,
    draw_gains_at,
    lay_out_loads,
    series,
)
from evalskip.report.plots.names import draw_names
from evalskip.report.tables import Table
from evalskip.report.tables.table import label_of, schedule_of
from evalskip.report.words import N_

if TYPE_CHECKING:
    from evalskip.report.words import Language
    from evalskip.summary import ArmSummary, Comparison, Summary

TITLE = N_("Speed-up over the eval/train token ratio")
PLACE = 40


def plot(summary: Summary, language: Language) -> Plot | None:
    """One point per arm that evaluates; None where they do not differ in load."""
    bench = summary.bench
    if bench is None:
        return None
    points = sorted(
        (
            (own, comparison)
            for arm, own in bench.arms.items()
            if (comparison := bench.headline(arm)) and own.evaluation_load
        ),
        key=lambda point: point[0].evaluation_load,
    )
    if len({arm.evaluation_load for arm, _ in points}) < 2:
        return None
    schedules = list(dict.fromkeys(schedule_of(arm, language) for arm, _ in points))
    ends = []
    with Drawing(3.8) as drawing:
        axes = drawing.axes
        draw_claimed(axes, bench.claimed_gain, language, upright=False)
        for schedule, (colour, marker, line) in zip(
            schedules, series(len(schedules)), strict=False
        ):
            own = [point for point in points if schedule_of(point[0], language) == schedule]
            loads = [0.0, *(arm.evaluation_load for arm, _ in own)]
            gains = [0.0, *(100 * comparison.throughput_gain.estimate for _, comparison in own)]
            axes.plot(loads, gains, line, color=colour, lw=1.2)
            intervals = [comparison.throughput_gain for _, comparison in own]
            draw_gains_at(axes, loads[1:], intervals, (colour, marker))
            ends.append((loads[-1], gains[-1], schedule))
        lay_out_loads(axes, language)
        draw_names(axes, ends)
        drawing.legend()
        svg = drawing.svg("load", language.gettext(TITLE), language)
    caption = language.gettext(
        "Matched estimates. The lines between measured points only guide the eye."
    )
    return Plot("load", language.gettext(TITLE), caption, svg, _table(points, language))


def _table(points: list[tuple[ArmSummary, Comparison]], language: Language) -> Table:
    return Table(
        title=language.gettext(TITLE),
        note=language.gettext("Speed-up from skipping, matched."),
        columns=language.texts(N_("arm"), N_("eval/train tokens"), N_("speed-up %"), N_("verdict")),
        rows=[
            (
                label_of(comparison.arm, arm, language),
                digits.load(arm.evaluation_load),
                digits.interval(comparison.throughput_gain),
                language.gettext(comparison.verdict) if comparison.verdict else digits.NOTHING,
            )
            for arm, comparison in points
        ],
    )
