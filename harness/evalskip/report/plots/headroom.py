"""Headroom: the largest batch of every arm within the limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip import digits
from evalskip.messages import listed, message, say
from evalskip.report import tables
from evalskip.report.plots.drawing import (
    BLUE,
    FAINT,
    INK,
    ORANGE,
    PAPER,
    PURPLE,
    Drawing,
    Plot,
    height_for,
    label_of,
    wrapped,
)

if TYPE_CHECKING:
    from evalskip.summary import Summary

TITLE = message("The largest batch")

_LOOK = {
    "train": (BLUE, ""),
    "evaluate": (ORANGE, "///"),
    message("model"): (PURPLE, "xx"),
    None: (FAINT, "..."),
}
"""Colour and hatching by what bounds an arm."""


def plot(summary: Summary) -> Plot | None:
    """One bar per arm, with what bounds it."""
    found = summary.headroom
    if not found:
        return None
    with Drawing(height_for(len(found))) as drawing:
        axes = drawing.axes
        for bound, (colour, hatch) in _LOOK.items():
            own = [
                (place, each.max_batch)
                for place, each in enumerate(found)
                if each.bound_by == bound
            ]
            if own:
                places, batches = zip(*own, strict=True)
                axes.barh(
                    places,
                    batches,
                    0.62,
                    color=colour,
                    hatch=hatch,
                    edgecolor=PAPER,
                    label=say("bound by {phase}", phase=say(bound))
                    if bound
                    else say("bound by nobody knows"),
                )
        for place, each in enumerate(found):
            axes.text(each.max_batch, place, f" {each.max_batch:,}", va="center", color=INK)
        names = [
            label_of(each.arm, summary.arms[each.arm]) if each.arm in summary.arms else each.arm
            for each in found
        ]
        axes.set_yticks(range(len(found)), [wrapped(name) for name in names])
        axes.set_ylim(len(found) - 0.5, -0.5)
        axes.margins(x=0.15)
        axes.set_xlabel(say("rows in a batch, per device"))
        axes.grid(axis="x")
        drawing.legend(2)
        svg = drawing.svg("headroom", say(TITLE))
    limits = sorted({digits.bytes_of(each.limit_bytes) for each in found})
    caption = say(
        "Within {limits}; one row more runs out of memory, in the phase that bounds it.",
        limits=listed(limits),
    )
    return Plot("headroom", say(TITLE), caption, svg, tables.headroom(summary))
