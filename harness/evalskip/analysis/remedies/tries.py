"""What ways to evaluate take against each other, from the rounds in which they were tried."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from evalskip.analysis.levels import mean, non_negative

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from evalskip.probe.measured import RemedySurvey, TriedEvaluation

    Rounds = Sequence[Sequence[TriedEvaluation]]
    Shapes = Sequence[tuple[int, int]]

OWN_BATCHES, OWN_SETTINGS = "", "own"
"""The job's own way, tried on batches of all lengths, and on samples like its own."""
_PRIOR_SD, _PRIOR_DF = 0.03, 4.0
"""Of the log of a ratio, from a pilot to the job; and how much that weighs."""


@dataclass(frozen=True)
class CostRatio:
    """What evaluations take over what others take; its logarithm has a standard error."""

    estimate: float
    error: float
    degrees: float

    def half_width(self, level: float) -> float:
        """Of the logarithm."""
        return float(special.stdtrit(self.degrees, (1 + level) / 2)) * self.error

    def times(self, other: CostRatio) -> CostRatio:
        """Of both at once, where neither knows of the other."""
        return CostRatio(
            self.estimate * other.estimate,
            math.hypot(self.error, other.error),
            min(self.degrees, other.degrees),
        )


def ratio_of(survey: RemedySurvey, taken: Callable[[Rounds], tuple[float, float]]) -> CostRatio:
    """A ratio, and by how much rounds differ in it: by the jackknife over rounds.

    Args:
        survey: that holds them.
        taken: of some rounds, what evaluations take, and what those take that they are held to.
    """

    def log_ratio(rounds: Rounds) -> float:
        one, other = taken(rounds)
        return math.log(max(one, 1e-9) / max(other, 1e-9))

    rounds = survey.tries
    count = len(rounds)
    whole = log_ratio(rounds)
    variance = 0.0
    if count > 1:
        others = np.array([log_ratio([*rounds[:n], *rounds[n + 1 :]]) for n in range(count)])
        variance = float((count - 1) / count * ((others - others.mean()) ** 2).sum())
    return CostRatio(
        math.exp(whole), math.sqrt(variance + _PRIOR_SD**2), _PRIOR_DF + max(0, count - 1)
    )


def batches_s(rounds: Rounds, way: str, shapes: Shapes) -> float:
    """Seconds of an evaluation of batches of these shapes, evaluated in a way.

    What a batch takes grows with its tokens, by least squares over those that were tried. The first
    one of an evaluation, which may find no memory at hand, is told apart.

    Args:
        rounds: in which the way was tried.
        way: of batches.
        shapes: samples and tokens of each batch.
    """
    tried = of_way(rounds, way)
    times, tokens, firsts = list[float](), list[float](), list[tuple[float, float]]()
    for each in tried:
        pieces = [
            (ns / 1e9, float(count))
            for ns, (_, count) in zip(each.batches_ns, each.shapes, strict=True)
        ]
        firsts.append(pieces[0])
        for seconds, count in pieces[1:] or pieces:
            times.append(seconds)
            tokens.append(count)
    features = np.array([[1.0, count] for count in tokens])
    costs = non_negative(np.array(times), features)
    # the fit tells what grows with what; together they take what was taken
    costs = costs * sum(times) / float((features @ costs).sum())
    beyond = mean(seconds - costs[0] - costs[1] * count for seconds, count in firsts)
    ends = mean((each.loader_ns + each.aggregation_ns) / 1e9 for each in tried)
    return float(sum(costs[0] + costs[1] * count for _, count in shapes) + max(0.0, beyond) + ends)


def settings_s(rounds: Rounds, way: str, batches: int, *, starts: bool) -> float:
    """Seconds of an evaluation of so many batches, by the mean of those that were tried.

    Args:
        rounds: in which the way was tried.
        way: of settings.
        batches: of the whole evaluation.
        starts: whether what it starts with counts; persistent workers start once.
    """
    tried = of_way(rounds, way)
    later = [ns / 1e9 for each in tried for ns in each.batches_ns[1:] or each.batches_ns]
    each_s = mean(later)
    start = 0.0
    if starts:
        start = mean(each.loader_ns / 1e9 + each.batches_ns[0] / 1e9 - each_s for each in tried)
    end = mean(each.aggregation_ns / 1e9 / len(each.batches_ns) for each in tried)
    return max(0.0, start) + batches * (each_s + end)


def of_way(rounds: Rounds, way: str) -> list[TriedEvaluation]:
    """Those tries of some rounds."""
    return [each for tried in rounds for each in tried if each.way == way]
