"""Over the whole span: T against T, with no window and no unit that evaluation could bend.

What a run took before its first evaluation is the same in all arms, and tells how fast its process
is; T is compared as far as it follows that (:mod:`evalskip.analysis.covariates`). Wide where noise
comes and goes within a run, and right whatever evaluation does to the steps that follow it: so this
is the check that tells when an after-effect outlasts its window.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evalskip.analysis.covariates import differ_between_arms, shared_slope

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.analysis.matched import Matching
    from evalskip.analysis.pieces import Floats, Pieces
    from evalskip.analysis.places import Places


def whole_span_gains(matchings: Sequence[Matching], weights: Floats) -> list[Floats]:
    """Log T(on) / T(off) of each arm, on all blocks and on each of the jackknife's sets.

    Args:
        matchings: arms beside those that do not evaluate, all at the same blocks.
        weights: of the blocks in each of the jackknife's means, of shape (replicates, blocks).

    Returns:
        One array of shape (replicates,) per arm.
    """
    pairs = [
        (np.log(start)[:, None], np.log(arm.totals(matching.places.weights))[:, None])
        for matching in matchings
        for arm in matching.arms
        if (start := _start(arm, matching.places)) is not None
    ]
    slope = shared_slope(pairs, weights)
    return [_gain(matching, slope, weights) for matching in matchings]


def drift_of(matching: Matching) -> float:
    """By how much later steps of runs without evaluation are slower than the first ones.

    What changes with the time that a run lasts changes more in a run that evaluates, since that
    lasts longer, and so moves the whole-span figure by about this times the gain.
    """
    starts = [_start(off, matching.places) for off in matching.offs]
    later = ~matching.places.before
    later[: int(np.argmax(matching.places.before))] = False
    if not later.any():
        return 0.0
    pairs = [
        (float(start.mean()), float(off.steps[:, later].mean()))
        for start, off in zip(starts, matching.offs, strict=True)
        if start is not None
    ]
    if not pairs:
        return 0.0
    first, last = (float(np.mean(each)) for each in zip(*pairs, strict=True))
    return last / first - 1


def _gain(matching: Matching, slope: Floats, weights: Floats) -> Floats:
    starts = [_start(arm, matching.places) for arm in matching.arms]
    known_starts = [start for start in starts if start is not None]
    if len(known_starts) < len(starts):
        slope = np.zeros_like(slope)
    elif differ_between_arms(known_starts):
        slope = np.ones_like(slope)

    def mean(arm: Pieces, start: Floats | None) -> Floats:
        unit = 1.0 if start is None else start ** slope[:, None]
        means: Floats = (weights * arm.totals(matching.places.weights) / unit).sum(axis=1)
        return means

    on, *offs = map(mean, matching.arms, starts)
    gain: Floats = np.log(on / np.mean(offs, axis=0))
    return gain


def _start(arm: Pieces, places: Places) -> Floats | None:
    """Per run, the mean step before the first evaluation, in seconds; None: there is none."""
    if not places.before.any():
        return None
    start: Floats = arm.steps[:, places.before].mean(axis=1)
    return start if (start > 0).all() else None
