"""Matched: the mean cost of evaluation, each evaluation measured against the steps beside it.

The arms do identical work, so the steps around an evaluation tell how fast the machine was just
then. An *episode*, which is an evaluation with the steps of its window, is taken in units of the
steps beside it; the mean over runs, less what the same steps take in runs without evaluation, is
what evaluation costs:

    gain = (sum of mean episodes - window steps of off) / T of off,  all in units of a usual step

Means are taken of all that varies, so evaluation's own ups and downs are in it, and nothing of T is
dropped. How far an episode follows the steps beside it, and those follow the run, is estimated over
all arms (:mod:`evalskip.analysis.covariates`), since a unit that nothing follows only adds noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalskip.analysis.covariates import differ_between_arms, shared_slope
from evalskip.analysis.places import WARM_UP

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.analysis.pieces import Floats, Pieces
    from evalskip.analysis.places import Places


_HARMLESS = 0.01


@dataclass(frozen=True)
class MatchedGain:
    """log T(on) / T(off) on all blocks and on each set that the jackknife wants."""

    together: Floats
    """Evaluation with its after-effect, of shape (replicates,)."""
    after_effect: Floats
    """The part of it that steps in windows add, of the same shape."""
    variance_within: float
    """Of ``together``, were the episodes of a run independent of each other."""


@dataclass(frozen=True)
class Matching:
    """One arm that evaluates beside those that do not, at the same blocks."""

    on: Pieces
    offs: Sequence[Pieces]
    places: Places

    @property
    def arms(self) -> list[Pieces]:
        """All of them, the one that evaluates first."""
        return [self.on, *self.offs]


def matched_gains(matchings: Sequence[Matching], weights: Floats) -> list[MatchedGain]:
    """The gain of each arm; how pieces follow each other is learnt from all of them.

    Args:
        matchings: arms with enough steps outside their windows, all at the same blocks.
        weights: of the blocks in each of the jackknife's means, of shape (replicates, blocks).
    """
    of_run, beside = [], []
    for matching in matchings:
        for arm in matching.arms:
            run, local = _log_pairs(arm, matching.places)
            of_run += run
            beside += local
    run_slope, beside_slope = (
        shared_slope(pairs, weights, _HARMLESS) for pairs in (of_run, beside)
    )
    return [_gain(matching, run_slope, beside_slope, weights) for matching in matchings]


def _episodes(arm: Pieces, places: Places) -> Floats:
    """Per run and evaluation, the evaluation with its window's steps; of off, the steps alone."""
    windows: Floats = arm.steps @ places.windows.T
    return windows + arm.evaluations if arm.evaluations.size else windows


def _log_pairs(
    arm: Pieces, places: Places
) -> tuple[list[tuple[Floats, Floats]], list[tuple[Floats, Floats]]]:
    """Log times of paces and episodes: of whole runs, and beside each evaluation."""
    pace, near = places.pace(arm.steps)[:, None], arm.steps @ places.beside.T
    episodes = _episodes(arm, places)
    there = (episodes > 0).all(axis=0) & (near > 0).all(axis=0)
    if not there.any() or not (pace > 0).all():
        return [], []
    episodes, near = episodes[:, there], near[:, there]
    run = [(np.log(pace), np.log(episodes.sum(axis=1, keepdims=True)))]
    local = np.log(near / pace), np.log(episodes / pace)
    centred = [each - each.mean(axis=1, keepdims=True) for each in local]
    return run, [(centred[0], centred[1])]


def _gain(
    matching: Matching, run_slope: Floats, beside_slope: Floats, weights: Floats
) -> MatchedGain:
    on, offs, places = matching.on, matching.offs, matching.places
    paces = [places.pace(arm.steps) for arm in matching.arms]
    if differ_between_arms(paces):
        run_slope = np.ones_like(run_slope)
    usual = np.mean([weights @ pace for pace in paces], axis=0)
    work = _work([off.steps for off in offs], paces[1:], weights)
    # per replicate and run, what turns seconds into units of a usual step
    unit = usual[:, None] ** (1 - run_slope[:, None]) * paces[0] ** run_slope[:, None]

    def in_units(times: Floats, near: Floats, share: Floats) -> Floats:
        """Means over runs of times in units of steps near them: (replicates, K), from (runs, K)."""
        slope = beside_slope[:, None, None]
        relative = (near / paces[0][:, None])[None] ** slope
        units = times[None] / (unit[:, :, None] * relative)
        means: Floats = (weights[:, :, None] * units).sum(axis=1) * share ** beside_slope[:, None]
        return means

    near, share = on.steps @ places.beside.T, work @ places.beside.T
    episodes = _episodes(on, places)
    costs = in_units(episodes, near, share)
    evaluations = in_units(on.evaluations, near, share).sum(axis=1)
    windows = work @ places.windows.sum(axis=0)
    rest = _rest(matching, paces, (run_slope, beside_slope), usual, work, weights)
    base = work @ places.weights + rest
    added = costs.sum(axis=1) - windows
    everything = np.log1p(added / base)
    return MatchedGain(
        together=everything,
        after_effect=everything - np.log1p(evaluations / base),
        variance_within=_variance_within(
            episodes / unit[0][:, None] / (near / paces[0][:, None]) ** beside_slope[0],
            share[0] ** beside_slope[0],
        )
        / float(base[0] + added[0]) ** 2,
    )


def _rest(
    matching: Matching,
    paces: Sequence[Floats],
    slopes: tuple[Floats, Floats],
    usual: Floats,
    work: Floats,
    weights: Floats,
) -> Floats:
    """What runs without evaluation take beside steps, in units of a usual step: (replicates,).

    What comes before the loop is taken against the first steps, as an evaluation is against those
    beside it.
    """
    run_slope = slopes[0][:, None]
    share = work @ matching.places.at_start
    rests = []
    for off, pace in zip(matching.offs, paces[1:], strict=True):
        unit = usual[:, None] ** (1 - run_slope) * pace**run_slope
        first = weights @ (off.steps @ matching.places.at_start / pace)
        before = (weights * off.remainders[:, 0] / unit).sum(axis=1)
        others = (weights * off.remainders[:, 1:].sum(axis=1) / unit).sum(axis=1)
        rests.append(before * (share / first) ** slopes[1] + others)
    rest: Floats = np.mean(rests, axis=0)
    return rest


def _work(steps: Sequence[Floats], paces: Sequence[Floats], weights: Floats) -> Floats:
    """What each step takes in runs without evaluation, in units of a usual one: (replicates, S).

    Steps that differ by no more than noise are taken to be alike: their differences are shrunk
    towards their mean (James and Stein 1961), the first ones apart, since they often have a level
    of their own.
    """
    relative = [own / pace[:, None] for own, pace in zip(steps, paces, strict=True)]
    work: Floats = np.mean([weights @ own for own in relative], axis=0)
    runs = np.concatenate(relative)
    if len(runs) < 3 or work.shape[1] < 2 * WARM_UP:
        return work
    centre = work[:, WARM_UP:].mean(axis=1, keepdims=True)
    for part in (slice(WARM_UP), slice(WARM_UP, None)):
        away = work[:, part] - centre
        noise = float(runs[:, part].var(axis=0, ddof=1).mean()) / len(runs)
        spread = float((away[0] ** 2).mean())
        work[:, part] = centre + away * (max(0.0, 1 - noise / spread) if spread > 0 else 0.0)
    return work


def _variance_within(units: Floats, share: Floats) -> float:
    """Of the mean over runs of the sum of their episodes, were these independent."""
    if len(units) < 2:
        return 0.0
    return float((units * share).var(axis=0, ddof=1).sum()) / len(units)
