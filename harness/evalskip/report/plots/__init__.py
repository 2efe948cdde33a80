"""What people would rather look at than read; a new plot is one file and one line here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.report.plots import (
    around,
    compared,
    frontier,
    gain_map,
    gains,
    headroom,
    load,
    machine,
    memory,
    phases,
    speeds,
)

if TYPE_CHECKING:
    from evalskip.report.plots.drawing import Plot
    from evalskip.summary import Summary

ALL = (speeds, phases, gains, load, gain_map, frontier, around, memory, headroom, machine)
"""In the order in which they are shown."""

NAMES = frozenset(module.__name__.rpartition(".")[2] for module in (*ALL, compared))
"""Of their files."""


def plots_of(summary: Summary) -> list[Plot]:
    """Every plot that has something to show of a result."""
    return [plot for module in ALL if (plot := module.plot(summary)) is not None]
