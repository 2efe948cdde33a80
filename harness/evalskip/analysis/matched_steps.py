"""Matched steps: what evaluation costs on an undisturbed machine.

The arms do identical work, so step i is the same computation in every run, and so is each piece of
an evaluation. Each piece is located across the runs of its arm, at the lower quartile, since noise
only ever adds time; the located pieces are then added up, so that nothing of T is dropped:

    gain = (S_on + E + R_on) / (S_off + R_off) - 1

Steps outside the windows that follow an evaluation, and the remainders (before and after the loop,
saves, logs), are the same work in all arms and are pooled across them. What an evaluation does to
the steps inside its window is its *hidden cost*.

A process can be slower than its neighbour from its first step to its last (where its memory came to
lie, say), and then all of its pieces are. So the pieces of each arm are added up in units of its
own steps outside the windows: these and the evaluation come from the same runs, equally many, and
what slows a whole run alike cancels.
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


@dataclass(frozen=True)
class LogGains:
    """log T(on) / T(off), in parts that add up."""

    matched_steps: float
    hidden_cost: float


def log_gains(
    on: Pieces,
    offs: Sequence[Pieces],
    blocks: Sequence[int],
    *,
    window: int,
    quantile: float = LOWER_QUARTILE,
) -> LogGains:
    """The gain of skipping by matched steps, and what hidden cost adds to it.

    Args:
        on: an arm that evaluates.
        offs: the arms that do not (``off`` and ``off_again``); each is located by itself, over as
            many runs as ``on``, and the results are averaged.
        blocks: which to use; every arm must hold them.
        window: steps after an evaluation that may bear its hidden cost.
        quantile: where pieces are located.
    """
    inside = on.window(window)
    measured = _located(on.at(blocks), inside, quantile)
    off = [_located(arm.at(blocks), inside, quantile) for arm in offs]
    remainder = float(np.mean([arm.remainder for arm in (measured, *off)]))
    undisturbed = float(np.mean([arm.window for arm in off])) if inside.any() else 0.0
    base = 1 + undisturbed + remainder
    hidden = measured.window - undisturbed
    return LogGains(
        matched_steps=math.log1p(measured.evaluation / base),
        hidden_cost=math.log1p(hidden / (base + measured.evaluation)),
    )


@dataclass(frozen=True)
class _Located:
    """Located sums, in units of the arm's steps outside the windows."""

    window: float
    evaluation: float
    remainder: float


def _located(arm: Pieces, inside: Mask, quantile: float) -> _Located:
    steps = _quantile(arm.steps, quantile)
    unit = float(steps[~inside].sum())
    return _Located(
        window=float(steps[inside].sum()) / unit,
        evaluation=float(_quantile(arm.evaluations, quantile).sum()) / unit,
        remainder=float(_quantile(arm.remainders, quantile).sum()) / unit,
    )


def _quantile(values: Floats, quantile: float) -> Floats:
    """Per column, as ``np.quantile`` has it (linear), at a tenth of the time for a few rows."""
    ordered = np.sort(values, axis=0)
    place = quantile * (len(values) - 1)
    below = int(place)
    above = min(below + 1, len(values) - 1)
    located: Floats = ordered[below] + (place - below) * (ordered[above] - ordered[below])
    return located
