"""Headroom: the largest batch of every arm within the limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.report import digits
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
    wrapped,
)
from evalskip.report.tables.headroom import headroom
from evalskip.report.tables.table import label_of
from evalskip.report.words import N_

if TYPE_CHECKING:
    from evalskip.report.words import Language
    from evalskip.summary import Summary

TITLE = N_("The largest batch")
PLACE = 90

_LOOK = {
    "train": (BLUE, ""),
    "evaluate": (ORANGE, "///"),
    N_("model"): (PURPLE, "xx"),
    None: (FAINT, "..."),
}
"""Colour and hatching by what bounds an arm."""


def plot(summary: Summary, language: Language) -> Plot | None:
    """One bar per arm, with what bounds it."""
    section = summary.headroom
    if section is None:
        return None
    headrooms = section.arms
    arms = summary.bench.arms if summary.bench else {}
    if not headrooms:
        return None
    with Drawing(height_for(len(headrooms))) as drawing:
        axes = drawing.axes
        for bound, (colour, hatch) in _LOOK.items():
            own = [
                (place, each.max_batch)
                for place, each in enumerate(headrooms)
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
                    label=language.gettext("limited by {phase}", phase=language.gettext(bound))
                    if bound
                    else language.gettext("limited by an unknown phase"),
                )
        for place, each in enumerate(headrooms):
            axes.text(each.max_batch, place, f" {each.max_batch:,}", va="center", color=INK)
        names = [
            label_of(each.arm, arms[each.arm], language) if each.arm in arms else each.arm
            for each in headrooms
        ]
        axes.set_yticks(range(len(headrooms)), [wrapped(name) for name in names])
        axes.set_ylim(len(headrooms) - 0.5, -0.5)
        axes.margins(x=0.15)
        axes.set_xlabel(language.gettext("samples in a batch, per device"))
        axes.grid(axis="x")
        drawing.legend(2)
        svg = drawing.svg("headroom", language.gettext(TITLE), language)
    limits = sorted({digits.bytes_of(each.limit_bytes) for each in headrooms})
    caption = language.gettext(
        "Within {limits}; with one sample more, the phase that the legend names runs out of "
        "memory.",
        limits=language.join(limits),
    )
    return Plot("headroom", language.gettext(TITLE), caption, svg, headroom(section, language))
