"""Estimates of what evaluation costs, which check each other."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from evalskip.analysis.intervals import (
    jackknife_t,
    jackknife_variance,
    mean_interval,
    ratio,
    replicate_weights,
    throughput_gain,
    time_saved,
)
from evalskip.analysis.matched import Matching, matched_gains
from evalskip.analysis.places import places_of
from evalskip.analysis.verdicts import FEWEST_BLOCKS
from evalskip.analysis.whole_span import drift_of, whole_span_gains
from evalskip.spec import OFF
from evalskip.summary import Agreement, Comparison, Interval

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from evalskip.analysis.matched import MatchedGain
    from evalskip.analysis.pieces import Floats, Pieces
    from evalskip.summary import Estimator

LEAST_HALF_WIDTH = 0.025
"""No interval of the matched estimate is narrower, as a share of the gain. A machine that is faster
in its first second, or a run that slows as it ages, moves it by up to so much, and no block shows
it (`make simulate`: boost, ageing)."""
WIDENING = 1.05
"""Noise that is more likely in one part of a run than in another moves evaluations and steps a
little differently; with this factor the interval covers as much as it says (`make simulate`)."""
MATERIAL = 0.005
"""What two estimates of a gain may differ by: half a percentage point."""


def wall_clock(runs: pd.DataFrame, arm: str, level: float) -> Comparison | None:
    """Mean T over mean T, paired within blocks: what a user would see today, noise included.

    Args:
        runs: timed runs of matched blocks that ended well, as
            :func:`evalskip.analysis.frames.frame_of` gives them.
        arm: compared with off.
        level: of the intervals.

    Returns:
        None where no block holds both.
    """
    wall = _paired(runs, arm, "wall_s")
    if not len(wall):
        return None
    undisturbed = _paired(runs[runs["disturbed"].eq(False)], arm, "wall_s")
    comparison = _comparison(arm, "wall_clock", _ratio_of_means(wall, level), blocks=len(wall))
    return comparison.model_copy(
        update={
            "throughput_gain_with_setup": throughput_gain(
                _shown(_ratio_of_means(_paired(runs, arm, "total_s"), level), len(wall))
            ),
            "throughput_gain_undisturbed": (
                throughput_gain(_shown(_ratio_of_means(undisturbed, level), len(undisturbed)))
                if len(undisturbed)
                else None
            ),
        }
    )


def attributed(runs: pd.DataFrame, arm: str, level: float) -> Comparison | None:
    """Mean T over mean T without its evaluations, of runs that evaluate; see :func:`wall_clock`.

    Immune to what slows a whole run alike; it holds no after-effect.
    """
    own = runs[runs["arm"] == arm]
    if own.empty:
        return None
    evaluated = own["evaluate_s"] + own["evaluation_wait_s"]
    both = np.column_stack([own["wall_s"], own["wall_s"] - evaluated])
    return _comparison(arm, "attributed", _ratio_of_means(both, level), blocks=len(both))


@dataclass(frozen=True)
class Replicated:
    """What arms gain at the blocks that they share, and on each of the jackknife's sets."""

    blocks: int
    matched: dict[str, MatchedGain]
    """By arm; none where too few steps lie outside the windows."""
    whole_span: dict[str, Floats]
    """By arm, log T(on) / T(off) of shape (replicates,)."""
    drift: dict[str, float]
    """By arm; see :func:`evalskip.analysis.whole_span.drift_of`."""
    offs: int
    """Arms that do not evaluate."""


def replicated(arms: Mapping[str, Pieces], offs: Sequence[Pieces], window: int) -> list[Replicated]:
    """The gains of arms that evaluate; one entry per set of blocks that arms share with off.

    Args:
        arms: by name, their pieces.
        offs: those of the arms that do not evaluate.
        window: steps after an evaluation that may bear its after-effect.
    """
    found = []
    for blocks, names in _by_blocks(arms, offs).items():
        weights = replicate_weights(len(blocks))
        beside = [off.at(blocks) for off in offs]
        matchings = {
            name: Matching(own := arms[name].at(blocks), beside, places_of(own, window))
            for name in names
        }
        enough = {name: own for name, own in matchings.items() if own.places.has_outside}
        gains = matched_gains(list(enough.values()), weights)
        spans = whole_span_gains(list(matchings.values()), weights)
        found.append(
            Replicated(
                blocks=len(blocks),
                matched=dict(zip(enough, gains, strict=True)),
                whole_span=dict(zip(matchings, spans, strict=True)),
                drift={name: drift_of(own) for name, own in matchings.items()},
                offs=len(offs),
            )
        )
    return found


def compared(gains: Replicated, *, level: float, level_of_check: float) -> list[Comparison]:
    """The matched estimate, its after-effect, the whole-span figure, and whether they agree.

    Args:
        gains: of the arms.
        level: of the intervals, which holds over all looks and questions.
        level_of_check: of the difference between matched and whole span; so too.
    """
    found = []
    agreements = _agreements(gains, level_of_check)
    for name, span in gains.whole_span.items():
        if name in gains.matched:
            own = gains.matched[name]
            comparison = _comparison(
                name, "matched", matched_interval(own, level), blocks=gains.blocks
            )
            found.append(comparison.model_copy(update={"agreement": agreements.get(name)}))
            after = jackknife_t(own.after_effect, level)
            found.append(_comparison(name, "after_effect", after, blocks=gains.blocks))
        over_span = jackknife_t(span, level)
        found.append(_comparison(name, "whole_span", over_span, blocks=gains.blocks))
    return found


