"""What skipping gains over the evaluation load, with the region in which the claim holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.claims.speed import RANGE
from evalskip.report import figures
from evalskip.report.plots.drawing import COLOURS, Plot, figure, svg_of
from evalskip.report.tables import Table

if TYPE_CHECKING:
    from pathlib import Path

    from evalskip.summary import Summary


def plot(summary: Summary, directory: Path) -> Plot | None:
    """The arms that a verdict is asked of, by their load."""
    points = sorted(
        (
            (summary.arms[found.arm].evaluation_load, found)
            for found in summary.comparisons
            if found.verdict is not None
        ),
        key=lambda point: point[0],
    )
    if len(points) < 2:
        return None
    table = Table(
        title="Gain over evaluation load",
        note="Evaluation load: evaluated tokens over trained tokens. Shaded: the claimed 15-30 %. "
        "Between the points the gain is taken to be straight.",
        columns=("arm", "load", "matched gain %", "verdict"),
        rows=[
            (
                found.arm,
                figures.load(load),
                figures.interval(found.throughput_gain),
                found.verdict or figures.NOTHING,
            )
            for load, found in points
        ],
    )
    loads = [0.0, *(load for load, _ in points)]
    gains = [found.throughput_gain for _, found in points]
    middle = [0.0, *(100 * gain.estimate for gain in gains)]
    low = [0.0, *(100 * (gain.estimate if gain.low is None else gain.low) for gain in gains)]
    high = [0.0, *(100 * (gain.estimate if gain.high is None else gain.high) for gain in gains)]
    with figure() as (made, axes):
        axes.axhspan(*(100 * edge for edge in RANGE), color=COLOURS[4], alpha=0.25, lw=0)
        axes.fill_between(loads, low, high, color=COLOURS[1], alpha=0.35, lw=0)
        axes.plot(loads, middle, "D-", color=COLOURS[1], ms=5)
        axes.set_xlim(0)
        axes.set_xlabel("evaluation load: evaluated tokens / trained tokens")
        axes.set_ylabel("matched gain, %")
        return Plot("load", svg_of(made, table.title), table)
