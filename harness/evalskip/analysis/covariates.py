"""How far what was seen of one part of a run tells of another: analysis of covariance.

A run that is slow in some steps may be slow in an evaluation beside them. How much of what the
steps show the evaluation shares is a slope between 0 and 1: it is near 1 beside a neighbour that
stays for seconds, and near 0 where interruptions are short and strike at random. To divide by the
steps to that power takes out what is shared, and adds no noise of the steps where nothing is.
Fisher (1932) did so with fields, Deng, Xu, Kohavi and Walker (2013) with users before an
experiment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import special

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.analysis.pieces import Floats

_CHANCE = 0.0001


def shared_slope(
    pairs: Sequence[tuple[Floats, Floats]], weights: Floats, harmless: float = 0.0
) -> Floats:
    """The slope of one log time on another, from run to run, pooled over arms; between 0 and 1.

    Args:
        pairs: per arm, log times of the covariate and of the response, each of shape (runs,
            pieces); pieces are compared with the same piece of other runs.
        weights: of the runs in each of the jackknife's means, of shape (replicates, runs); see
            :func:`evalskip.analysis.intervals.replicate_weights`.
        harmless: a covariate that varies by less than this (the standard deviation of its log) adds
            no noise to speak of: there a slope of 1 is believed, which takes out what changes in
            the course of every run.
    """
    shared = sum((_covariance(x, y, weights) for x, y in pairs), np.zeros(len(weights)))
    own = sum((_covariance(x, x, weights) for x, _ in pairs), np.zeros(len(weights)))
    believed = harmless**2 * sum(x.shape[1] for x, _ in pairs)
    slopes = np.divide(
        shared + believed, own + believed, out=np.zeros_like(own), where=own + believed > 1e-18
    )
    clipped: Floats = np.clip(slopes, 0.0, 1.0)
    return clipped


def differ_between_arms(paces: Sequence[Floats]) -> bool:
    """Whether runs of one arm are slower than those of another, beyond chance (1 in 10,000).

    Noise that came with one arm cannot be learnt from how runs of the same arm differ.

    Args:
        paces: per arm, the mean of the same steps in each of its runs, in seconds.
    """
    logs = [np.log(pace) for pace in paces]
    if min(map(len, logs)) < 2:
        return False
    within = float(np.mean([log.var(ddof=1) for log in logs]))
    between = float(np.var([log.mean() for log in logs], ddof=1)) * len(logs[0])
    if between <= 1e-18:
        return False
    if within <= 0:
        return True
    runs = sum(len(log) - 1 for log in logs)
    return bool(special.fdtrc(len(logs) - 1, runs, between / within) < _CHANCE)


def _covariance(one: Floats, other: Floats, weights: Floats) -> Floats:
    products: Floats = weights @ (one * other) - (weights @ one) * (weights @ other)
    summed: Floats = products.sum(axis=1)
    return summed
