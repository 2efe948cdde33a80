"""Peak memory per phase: does evaluation ever set the peak?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.report.plots.drawing import (
    BLUE,
    GREEN,
    ORANGE,
    Drawing,
    Plot,
    height_for,
    labels,
)
from evalskip.report.tables.memory import memory
from evalskip.report.words import N_
from evalskip.summary import quantity_of

if TYPE_CHECKING:
    from evalskip.report.words import Language
    from evalskip.summary import ArmSummary, Summary

TITLE = N_("Peak memory per phase")
PLACE = 80

_LOOK = {"train": (BLUE, "o"), "evaluate": (ORANGE, "s"), "save": (GREEN, "^")}
_MIB = 2**20


def plot(summary: Summary, language: Language) -> Plot | None:
    """One mark per arm and phase."""
    bench = summary.bench
    if bench is None:
        return None
    arms = [(name, arm) for name, arm in bench.arms.items() if _peaks(arm)]
    if not arms:
        return None
    with Drawing(height_for(len(arms))) as drawing:
        axes = drawing.axes
        for phase, (colour, marker) in _LOOK.items():
            points = [
                (peaks[phase] / _MIB, place)
                for place, (_, arm) in enumerate(arms)
                if phase in (peaks := _peaks(arm))
            ]
            if points:
                axes.plot(
                    *zip(*points, strict=True),
                    marker,
                    color=colour,
                    ms=8,
                    label=language.gettext(phase),
                )
        axes.set_yticks(range(len(arms)), labels(arms, language))
        axes.set_ylim(len(arms) - 0.5, -0.5)
        axes.set_xlabel(
            language.gettext(
                "peak {quantity} memory, MiB", quantity=language.gettext(str(_quantity(arms[0][1])))
            )
        )
        axes.grid()
        drawing.legend()
        svg = drawing.svg("memory", language.gettext(TITLE), language)
    caption = language.gettext(
        "The highest reading of each phase. Where the mark of evaluate lies to the left of that of "
        "train, evaluation does not set the peak."
    )
    return Plot("memory", language.gettext(TITLE), caption, svg, memory(bench, language))


def _quantity(arm: ArmSummary) -> str | None:
    return next(
        (quantity for peaks in arm.peak_bytes.values() if (quantity := quantity_of(peaks))), None
    )


def _peaks(arm: ArmSummary) -> dict[str, int]:
    quantity = _quantity(arm)
    return {
        phase: peaks[quantity]
        for phase, peaks in arm.peak_bytes.items()
        if quantity and quantity in peaks
    }
