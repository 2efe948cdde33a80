"""Peak memory per phase."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.claims.held import quantity_of
from evalskip.report import tables
from evalskip.report.plots.drawing import COLOURS, Plot, figure, svg_of

if TYPE_CHECKING:
    from pathlib import Path

    from evalskip.summary import Summary

_PHASES = ("train", "evaluate")


def plot(summary: Summary, directory: Path) -> Plot | None:
    """Train and evaluate, side by side, for each arm."""
    arms = {name: arm for name, arm in summary.arms.items() if arm.peak_bytes.get("train")}
    if not arms:
        return None
    quantity = next(
        (found for arm in arms.values() if (found := quantity_of(arm.peak_bytes["train"]))), None
    )
    if quantity is None:
        return None
    table = tables.memory(summary)
    with figure(0.9 + 0.42 * len(arms)) as (made, axes):
        for place, (phase, colour) in enumerate(zip(_PHASES, COLOURS, strict=False)):
            rows = [row + 0.36 * place - 0.18 for row in range(len(arms))]
            peaks = [
                arm.peak_bytes.get(phase, {}).get(quantity, 0) / 2**20 for arm in arms.values()
            ]
            axes.barh(rows, peaks, height=0.34, color=colour, label=phase)
        axes.set_yticks(range(len(arms)), list(arms))
        axes.invert_yaxis()
        axes.set_xlabel(f"peak {quantity} memory, MiB")
        axes.legend(ncols=2, loc="upper center", bbox_to_anchor=(0.4, 1.16), fontsize=9)
        return Plot("memory", svg_of(made, table.title), table)
