"""Intervals on ratios, from whole blocks."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from scipy import special

from evalskip.summary import Interval

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def mean_log_ratio(log_ratios: Sequence[float], level: float) -> Interval:
    """The mean of log ratios, one per block, with Student's t interval.

    For a mean, the jackknife-t over blocks (Tukey 1958) is this very interval. Assumes that
    blocks are independent and their log ratios about normal. With one block there is an estimate
    but no interval.

    Raises:
        ValueError: there is no ratio.

    """
    count = len(log_ratios)
    if not count:
        raise ValueError("an interval needs at least one block")
    mean = math.fsum(log_ratios) / count
    if count == 1:
        return Interval(estimate=mean, level=level)
    variance = math.fsum((ratio - mean) ** 2 for ratio in log_ratios) / (count - 1)
    reach = float(special.stdtrit(count - 1, (1 + level) / 2)) * math.sqrt(variance / count)
    return Interval(estimate=mean, low=mean - reach, high=mean + reach, level=level)


def throughput_gain(log_ratio: Interval) -> Interval:
    """T(on) / T(off) - 1, from the log of the ratio."""
    return _map(log_ratio, math.expm1)


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
    )
