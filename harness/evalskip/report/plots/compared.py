"""The gains of several results beside each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.report import digits
from evalskip.report.plots.drawing import (
    INK,
    Drawing,
    Plot,
    draw_claimed,
    draw_gain,
    height_for,
    series,
    wrapped,
)
from evalskip.report.tables import Table
from evalskip.report.tables.table import best_gain
from evalskip.report.words import N_

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.report.words import Language
    from evalskip.summary import Interval, Summary

TITLE = N_("Speed-ups of several results")


def compared(summaries: Sequence[Summary], language: Language) -> Plot | None:
    """Every arm of every result; None where none has a gain."""
    gains: dict[str, list[tuple[int, Interval]]] = {}
    for place, summary in enumerate(summaries):
        bench = summary.bench
        if bench is None:
            continue
        for arm in dict.fromkeys(comparison.arm for comparison in bench.comparisons):
            if gain := best_gain(bench, arm):
                gains.setdefault(arm, []).append((place, gain))
    if not gains:
        return None
    count = len(summaries)
    with Drawing(height_for(len(gains), legend_rows=count)) as drawing:
        axes = drawing.axes
        claimed = {s.bench.claimed_gain if s.bench else None for s in summaries}
        draw_claimed(axes, claimed.pop() if len(claimed) == 1 else None, language)
        axes.axvline(0, color=INK, lw=0.8)
        for place, (colour, marker, _) in enumerate(series(count)):
            label = wrapped(summaries[place].name)
            for row, points in enumerate(gains.values()):
                for owner, gain in points:
                    if owner == place:
                        y = row + 0.6 * ((place + 0.5) / count - 0.5)
                        draw_gain(axes, gain, y, (colour, marker), label)
                        label = "_again"
        axes.set_yticks(range(len(gains)), [wrapped(arm) for arm in gains])
        axes.set_ylim(len(gains) - 0.5, -0.5)
        axes.set_xlabel(language.gettext("speed-up from skipping, %"))
        axes.grid(axis="x")
        drawing.legend(2)
        svg = drawing.svg("compared", language.gettext(TITLE), language)
    caption = language.gettext(
        "Matched estimates where steps could be matched, wall-clock otherwise, each with its "
        "confidence interval."
    )
    table = Table(
        title=language.gettext(TITLE),
        note=language.gettext("Speed-up from skipping evaluation in per cent."),
        columns=language.texts(N_("arm"), N_("result"), N_("speed-up %")),
        rows=[
            (arm, summaries[place].name, digits.interval(gain))
            for arm, points in gains.items()
            for place, gain in points
        ],
    )
    return Plot("compared", language.gettext(TITLE), caption, svg, table)
