"""Estimates from whole runs: by the wall clock, and attributed to the phases of each run."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from evalskip.analysis.comparisons import comparison_of, if_enough
from evalskip.analysis.intervals import (
    jackknife_t,
    mean_interval,
    ratio,
    replicate_weights,
    throughput_gain,
)
from evalskip.spec import OFF

if TYPE_CHECKING:
    import pandas as pd

    from evalskip.analysis.pieces import Floats
    from evalskip.summary import Comparison, Interval


def wall_clock(runs: pd.DataFrame, arm: str, level: float) -> Comparison | None:
    """Mean T over mean T, paired within blocks: what a user would see today, noise included.

    Args:
        runs: timed runs of matched blocks that ended well, as
            :func:`evalskip.analysis.frames.frame_of` gives them.
        arm: compared with off.
        level: of the intervals.

    Returns:
        None where no block holds both.
    """
    wall = _paired(runs, arm, "wall_s")
    if not len(wall):
        return None
    undisturbed = _paired(runs[runs["disturbed"].eq(False)], arm, "wall_s")
    comparison = comparison_of(arm, "wall_clock", ratio_of_means(wall, level), blocks=len(wall))
    return comparison.model_copy(
        update={
            "throughput_gain_with_setup": throughput_gain(
                if_enough(ratio_of_means(_paired(runs, arm, "total_s"), level), len(wall))
            ),
            "throughput_gain_undisturbed": (
                throughput_gain(if_enough(ratio_of_means(undisturbed, level), len(undisturbed)))
                if len(undisturbed)
                else None
            ),
        }
    )


def attributed(runs: pd.DataFrame, arm: str, level: float) -> Comparison | None:
    """Mean T over mean T without its evaluations, of runs that evaluate; see :func:`wall_clock`.

    Immune to what slows a whole run alike; it holds no after-effect.
    """
    own = runs[runs["arm"] == arm]
    if own.empty:
        return None
    evaluated = own["evaluate_s"] + own["evaluation_wait_s"]
    both = np.column_stack([own["wall_s"], own["wall_s"] - evaluated])
    return comparison_of(arm, "attributed", ratio_of_means(both, level), blocks=len(both))


def undisturbed_time(runs: pd.DataFrame, level: float) -> Interval | None:
    """Mean T of an arm's runs that others did not disturb, in seconds; None: there is none.

    Unlike a gain this is an absolute time: it holds for one machine, and on a shared one whole
    processes differ, which its interval shows.

    Args:
        runs: timed runs of one arm that ended well; see :func:`wall_clock`.
        level: of the interval.
    """
    walls = runs.loc[~runs["disturbed"].eq(True), "wall_s"].to_numpy(dtype=float)
    if not len(walls):
        return None
    return ratio(jackknife_t(np.log(replicate_weights(len(walls)) @ walls), level))


def fixed_cost(runs: pd.DataFrame, level: float) -> Interval | None:
    """What a run takes beyond T, in units of the T of off in its block.

    Args:
        runs: timed runs that ended well; see :func:`wall_clock`.
        level: of the interval.
    """
    keys = [runs["block"], runs["attempt"]]
    beyond = (runs["turnaround_s"] - runs["wall_s"]).groupby(keys).median()
    off = runs["wall_s"].where(runs["arm"] == OFF).groupby(keys).first()
    ratios = (beyond / off).dropna()
    logs = [math.log(value) for value in ratios if value > 0]
    return ratio(mean_interval(logs, level)) if logs else None


def ratio_of_means(pairs: Floats, level: float) -> Interval:
    """Of two columns, one row per block: the log of the ratio of their means."""
    means = replicate_weights(len(pairs)) @ pairs
    return jackknife_t(np.log(means[:, 0] / means[:, 1]), level)


def _paired(runs: pd.DataFrame, arm: str, column: str) -> Floats:
    """A column of an arm beside that of off, of the blocks that hold both: (blocks, 2)."""
    if runs.empty:
        return np.empty((0, 2))
    times = runs.pivot(index=["block", "attempt"], columns="arm", values=column)
    if arm not in times or OFF not in times:
        return np.empty((0, 2))
    return times[[arm, OFF]].dropna().to_numpy(dtype=float)
