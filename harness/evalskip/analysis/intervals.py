"""Intervals on log ratios, from whole blocks."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from evalskip.summary import Interval

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


_MOST_GROUPS = 40


def replicates(blocks: Sequence[int]) -> list[list[int]]:
    """The sets of blocks that a jackknife wants a statistic of: all, then all but one each.

    Beyond 40 blocks, groups of neighbouring blocks are left out instead, so that the work grows
    with the blocks and not with their square.

    Raises:
        ValueError: there is no block.
    """
    count = len(blocks)
    if not count:
        raise ValueError("an interval needs at least one block")
    if count == 1:
        return [list(blocks)]
    groups = min(count, _MOST_GROUPS)
    edges = [count * group // groups for group in range(groups + 1)]
    left_out = [[*blocks[:first], *blocks[last:]] for first, last in pairwise(edges)]
    return [list(blocks), *left_out]


def jackknife_t(values: Sequence[float], level: float, *, widening: float = 1.0) -> Interval:
    """A statistic of whole blocks, with its jackknife-t interval (Tukey 1958; Miller 1974).

    Pseudo-values from leaving out one block at a time are treated as independent, with Student's
    t on one degree of freedom fewer than there are blocks. For a mean over blocks this is the
    usual t interval. Assumes that blocks are independent.

    Args:
        values: of the statistic on each of :func:`replicates`, on a scale where it is about
            normal: a log ratio. With one block there is an estimate but no interval.
        level: of the interval.
        widening: factor on the interval's reach, for statistics that are a little biased.
    """
    estimate, *left_out = values
    groups = len(left_out)
    if not groups:
        return Interval(estimate=estimate, level=level)
    error = math.sqrt((groups - 1) * float(np.var(left_out)))
    reach = widening * float(special.stdtrit(groups - 1, (1 + level) / 2)) * error
    return Interval(
        estimate=estimate,
        low=estimate - reach,
        high=estimate + reach,
        level=level,
        degrees=groups - 1,
    )


def mean_interval(values: Sequence[float], level: float) -> Interval:
    """The mean of values, one per block or seed, with Student's t interval."""
    array = np.asarray(values, dtype=float)
    return jackknife_t([float(array[kept].mean()) for kept in replicates(range(len(array)))], level)


def throughput_gain(log_ratio: Interval) -> Interval:
    """T(on) / T(off) - 1, from the log of the ratio."""
    return _map(log_ratio, math.expm1)


def ratio(log_ratio: Interval) -> Interval:
    """The ratio itself, from its log."""
    return _map(log_ratio, math.exp)


def time_saved(log_ratio: Interval) -> Interval:
    """1 - T(off) / T(on), from the log of T(on) / T(off)."""
    return _map(log_ratio, lambda value: -math.expm1(-value))


def _map(interval: Interval, function: Callable[[float], float]) -> Interval:
    """Apply a rising function to an estimate and its limits."""
    low, high = interval.low, interval.high
    return Interval(
        estimate=function(interval.estimate),
        low=None if low is None else function(low),
        high=None if high is None else function(high),
        level=interval.level,
        degrees=interval.degrees,
    )
