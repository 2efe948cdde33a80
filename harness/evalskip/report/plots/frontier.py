"""The frontier: time saved against regret, with those that are worth choosing on a line."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from matplotlib.ticker import FuncFormatter

from evalskip.report import digits
from evalskip.report.plots.drawing import (
    BLUE,
    FAINT,
    GREEN,
    ORANGE,
    Drawing,
    Plot,
    wrapped,
)
from evalskip.report.plots.names import draw_names
from evalskip.report.tables.regret import regret
from evalskip.report.words import N_

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from evalskip.report.words import Language
    from evalskip.summary import ScheduleRegret, Summary

TITLE = N_("Time saved against regret")
_KINDS = (
    ("schedule", N_("schedules"), BLUE, "o"),
    ("substitute", N_("substitutes"), ORANGE, "s"),
    ("remedy", N_("cheaper evaluation"), GREEN, "D"),
)
PLACE = 60


def plot(summary: Summary, language: Language) -> Plot | None:
    """One point per schedule and substitute; None without curves, or without their times."""
    section = summary.regret
    if section is None:
        return None
    policies = [each for each in section.policies if math.isfinite(each.lost.estimate)]
    if not policies or any(each.time_saved is None for each in policies):
        return None
    unit = digits.unit_of(section.metric)
    with Drawing(4.6) as drawing:
        axes = drawing.axes
        axes.axhspan(
            min(0.0, *(each.lost.estimate for each in policies)),
            section.within_regret,
            color=GREEN,
            alpha=0.16,
            lw=0,
            label=language.gettext(
                "within {limit:g} {unit}", limit=section.within_regret, unit=unit
            ),
        )
        for kind, label, colour, marker in _KINDS:
            own = [each for each in policies if each.kind == kind]
            if own:
                _draw(axes, own, colour, marker, language.gettext(label))
        best = sorted(
            (each for each in policies if each.worth_choosing),
            key=lambda each: each.saved,
        )
        axes.plot(
            [100 * each.saved for each in best],
            [each.lost.estimate for each in best],
            "-",
            color=FAINT,
            lw=1.2,
            label=wrapped(language.gettext("best trade-offs")),
            zorder=0,
        )
        axes.axhline(0, color=FAINT, lw=0.8)
        # what may be lost is small beside what can be
        axes.set_yscale("symlog", linthresh=section.within_regret)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.set_xlabel(language.gettext("time saved against the job as written, %"))
        axes.set_ylabel(language.gettext("regret, {unit}", unit=unit))
        axes.grid()
        lost = [each.lost.estimate for each in policies]
        axes.set_ylim(
            min(0.0, *lost) - section.within_regret / 2, 2 * max(*lost, section.within_regret)
        )
        draw_names(
            axes,
            [(100 * each.saved, each.lost.estimate, language.note(each.policy)) for each in best],
        )
        drawing.legend(2)
        svg = drawing.svg("frontier", language.gettext(TITLE), language)
    caption = language.gettext(
        "On the line, nothing else saves more time at less regret. Hidden labels: see the data."
    )
    return Plot("frontier", language.gettext(TITLE), caption, svg, regret(section, language))


def _draw(
    axes: Axes,
    policies: Sequence[ScheduleRegret],
    colour: str,
    marker: str,
    label: str,
) -> None:
    axes.errorbar(
        [100 * each.saved for each in policies],
        [each.lost.estimate for each in policies],
        [[_half_width(each, 0) for each in policies], [_half_width(each, 1) for each in policies]],
        fmt=marker,
        color=colour,
        ms=6,
        capsize=2,
        lw=1,
        label=label,
    )


def _half_width(each: ScheduleRegret, side: int) -> float:
    lost = each.lost
    limit = (lost.low, lost.high)[side]
    return 0.0 if limit is None else abs(limit - lost.estimate)
