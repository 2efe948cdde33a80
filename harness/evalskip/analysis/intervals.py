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

    import numpy.typing as npt

    from evalskip.analysis.pieces import Floats


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


def replicate_weights(count: int) -> npt.NDArray[np.float64]:
    """The weights of blocks in the means of each of :func:`replicates`: (replicates, blocks)."""
    sets = replicates(range(count))
    weights = np.zeros((len(sets), count))
    for row, blocks in enumerate(sets):
        weights[row, blocks] = 1 / len(blocks)
    return weights


def jackknife_variance(values: Sequence[float] | npt.NDArray[np.float64]) -> float:
    """Of a statistic, from its value on each of :func:`replicates`; two blocks are the least."""
    left_out = np.asarray(values[1:], dtype=float)
    away = left_out - left_out.mean()
    return (len(left_out) - 1) / len(left_out) * float(away @ away)


def jackknife_t(
    values: Sequence[float] | npt.NDArray[np.float64],
    level: float,
    *,
    variance_within: float | None = None,
    widening: float = 1.0,
    floor: float = 0.0,
) -> Interval:
    """A statistic of whole blocks, with its jackknife-t interval (Tukey 1958; Miller 1974).

    Pseudo-values from leaving out one block at a time are treated as independent, with Student's
    t on one degree of freedom fewer than there are blocks. For a mean over blocks this is the
    usual t interval. Assumes that blocks are independent.

    Args:
        values: of the statistic on each of :func:`replicates`, on a scale where it is about
            normal: a log ratio. With one block there is an estimate but no interval.
        level: of the interval.
        variance_within: what the variance would be if what varies within a run were independent;
            see :func:`moderated`.
        widening: factor on the half-width, for a statistic that is a little biased.
        floor: the least half-width, where errors that no block shows are known of.
    """
    estimate, groups = float(values[0]), len(values) - 1
    if not groups:
        return Interval(estimate=estimate, level=level)
    variance, degrees = jackknife_variance(values), float(groups - 1)
    if variance_within:
        variance, degrees = moderated(variance, degrees, variance_within)
    half = widening * float(special.stdtrit(degrees, (1 + level) / 2)) * math.sqrt(variance)
    half = max(floor, half)
    return Interval(
        estimate=estimate,
        low=estimate - half,
        high=estimate + half,
        level=level,
        degrees=degrees,
    )


_PRIOR_DEGREES, _CONSISTENT = 4.0, 0.3


def moderated(variance: float, degrees: float, within: float) -> tuple[float, float]:
    """A variance of few blocks, moderated by what varies within runs (after Smyth 2004).

    What varies within runs is known from many pieces, but is all there is only where whole runs do
    not differ. So it is believed as far as the two agree: with four degrees of freedom where an F
    test finds nothing, with none from where it finds that they differ. It only steadies: a variance
    between blocks is never taken for less than it was seen to be.

    Args:
        variance: of a statistic, between blocks.
        degrees: of freedom, that it is known with.
        within: what it would be if pieces within runs were independent.

    Returns:
        The variance, and the degrees of freedom that it is known with.
    """
    if not (variance > 0 and within > 0):
        return variance, degrees
    below = float(special.fdtr(degrees, _PIECES_PER_BLOCK * degrees, variance / within))
    believed = _PRIOR_DEGREES * min(1.0, 2 * min(below, 1 - below) / _CONSISTENT)
    total = degrees + believed
    return (degrees * variance + believed * max(variance, within)) / total, total


# about so many evaluations are in a run; what more would tell is little
_PIECES_PER_BLOCK = 10


def mean_interval(values: Sequence[float], level: float) -> Interval:
    """The mean of values, one per block or seed, with Student's t interval."""
    array = np.asarray(values, dtype=float)
    return jackknife_t([float(array[rows].mean()) for rows in replicates(range(len(array)))], level)


def crossed_interval(values: Floats, level: float) -> Interval:
    """The mean over units, and over samples that all of them share, both drawn at random.

    Its variance is that between units, and that between samples, less that of what is left, which
    both hold (Owen 2007, pigeonhole; Cameron, Gelbach and Miller 2011), and never less than either;
    Student's t with the degrees of freedom of Satterthwaite (1946).

    Args:
        values: of shape (units, samples).
        level: of the interval.
    """
    units, samples = values.shape
    if units < 2 or samples < 2:
        return mean_interval(values.mean(axis=1), level)
    by_unit, by_sample = values.mean(axis=1), values.mean(axis=0)
    estimate = float(values.mean())
    left = values - by_unit[:, None] - by_sample + estimate
    freedom = np.array([units - 1, samples - 1, (units - 1) * (samples - 1)], dtype=float)
    parts = np.array(
        [
            by_unit.var(ddof=1) / units,
            by_sample.var(ddof=1) / samples,
            (left**2).sum() / freedom[2] / (units * samples),
        ]
    )
    variance = max(float(parts[0] + parts[1] - parts[2]), *map(float, parts[:2]))
    spread = float((parts**2 / freedom).sum())
    degrees = variance**2 / spread if spread else float(units - 1)
    half = float(special.stdtrit(degrees, (1 + level) / 2)) * math.sqrt(variance)
    return Interval(
        estimate=estimate, low=estimate - half, high=estimate + half, level=level, degrees=degrees
    )


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
