"""Where each arm's time goes, as stacked bars."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.report import tables
from evalskip.report.plots.drawing import COLOURS, Plot, figure, svg_of

if TYPE_CHECKING:
    from pathlib import Path

    from evalskip.summary import Summary

_PHASES = ("train", "evaluate", "save", "log", "other")


def plot(summary: Summary, directory: Path) -> Plot | None:
    """Mean seconds per phase."""
    arms = {name: arm for name, arm in summary.arms.items() if arm.phases_s}
    if not arms:
        return None
    table = tables.phases(summary)
    with figure(0.9 + 0.38 * len(arms)) as (made, axes):
        left = [0.0] * len(arms)
        for phase, colour in zip(_PHASES, COLOURS, strict=False):
            seconds = [arm.phases_s.get(phase, 0.0) for arm in arms.values()]
            axes.barh(list(arms), seconds, left=left, color=colour, label=phase, height=0.7)
            left = [start + more for start, more in zip(left, seconds, strict=True)]
        axes.invert_yaxis()
        axes.set_xlabel("seconds, mean over runs")
        axes.legend(ncols=5, loc="upper center", bbox_to_anchor=(0.4, 1.16), fontsize=9)
        return Plot("phases", svg_of(made, table.title), table)
