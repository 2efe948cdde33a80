"""Whether the whole span bears the matched estimate out: the one check that decides."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from evalskip.analysis.intervals import jackknife_variance
from evalskip.analysis.verdicts import FEWEST_BLOCKS
from evalskip.summary import Agreement, Interval

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalskip.analysis.matched import MatchedGain
    from evalskip.analysis.pieces import Floats

MATERIAL = 0.005
"""What two estimates of a gain may differ by: half a percentage point."""


def agreements(
    matched: Mapping[str, MatchedGain],
    spans: Mapping[str, Floats],
    drifts: Mapping[str, float],
    *,
    offs: int,
    level: float,
) -> dict[str, Agreement]:
    """Whether the whole-span figures differ from the matched ones, surely and materially.

    It is asked of each arm, and of all together, since what outlasts a window mostly does so in all
    of them. The variance of an arm's difference is pooled with those of the others: what evaluation
    costs cancels in it, and the noise that is left is that of the same machine.

    Args:
        matched: by arm, at the same blocks.
        spans: the same gains over the whole span, of shape (replicates,).
        drifts: by arm, by how much later steps of runs without evaluation are slower.
        offs: arms that do not evaluate.
        level: at which each arm agrees where nothing differs.

    Returns:
        Nothing where there are too few blocks to tell.
    """
    differences = {name: spans[name] - own.together for name, own in matched.items()}
    if not differences or len(next(iter(differences.values()))) - 1 < FEWEST_BLOCKS:
        return {}
    arms = len(differences)
    # all together are one more question
    level = 1 - (1 - level) * arms / (arms + 1) if arms > 1 else level
    variances = {name: jackknife_variance(each) for name, each in differences.items()}
    pooled = float(np.mean(list(variances.values())))
    own = len(next(iter(differences.values()))) - 2
    # arms share the runs without evaluation, so their variances are not independent
    shared = 1 / (1 + offs)
    others = own * (arms / (1 + (arms - 1) * shared**2) - 1)
    bound = float(special.stdtrit(own + others, (1 + level) / 2))
    every = np.mean(list(differences.values()), axis=0)
    expected = pooled * (1 + (arms - 1) * shared) / arms
    of_all = jackknife_variance(every)
    of_all = (own * of_all + others * max(expected, of_all)) / (own + others)
    all_differ = arms > 1 and abs(every[0]) > bound * math.sqrt(of_all)
    answers = {}
    for name, variance in variances.items():
        variance = (own * variance + others * max(pooled, variance)) / (own + others)
        gain = math.expm1(matched[name].together[0])
        scale = 1 + gain
        estimate = scale * math.expm1(differences[name][0])
        half = scale * bound * math.sqrt(variance)
        allowed = MATERIAL + abs(drifts[name] * gain * scale)
        sure = all_differ or abs(estimate) > half
        difference = Interval(
            estimate=estimate,
            low=estimate - half,
            high=estimate + half,
            level=level,
            degrees=own + others,
        )
        answers[name] = Agreement(
            difference=difference,
            allowed=allowed,
            agrees=not sure or abs(estimate) <= allowed,
        )
    return answers
