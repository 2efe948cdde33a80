"""The frontier: time saved against regret, with those that are worth choosing on a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.ticker import FuncFormatter

from evalskip.report import digits
from evalskip.report.plots.drawing import BLUE, FAINT, GREEN, INK, ORANGE, Drawing, Plot, wrapped
from evalskip.report.tables import Table
from evalskip.report.tables.regret import regret
from evalskip.report.words import N_

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from evalskip.report.words import Language
    from evalskip.summary import ScheduleRegret, Summary

TITLE = N_("The frontier: time saved against regret")
_KINDS = (
    ("schedule", N_("schedules"), BLUE, "o"),
    ("substitute", N_("substitutes"), ORANGE, "s"),
)
PLACE = 60


def plot(summary: Summary, language: Language) -> Plot | None:
    """One point per schedule and substitute; None without curves, or without their times."""
    section = summary.regret
    if section is None:
        return None
    if any(each.time_saved is None for each in section.policies):
        return None
    numbered = list(enumerate(section.policies, start=1))
    with Drawing(4.6) as drawing:
        axes = drawing.axes
        axes.axhspan(
            min(0.0, *(each.lost.estimate for each in section.policies)),
            section.within_regret,
            color=GREEN,
            alpha=0.16,
            lw=0,
            label=language.gettext("within {limit:g} nats", limit=section.within_regret),
        )
        for kind, label, colour, marker in _KINDS:
            own = [(number, each) for number, each in numbered if each.kind == kind]
            if own:
                _draw(axes, own, colour, marker, language.gettext(label))
        best = sorted(
            (each for each in section.policies if each.worth_choosing),
            key=lambda each: each.saved,
        )
        axes.plot(
            [100 * each.saved for each in best],
            [each.lost.estimate for each in best],
            "-",
            color=FAINT,
            lw=1.2,
            label=wrapped(language.gettext("worth choosing")),
            zorder=0,
        )
        axes.axhline(0, color=FAINT, lw=0.8)
        # what may be lost is small beside what can be
        axes.set_yscale("symlog", linthresh=section.within_regret)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.set_xlabel(language.gettext("time saved against the job as written, %"))
        axes.set_ylabel(language.gettext("regret, nats"))
        axes.grid()
        drawing.legend(2)
        svg = drawing.svg("frontier", language.gettext(TITLE), language)
    caption = language.gettext(
        "Each number is a row of the table below. On the line, nothing else saves more at less "
        "regret."
    )
    table = regret(section, language)
    rows = [(f"{number}", *row) for number, row in enumerate(table.rows, start=1)]
    own_table = Table(
        language.gettext(TITLE), table.note, (language.gettext("number"), *table.columns), rows
    )
    return Plot("frontier", language.gettext(TITLE), caption, svg, own_table)


def _draw(
    axes: Axes,
    rows: Sequence[tuple[int, ScheduleRegret]],
    colour: str,
    marker: str,
    label: str,
) -> None:
    axes.errorbar(
        [100 * each.saved for _, each in rows],
        [each.lost.estimate for _, each in rows],
        [[_half_width(each, 0) for _, each in rows], [_half_width(each, 1) for _, each in rows]],
        fmt=marker,
        color=colour,
        ms=6,
        capsize=2,
        lw=1,
        label=label,
    )
    for number, each in rows:
        axes.annotate(
            digits.count(number),
            (100 * each.saved, each.lost.estimate),
            xytext=(5, 4),
            textcoords="offset points",
            fontsize=9.5,
            color=INK,
        )


def _half_width(each: ScheduleRegret, side: int) -> float:
    lost = each.lost
    limit = (lost.low, lost.high)[side]
    return 0.0 if limit is None else abs(limit - lost.estimate)
