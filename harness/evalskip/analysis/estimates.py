"""Estimates of what evaluation costs, from the times of whole runs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from evalskip.analysis.intervals import mean_log_ratio, throughput_gain, time_saved
from evalskip.spec import OFF
from evalskip.summary import Comparison

if TYPE_CHECKING:
    import pandas as pd

    from evalskip.summary import Estimator, Interval


def direct(runs: pd.DataFrame, arm: str, level: float) -> Comparison | None:
    """Paired log ratios of T within blocks: what a user would see today, noise included.

    Args:
        runs: timed runs of matched blocks that ended well, as
            :func:`evalskip.analysis.frames.frame_of` gives them.
        arm: compared with off.
        level: of the intervals.

    Returns:
        None where no block holds both.

    """
    wall = _paired(runs, arm, "wall_s")
    if not wall:
        return None
    return _comparison(
        arm,
        "direct",
        mean_log_ratio(wall, level),
        blocks=len(wall),
        with_setup=mean_log_ratio(_paired(runs, arm, "total_s"), level),
    )


def attributed(runs: pd.DataFrame, arm: str, level: float) -> Comparison | None:
    """T / (T - evaluate) within each run that evaluates; see :func:`direct`.

    Immune to what slows a whole run alike; a burst inside the run still bends it.
    """
    own = runs[runs["arm"] == arm]
    if own.empty:
        return None
    logs = [
        math.log(wall / (wall - evaluate))
        for wall, evaluate in zip(own["wall_s"], own["evaluate_s"], strict=True)
    ]
    return _comparison(arm, "attributed", mean_log_ratio(logs, level), blocks=len(logs))


def _paired(runs: pd.DataFrame, arm: str, column: str) -> list[float]:
    """Log ratios of a column, arm against off, of the blocks that hold both."""
    times = runs.pivot(index="block", columns="arm", values=column)
    if arm not in times or OFF not in times:
        return []
    pairs = times[[arm, OFF]].dropna()
    return [math.log(on / off) for on, off in zip(pairs[arm], pairs[OFF], strict=True)]


def _comparison(
    arm: str,
    estimator: Estimator,
    log_ratio: Interval,
    *,
    blocks: int,
    with_setup: Interval | None = None,
) -> Comparison:
    return Comparison(
        arm=arm,
        against=OFF,
        estimator=estimator,
        blocks=blocks,
        throughput_gain=throughput_gain(log_ratio),
        time_saved=time_saved(log_ratio),
        throughput_gain_with_setup=throughput_gain(with_setup) if with_setup else None,
    )
