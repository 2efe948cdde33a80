"""The pictures of the map: one dot per unit, so that how many there are is seen as well."""

from __future__ import annotations

import math
from itertools import count
from statistics import median
from typing import TYPE_CHECKING

from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from evalskip.report import digits
from evalskip.report.plots.drawing import (
    BLUE,
    FAINT,
    GREEN,
    INK,
    ORANGE,
    Drawing,
    as_file,
)
from evalskip.report.words import Language
from wild.words import COST_NAMES, NAMES, UNITS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.axes import Axes

    from evalskip.public import PublicMap

_ENGLISH = Language("en")
_SHARE_TICKS = (0.5, 1, 2, 5, 10, 20, 50, 100)
_COST_TICKS = (0.03, 0.1, 0.3, 1, 3)
_DOT = 0.012
"""Of the axis: as wide as a dot, so that nearer ones would lie on each other."""
_LEVEL, _MOST = 0.07, 0.24
"""Of the distance between strips: one dot above another, and the outermost ones."""


def shares(everything: PublicMap, gain: tuple[float, float], band: tuple[float, float]) -> str:
    """Draw the evaluation share of every unit, by kind of run.

    Args:
        everything: the map.
        gain: a claimed range of speed-up from skipping, as fractions.
        band: the evaluation shares that it means.
    """
    with Drawing(5.0) as drawing:
        axes = drawing.axes
        _lay_out(axes, (0.25, 110), len(everything.groups), _SHARE_TICKS, "%")
        low, high = (100 * edge for edge in band)
        label = f"speed-up of {digits.claimed(gain)}"
        axes.axvspan(low, high, color=GREEN, alpha=0.16, lw=0, label=label)
        for place, group in enumerate(everything.groups):
            values = [100 * share for share in group.shares]
            name = f"{NAMES[group.id]}: {len(values)} {UNITS[group.id]}"
            name = f"{name}, median {100 * group.quantile(0.5):.1f}%"
            _strip(axes, values, -place, name, filled=group.on_the_clock)
        axes.set_xlabel("evaluation share of the training time")
        axes.plot([], [], "|", color=INK, ms=12, mew=2, label="median")
        axes.plot([], [], "o", color=BLUE, ms=4, lw=0, label="on the clock")
        axes.plot([], [], "o", color=ORANGE, mfc="none", ms=4, label="off the clock")
        drawing.legend(columns=2)
        title = "Evaluation share in public runs, by kind of run"
        return as_file(drawing.svg("wild-shares", title, _ENGLISH))


def costs(everything: PublicMap) -> str:
    """Draw how many evaluated samples a trained one costs, by what evaluation does."""
    own = {
        kind: [each.train_over_evaluation for each in everything.costs if each.kind == kind]
        for kind in COST_NAMES
    }
    own = {kind: values for kind, values in own.items() if values}
    with Drawing(3.5) as drawing:
        axes = drawing.axes
        _lay_out(axes, (0.02, 8), len(own), _COST_TICKS, "")
        axes.axvline(1, color=FAINT, lw=1, ls="--")
        for place, (kind, values) in enumerate(own.items()):
            name = f"{COST_NAMES[kind]}: {len(values)} repositories, median {median(values):.1f}"
            _strip(axes, values, -place, name)
        axes.set_xlabel("trained over evaluated sample, in time")
        axes.plot([], [], "|", color=INK, ms=12, mew=2, label="median")
        axes.plot([], [], "--", color=FAINT, label="equal")
        axes.plot([], [], "o", color=BLUE, ms=4, lw=0, label="a repository")
        drawing.legend(columns=3)
        title = "Cost of a trained sample over an evaluated one, by kind of evaluation"
        return as_file(drawing.svg("wild-costs", title, _ENGLISH))


def _strip(
    axes: Axes, values: Sequence[float], place: float, name: str, *, filled: bool = True
) -> None:
    """Dots side by side, those that would lie on each other spread upright; a name above."""
    low, high = axes.get_xlim()
    levels: list[int] = []
    last: dict[int, float] = {}
    for value in sorted(values):
        across = math.log(value / low) / math.log(high / low)
        free = (step for step in _steps() if across - last.get(step, -1.0) >= _DOT)
        levels.append(next(free))
        last[levels[-1]] = across
    step = min(_LEVEL, _MOST / max(1, *map(abs, levels)))
    colour = BLUE if filled else ORANGE
    axes.plot(
        sorted(values),
        [place + step * level for level in levels],
        "o",
        color=colour,
        mfc=colour if filled else "none",
        ms=2.6,
        mew=0.8,
        alpha=0.75,
    )
    axes.plot(median(values), place, "|", color=INK, ms=30, mew=2)
    axes.text(0.02, place + 0.36, name, transform=axes.get_yaxis_transform(), fontsize=9.5)


def _steps() -> Iterator[int]:
    yield 0
    for step in count(1):
        yield step
        yield -step


def _lay_out(
    axes: Axes, limits: tuple[float, float], strips: int, ticks: Sequence[float], unit: str
) -> None:
    axes.set_xscale("log")
    axes.set_xlim(*limits)
    axes.set_yticks([])
    axes.set_ylim(0.6 - strips, 0.62)
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_locator(FixedLocator(list(ticks)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}{unit}"))
    axes.grid(axis="x")
