"""Matched steps: what evaluation costs on an undisturbed machine.

The arms do identical work, so step i is the same computation in every run, and so is each piece of
an evaluation. Noise only ever adds time, so pieces are located at the lower quartile; the located
pieces are then added up, so that nothing of T is dropped:

    gain = (S_on + E + R_on) / (S_off + R_off) - 1

Steps outside the windows that follow an evaluation, and the remainders (before and after the loop,
saves, logs), are the same work in all arms and are pooled across them. What an evaluation does to
the steps inside its window is its *hidden cost*.

A process can be slower than its neighbour from its first step to its last (where its memory came to
lie, say). So each run is taken in units of its own steps outside the windows, which cancels what
slows it as a whole, and a part is located twice: across runs, which gives its *shape* (how long
each piece takes, undisturbed), and within each run, which gives its *level* against that shape. The
runs' levels are then averaged by Huber's rule, so that a run whose level is far from the others'
counts for less.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.analysis.pieces import Floats, Mask, Pieces

LOWER_QUARTILE = 0.25
MEDIAN = 0.5
"""The sensitivity check. (The minimum is biased and not used.)"""

# Huber's constant: 95 % as efficient as the mean where the noise is normal
_HUBER = 1.345


@dataclass(frozen=True)
class Located:
    """What the parts of an arm's runs take, in units of its steps outside the windows."""

    window: float
    evaluation: float
    remainder: float


@dataclass(frozen=True)
class LogGains:
    """log T(on) / T(off), in parts that add up."""

    matched_steps: float
    hidden_cost: float

    @property
    def together(self) -> float:
        """Matched steps plus hidden cost."""
        return self.matched_steps + self.hidden_cost


def locate(arm: Pieces, inside: Mask, quantile: float = LOWER_QUARTILE) -> Located:
    """Locate the parts of an arm, over all of its runs.

    Args:
        arm: its runs.
        inside: which steps lie in the windows; all arms that are compared need the same.
        quantile: where pieces are located, across runs and within each.
    """
    outside = arm.steps[:, ~inside]
    # of a slice, steps that stand for none
    outside = outside[:, outside.any(axis=0)]
    # a rough unit first, so that the shape is that of the work and not of the slowest runs
    rough = quantile_of(outside.T, quantile)[:, None]
    unit = _totals(outside / rough, quantile)
    remainders = quantile_of(arm.remainders / rough, quantile)
    return Located(
        window=huber(_totals(arm.steps[:, inside] / rough, quantile) / unit),
        evaluation=huber(_totals(arm.evaluations / rough, quantile) / unit),
        remainder=float(remainders.sum()) / huber(unit),
    )


def log_gains(on: Located, offs: Sequence[Located]) -> LogGains:
    """The gain of skipping by matched steps, and what hidden cost adds to it.

    Args:
        on: an arm that evaluates.
        offs: the arms that do not (``off`` and ``off_again``), with the windows of ``on``.
    """
    remainder = float(np.mean([arm.remainder for arm in (on, *offs)]))
    undisturbed = float(np.mean([arm.window for arm in offs]))
    base = 1 + undisturbed + remainder
    return LogGains(
        matched_steps=math.log1p(on.evaluation / base),
        hidden_cost=math.log1p((on.window - undisturbed) / (base + on.evaluation)),
    )


def _totals(pieces: Floats, quantile: float) -> Floats:
    """Per run (row), what the pieces sum to: their shape, at the run's own level."""
    shape = quantile_of(pieces, quantile)
    pieces, shape = pieces[:, shape > 0], shape[shape > 0]
    if not len(shape):
        return np.zeros(len(pieces))
    total = float(shape.sum())
    # a long piece says more of a run's level than a short one: weights in place of counts
    ratios = pieces / shape
    order = np.argsort(ratios, axis=1)
    weights = shape[order]
    ends = np.cumsum(weights, axis=1) - weights / 2
    ranked = np.take_along_axis(ratios, order, axis=1)
    return total * _interpolated(quantile * total, ends, ranked)


def _interpolated(place: float, ends: Floats, values: Floats) -> Floats:
    """Per row, ``np.interp(place, ends, values)``."""
    rows = np.arange(len(ends))
    after = np.clip((ends < place).sum(axis=1), 1, max(1, ends.shape[1] - 1))
    before = after - 1
    after = np.minimum(after, ends.shape[1] - 1)
    left, right = ends[rows, before], ends[rows, after]
    slope = (values[rows, after] - values[rows, before]) / np.where(right > left, right - left, 1)
    levels: Floats = slope * (np.clip(place, left, right) - left) + values[rows, before]
    return levels


def huber(values: Floats) -> float:
    """Huber's M-estimate of location (1964), with the median absolute deviation as scale."""
    centre = float(quantile_of(values, MEDIAN))
    reach = _HUBER * 1.4826 * float(quantile_of(np.abs(values - centre), MEDIAN))
    if not reach > 0:
        return centre
    for _ in range(5):
        away = np.abs(values - centre)
        weights = reach / np.maximum(away, reach)
        centre = float((weights * values).sum() / weights.sum())
    return centre


def quantile_of(values: Floats, quantile: float) -> Floats:
    """Along the first axis, as ``np.quantile`` has it, at a tenth of the time for a few rows."""
    ordered = np.sort(values, axis=0)
    place = quantile * (len(values) - 1)
    below = int(place)
    above = min(below + 1, len(values) - 1)
    located: Floats = ordered[below] + (place - below) * (ordered[above] - ordered[below])
    return located
