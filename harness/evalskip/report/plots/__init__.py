"""Plots of a report, each with its data as a table. One per file; a new one is one entry here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.report.plots import around, gains, headroom, load, machine, memory, phases

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from evalskip.report.plots.drawing import Plot
    from evalskip.summary import Summary

ALL = (phases, gains, load, around, memory, headroom, machine)
"""In the order in which they are read. Each has ``plot(summary, directory)``, which gives None where
there is nothing to draw."""


def plots_of(summary: Summary, directory: Path) -> Iterator[Plot]:
    """Every plot for which a result has figures.

    Args:
        summary: of the result.
        directory: of the result, for what was measured step by step.
    """
    for module in ALL:
        if found := module.plot(summary, directory):
            yield found
