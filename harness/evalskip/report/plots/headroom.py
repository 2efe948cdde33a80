"""The largest batch of each arm."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.report import tables
from evalskip.report.plots.drawing import COLOURS, INK, Plot, figure, svg_of

if TYPE_CHECKING:
    from pathlib import Path

    from evalskip.summary import Summary


def plot(summary: Summary, directory: Path) -> Plot | None:
    """A bar per arm, in the colour of the phase that bounds it."""
    if not summary.headroom:
        return None
    table = tables.headroom(summary)
    colours = {"train": COLOURS[0], "evaluate": COLOURS[1], "model": COLOURS[3]}
    with figure(0.9 + 0.34 * len(summary.headroom)) as (made, axes):
        for row, found in enumerate(summary.headroom):
            colour = colours.get(found.bound_by or "train", COLOURS[0])
            axes.barh([row], [found.max_batch], color=colour, height=0.7)
            axes.text(found.max_batch, row, f" {found.max_batch}", va="center", fontsize=9)
        own = summary.headroom[0].own_batch
        axes.axvline(own, color=INK, lw=0.8, ls=":")
        axes.set_yticks(range(len(summary.headroom)), [found.arm for found in summary.headroom])
        axes.invert_yaxis()
        axes.set_xlabel(f"largest batch, rows; dotted: the job's own, {own}")
        for phase in sorted({found.bound_by or "train" for found in summary.headroom}):
            axes.barh([0], [0], color=colours[phase], label=f"bound by {phase}")
        axes.legend(loc="lower right", fontsize=9)
        return Plot("headroom", svg_of(made, table.title), table)
