"""Where an arm's evaluations stand among its steps: in windows, beside evaluations, or before all.

A step within a window may bear the after-effect of the evaluation before it. All others are
outside, and those nearest to an evaluation are what it is measured against.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from evalskip.analysis.pieces import Floats, Mask, Pieces

BESIDE = 3
"""So many steps on either side of an evaluation are what it is measured against."""
WARM_UP = 3
"""The first steps of a run, which touch its memory for the first time: no unit is made of them."""


@dataclass(frozen=True)
class Places:
    """Which steps of a run are what, for the evaluations of one arm; S steps, K evaluations."""

    weights: Floats
    """Of shape (S,): how many of the job's steps each stands for."""
    outside: Mask
    """Of shape (S,): steps within no window, which stand for some."""
    windows: Floats
    """Of shape (K, S): a step's weight where it lies in the window of that evaluation, else 0."""
    beside: Floats
    """Of shape (K, S): rows that average the steps beside an evaluation."""
    at_start: Floats
    """Of shape (S,): averages the first steps after the warm-up."""
    before: Mask
    """Of shape (S,): steps before the first evaluation, after the warm-up."""

    @property
    def has_outside(self) -> bool:
        """Whether enough steps lie outside the windows to measure evaluations against."""
        return int(self.outside.sum()) >= BESIDE

    def pace(self, steps: Floats) -> Floats:
        """Per run, the mean step outside the windows, in seconds.

        Args:
            steps: of runs, of shape (runs, S).
        """
        weights = self.weights * self.outside
        pace: Floats = steps @ (weights / weights.sum())
        return pace


def places_of(on: Pieces, window: int) -> Places:
    """Where the evaluations of an arm stand.

    Args:
        on: the runs of an arm that evaluates.
        window: steps after an evaluation that may bear its after-effect. A step belongs to the last
            evaluation before it; what follows one before the first step is slow for another reason.
    """
    count = on.steps.shape[1]
    weights = np.ones(count) if on.weights is None else np.array(on.weights)
    ends = [*on.evaluated_after, count]
    windows = np.zeros((len(on.evaluated_after), count))
    for row, (step, following) in enumerate(pairwise(ends)):
        if step > 0:
            windows[row, step : min(step + window, following)] = 1
    outside = (windows.sum(axis=0) == 0) & (weights > 0)
    beside = np.zeros_like(windows)
    for row, (previous, step, following) in enumerate(
        zip([0, *ends], ends, ends[1:], strict=False)
    ):
        near = [
            *_first(outside, reversed(range(previous, step))),
            *_first(outside, range(step, following)),
        ]
        chosen = near or np.flatnonzero(outside)
        beside[row, chosen] = 1 / max(1, len(chosen))
    first = min((step for step in on.evaluated_after if step > 0), default=count)
    warm_up = min(WARM_UP, first // 2)
    at_start = np.zeros(count)
    at_start[warm_up : warm_up + BESIDE] = 1 / max(1, len(at_start[warm_up : warm_up + BESIDE]))
    steps = np.arange(count)
    starts_evaluating = 0 in on.evaluated_after
    return Places(
        weights=weights,
        outside=outside,
        windows=windows * weights,
        beside=beside,
        at_start=at_start,
        before=(steps >= warm_up) & (steps < first) & (not starts_evaluating),
    )


def _first(allowed: Mask, steps: Iterable[int]) -> list[int]:
    return [step for step in steps if allowed[step]][:BESIDE]