def undisturbed_time(runs: pd.DataFrame, level: float) -> Interval | None:
    """Mean T of an arm's runs that others did not disturb, in seconds; None: there is none.

    Unlike a gain this is an absolute time: it holds for one machine, and on a shared one whole
    processes differ, which its interval shows.

    Args:
        runs: timed runs of one arm that ended well; see :func:`wall_clock`.
        level: of the interval.
    """
    walls = runs.loc[~runs["disturbed"].eq(True), "wall_s"].to_numpy(dtype=float)
    if not len(walls):
        return None
    return ratio(jackknife_t(np.log(replicate_weights(len(walls)) @ walls), level))


def fixed_cost(runs: pd.DataFrame, level: float) -> Interval | None:
    """What a run takes beyond T, in units of the T of off in its block.

    Args:
        runs: timed runs that ended well; see :func:`wall_clock`.
        level: of the interval.
    """
    keys = [runs["block"], runs["attempt"]]
    beyond = (runs["turnaround_s"] - runs["wall_s"]).groupby(keys).median()
    off = runs["wall_s"].where(runs["arm"] == OFF).groupby(keys).first()
    ratios = (beyond / off).dropna()
    logs = [math.log(value) for value in ratios if value > 0]
    return ratio(mean_interval(logs, level)) if logs else None


def _by_blocks(
    arms: Mapping[str, Pieces], offs: Sequence[Pieces]
) -> dict[tuple[int, ...], list[str]]:
    """Arms by the blocks that they share with those that do not evaluate."""
    found: dict[tuple[int, ...], list[str]] = {}
    for name, arm in arms.items():
        blocks = set(arm.blocks).intersection(*(off.blocks for off in offs))
        if offs and blocks:
            found.setdefault(tuple(sorted(blocks)), []).append(name)
    return found


def matched_interval(gain: MatchedGain, level: float) -> Interval:
    """The log gain by the matched estimate, with the interval that verdicts rest on.

    Args:
        gain: on all blocks, and on each of the jackknife's sets.
        level: of the interval.
    """
    estimate = float(gain.together[0])
    # of the gain, on the scale of its logarithm
    floor = LEAST_HALF_WIDTH * abs(-math.expm1(-estimate))
    return jackknife_t(
        gain.together,
        level,
        variance_within=gain.variance_within,
        widening=WIDENING,
        floor=floor,
    )


def _agreements(gains: Replicated, level: float) -> dict[str, Agreement]:
    """Whether the whole-span figures differ from the matched ones, surely and materially.

    It is asked of each arm, and of all together, since what outlasts a window mostly does so in all
    of them. The variance of an arm's difference is pooled with those of the others: what evaluation
    costs cancels in it, and the noise that is left is that of the same machine.
    """
    differences = {
        name: gains.whole_span[name] - own.together for name, own in gains.matched.items()
    }
    if not differences or gains.blocks < FEWEST_BLOCKS:
        return {}
    arms = len(differences)
    # all together are one more question
    level = 1 - (1 - level) * arms / (arms + 1) if arms > 1 else level
    variances = {name: jackknife_variance(each) for name, each in differences.items()}
    pooled = float(np.mean(list(variances.values())))
    own = len(next(iter(differences.values()))) - 2
    # arms share the runs without evaluation, so their variances are not independent
    shared = 1 / (1 + gains.offs)
    others = own * (arms / (1 + (arms - 1) * shared**2) - 1)
    bound = float(special.stdtrit(own + others, (1 + level) / 2))
    every = np.mean(list(differences.values()), axis=0)
    expected = pooled * (1 + (arms - 1) * shared) / arms
    of_all = jackknife_variance(every)
    of_all = (own * of_all + others * max(expected, of_all)) / (own + others)
    all_differ = arms > 1 and abs(every[0]) > bound * math.sqrt(of_all)
    found = {}
    for name, variance in variances.items():
        variance = (own * variance + others * max(pooled, variance)) / (own + others)
        gain = math.expm1(gains.matched[name].together[0])
        scale = 1 + gain
        estimate = scale * math.expm1(differences[name][0])
        half = scale * bound * math.sqrt(variance)
        allowed = MATERIAL + abs(gains.drift[name] * gain * scale)
        sure = all_differ or abs(estimate) > half
        difference = Interval(
            estimate=estimate,
            low=estimate - half,
            high=estimate + half,
            level=level,
            degrees=own + others,
        )
        found[name] = Agreement(
            difference=difference,
            allowed=allowed,
            agrees=not sure or abs(estimate) <= allowed,
        )
    return found


def _ratio_of_means(pairs: Floats, level: float) -> Interval:
    """Of two columns, one row per block: the log of the ratio of their means."""
    means = replicate_weights(len(pairs)) @ pairs
    return jackknife_t(np.log(means[:, 0] / means[:, 1]), level)


def _paired(runs: pd.DataFrame, arm: str, column: str) -> Floats:
    """A column of an arm beside that of off, of the blocks that hold both: (blocks, 2)."""
    if runs.empty:
        return np.empty((0, 2))
    times = runs.pivot(index=["block", "attempt"], columns="arm", values=column)
    if arm not in times or OFF not in times:
        return np.empty((0, 2))
    return times[[arm, OFF]].dropna().to_numpy(dtype=float)


def _comparison(
    arm: str,
    estimator: Estimator,
    log_ratio: Interval,
    *,
    blocks: int,
) -> Comparison:
    log_ratio = _shown(log_ratio, blocks)
    return Comparison(
        arm=arm,
        against=OFF,
        estimator=estimator,
        blocks=blocks,
        throughput_gain=throughput_gain(log_ratio),
        time_saved=time_saved(log_ratio),
    )


def _shown(interval: Interval, blocks: int) -> Interval:
    """Too few blocks give an estimate, and no interval."""
    if blocks >= FEWEST_BLOCKS:
        return interval
    return interval.model_copy(update={"low": None, "high": None, "degrees": None})
