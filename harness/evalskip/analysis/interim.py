"""Levels that hold over all interim analyses of an experiment, and over all that it judges."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from scipy import optimize, special

if TYPE_CHECKING:
    from collections.abc import Sequence

_GRID = 401


def simultaneous_level(level: float, looks: Sequence[int], questions: int) -> float:
    """The level of each interval, so that all of them hold together.

    Over questions by Bonferroni (Dunn 1961), and over looks by one bound for all of them (Pocock
    1977), which for looks that are not evenly spaced is found by numerical integration (Armitage,
    McPherson and Rowe 1969).

    Args:
        level: wanted for the whole experiment: the chance that no look at any question misleads.
        looks: numbers of blocks after which the result is looked at, rising.
        questions: how many are judged at each.
    """
    return 1 - _at_each_analysis((1 - level) / max(1, questions), tuple(looks))


@lru_cache
def _at_each_analysis(error: float, looks: tuple[int, ...]) -> float:
    """The error of each look, two-sided, so that any of them errs with this probability."""
    if len(looks) < 2:
        return error
    widest = float(special.ndtri(1 - error / (2 * len(looks))))
    bound = optimize.brentq(
        lambda bound: _crossed(bound, looks) - error,
        float(special.ndtri(1 - error / 2)),
        widest + 0.01,
    )
    return 2 * float(special.ndtr(-bound))


def _crossed(bound: float, looks: Sequence[int]) -> float:
    """How likely a mean without effect lies beyond so many standard errors at any of the looks."""
    at, step = np.linspace(-1, 1, _GRID, retstep=True)
    # the sum of so many blocks, each of unit variance, and its density where no bound was crossed
    edge = bound * np.sqrt(looks[0])
    sums = at * edge
    density = np.exp(-(sums**2) / (2 * looks[0])) / np.sqrt(2 * np.pi * looks[0])
    simpson = np.full(_GRID, 2.0)
    simpson[1::2], simpson[0], simpson[-1] = 4.0, 1.0, 1.0
    simpson *= step / 3
    for before, blocks in pairwise(looks):
        further = blocks - before
        mass = density * simpson * edge
        edge = bound * np.sqrt(blocks)
        after = at * edge
        moved = np.exp(-((after[:, None] - sums[None]) ** 2) / (2 * further))
        density = moved @ mass / np.sqrt(2 * np.pi * further)
        sums = after
    return 1 - float((density * simpson * edge).sum())
