"""The gains of several results beside each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip import digits
from evalskip.messages import message, say
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

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.summary import Interval, Summary

TITLE = message("Gains of several results")


def compared(summaries: Sequence[Summary]) -> Plot | None:
    """Every arm of every result; None where none has a gain."""
    gains: dict[str, list[tuple[int, Interval]]] = {}
    for place, summary in enumerate(summaries):
        for arm in dict.fromkeys(found.arm for found in summary.comparisons):
            gain = best_gain(summary, arm)
            if gain:
                gains.setdefault(arm, []).append((place, gain))
    if not gains:
        return None
    count = len(summaries)
    with Drawing(height_for(len(gains), legend_rows=count)) as drawing:
        axes = drawing.axes
        claimed = {summary.claimed_gain for summary in summaries}
        draw_claimed(axes, claimed.pop() if len(claimed) == 1 else None)
        axes.axvline(0, color=INK, lw=0.8)
        for place, (colour, marker, _) in enumerate(series(count)):
            label = wrapped(summaries[place].name)
            for row, found in enumerate(gains.values()):
                for owner, gain in found:
                    if owner == place:
                        y = row + 0.6 * ((place + 0.5) / count - 0.5)
                        draw_gain(axes, gain, y, (colour, marker), label)
                        label = "_again"
        axes.set_yticks(range(len(gains)), [wrapped(arm) for arm in gains])
        axes.set_ylim(len(gains) - 0.5, -0.5)
        axes.set_xlabel(say("throughput gain of skipping, %"))
        axes.grid(axis="x")
        drawing.legend(2)
        svg = drawing.svg("compared", say(TITLE))
    caption = say(
        "Matched where steps could be matched, by the wall clock otherwise; each with its interval."
    )
    table = Table(
        title=say(TITLE),
        note=say("Throughput gain in per cent."),
        columns=(say("arm"), say("result"), say("gain %")),
        rows=[
            (arm, summaries[place].name, digits.interval(gain))
            for arm, found in gains.items()
            for place, gain in found
        ],
    )
    return Plot("compared", say(TITLE), caption, svg, table)
