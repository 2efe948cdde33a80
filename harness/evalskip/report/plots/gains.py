"""What skipping gains, with its interval, against the claimed band."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalskip.claims.speed import RANGE
from evalskip.report import tables
from evalskip.report.plots.drawing import COLOURS, INK, Plot, figure, svg_of

if TYPE_CHECKING:
    from pathlib import Path

    from evalskip.summary import Comparison, Estimator, Summary

_DRAWN: tuple[tuple[Estimator, str], ...] = (
    ("direct", "o"),
    ("matched_steps_plus_hidden_cost", "D"),
)


def plot(summary: Summary, directory: Path) -> Plot | None:
    """The direct and the matched estimate of every arm."""
    arms = [name for name in summary.arms if summary.compared(name, "direct")]
    if not arms:
        return None
    table = tables.gains(summary)
    with figure(1.1 + 0.42 * len(arms)) as (made, axes):
        axes.axvspan(*(100 * edge for edge in RANGE), color=COLOURS[4], alpha=0.25, lw=0)
        axes.axvline(0, color=INK, lw=0.8)
        for place, (estimator, marker) in enumerate(_DRAWN):
            found = [(row, summary.compared(arm, estimator)) for row, arm in enumerate(arms)]
            for row, comparison in found:
                if comparison:
                    _draw(axes, row + 0.28 * place - 0.14, comparison, marker, COLOURS[place])
            axes.plot([], [], marker, color=COLOURS[place], label=("direct", "matched")[place])
        axes.set_yticks(range(len(arms)), arms)
        axes.invert_yaxis()
        axes.set_xlabel("throughput gain of skipping, %; shaded: the claimed 15-30 %")
        _keep_in_sight(axes, summary, arms)
        axes.legend(loc="lower right", fontsize=9)
        return Plot("gains", svg_of(made, table.title), table)


def _draw(axes: Any, row: float, comparison: Comparison, marker: str, colour: str) -> None:
    gain = comparison.throughput_gain
    if gain.low is not None and gain.high is not None:
        axes.plot([100 * gain.low, 100 * gain.high], [row, row], color=colour, lw=1.6)
    axes.plot([100 * gain.estimate], [row], marker, color=colour, ms=5)


def _keep_in_sight(axes: Any, summary: Summary, arms: list[str]) -> None:
    """A wide direct interval must not hide the narrow ones."""
    gains = [
        abs(100 * comparison.throughput_gain.estimate)
        for arm in arms
        for estimator, _ in _DRAWN
        if (comparison := summary.compared(arm, estimator))
    ]
    reach = max([100 * RANGE[1], *gains])
    axes.set_xlim(-0.5 * reach, 1.6 * reach)
