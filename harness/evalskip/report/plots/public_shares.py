"""Evaluation shares in public logs, by kind, beside the shares that a claimed gain means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.report.plots.drawing import BLUE, GREEN, INK, Drawing, Plot, wrapped
from evalskip.report.tables.claims import public
from evalskip.report.words import N_

if TYPE_CHECKING:
    from evalskip.report.words import Language
    from evalskip.summary import Summary

TITLE = N_("Evaluation share in public logs of GPUs")
PLACE = 12


def plot(summary: Summary, language: Language) -> Plot | None:
    """The middle half of each kind; None where no public logs stand beside the claims."""
    section = summary.claims
    if section is None or not section.public or section.claimed_gain is None:
        return None
    least, most = (100 * gain / (1 + gain) for gain in section.claimed_gain)
    with Drawing(0.8 + 0.55 * len(section.public)) as drawing:
        axes = drawing.axes
        label = language.gettext("shares that the claimed speed-up means")
        axes.axvspan(least, most, color=GREEN, alpha=0.16, lw=0, label=label)
        for place, each in enumerate(reversed(section.public)):
            low, high = 100 * each.low, 100 * each.high
            axes.barh(place, high - low, left=low, height=0.34, color=BLUE, alpha=0.75)
            axes.plot([100 * each.median] * 2, [place - 0.28, place + 0.28], "-", color=INK, lw=2)
        names = [wrapped(language.note(each.kind)) for each in reversed(section.public)]
        axes.set_yticks(range(len(names)), names)
        axes.set_xlabel(language.gettext("evaluation share %"))
        axes.set_xlim(left=0)
        axes.grid(axis="x")
        drawing.legend(1)
        svg = drawing.svg("public_shares", language.gettext(TITLE), language)
    caption = language.gettext(
        "The middle half of the units of each kind, and their median. Read off logs of other "
        "people's runs; no verdict rests on them."
    )
    return Plot("public_shares", language.gettext(TITLE), caption, svg, public(section, language))
