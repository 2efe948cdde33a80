"""Means of few pieces, what pieces are made of, and how much they differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import optimize, special

if TYPE_CHECKING:
    from collections.abc import Iterable

    from evalskip.analysis.pieces import Floats

_ROUNDS = 8
# Huber's constant: 95% as efficient as the mean where the noise is normal
_HUBER = 1.345

_TOO_SMALL = 0.05

Paces = dict[int, tuple[float, float]]
"""A level, and the sampling variance of its logarithm, of each of some processes or events."""


def non_negative(times: Floats, features: Floats) -> Floats:
    """Costs, none negative, that times are made of: least squares on relative errors.

    Pieces that lie far off count for less, by Huber's rule, so this tells what grows with what, and
    not how much all of it takes. Where features do not vary, the last of
    those that say the same bears the cost: it is what grows with a larger job.

    Args:
        times: of pieces, above 0, of shape (pieces,).
        features: what each is made of, of shape (pieces, costs).
    """
    fitted = np.full(len(times), float(np.median(times)))
    weights = np.ones(len(times))
    scale = np.maximum(features.mean(axis=0), 1e-12)
    costs = np.zeros(features.shape[1])
    for _ in range(_ROUNDS):
        factor = np.sqrt(weights) / np.maximum(fitted, 1e-12)
        shape = features / scale * factor[:, None]
        # reversed, so that of features which say the same the last is taken
        solved, _ = optimize.nnls(shape[:, ::-1], times * factor)
        costs = solved[::-1] / scale
        fitted = features @ costs
        away = np.abs(times / np.maximum(fitted, 1e-12) - 1)
        threshold = _HUBER * max(_usual_spread(times / np.maximum(fitted, 1e-12)), 1e-6)
        weights = threshold / np.maximum(away, threshold)
    return costs


def _usual_spread(relative: Floats) -> float:
    """The standard deviation of most of what lies around 1."""
    return 1.4826 * float(np.median(np.abs(relative - np.median(relative))))


def spread_of(relative: Floats) -> float:
    """The standard deviation of values around their mean, as a part of it; of one, nothing."""
    return float(relative.std(ddof=1) / relative.mean()) if len(relative) > 1 else 0.0


def mean(values: Iterable[float]) -> float:
    """Of values; of none, nothing: what did not happen costs nothing."""
    numbers = list(values)
    return sum(numbers) / len(numbers) if numbers else 0.0


def shrunk(value: float, variance: float, believed: float) -> tuple[float, float]:
    """A value that is drawn to 0 as far as it was not seen, and its standard error.

    By empirical Bayes (Efron and Morris 1973): values of a job are believed to vary around 0, at
    least by as much as is believed beforehand, and by as much more as this one exceeds twice its
    error.

    Args:
        value: as it was seen.
        variance: of its error.
        believed: the variance of such values, before any was seen.
    """
    of_values = max(believed, value**2 - 4 * variance)
    share = of_values / (of_values + variance)
    return share * value, float(np.sqrt(share * variance))


def shrunk_variance(levels: Paces, prior_sd: float, degrees: float) -> tuple[float, float]:
    """The relative variance of levels from one to another, beyond what sampling makes of it.

    What few processes show is moderated by what is believed beforehand, as by Smyth (2004).

    Args:
        levels: of processes, or of evaluations.
        prior_sd: the standard deviation that is believed beforehand, as a part of the mean.
        degrees: of freedom of that belief, which counts no more where three levels or more show,
            by an F test, that it is far too small.

    Returns:
        The variance, and the degrees of freedom that it is known with.
    """
    values = np.array([level for level, _ in levels.values()])
    own = len(values) - 1
    if own < 1:
        return prior_sd**2, degrees
    sampled = mean(variance for _, variance in levels.values())
    excess = max(0.0, spread_of(values) ** 2 - sampled)
    if own > 1 and special.fdtrc(own, degrees, excess / prior_sd**2) < _TOO_SMALL:
        return excess, own
    return (degrees * prior_sd**2 + own * excess) / (degrees + own), degrees + own
