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

    from evalskip.probe.surveyed import TriedEvaluation

    Rounds = Sequence[Sequence[TriedEvaluation]]
    Shapes = Sequence[tuple[int, int]]

OWN_BATCHES, OWN_SETTINGS = "", "own"
"""The job's own way, tried on batches of all lengths, and on samples like its own."""
_SEVERAL = 3
"""Batches of a try of which the first can be told apart."""
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


def ratio_of(rounds: Rounds, taken: Callable[[Rounds], tuple[float, float]]) -> CostRatio:
    """A ratio, and by how much rounds differ in it: by the jackknife over rounds.

    Args:
        rounds: in which evaluations were tried.
        taken: of some rounds, what evaluations take, and what those take that they are held to.
    """

    def log_ratio(rounds: Rounds) -> float:
        one, other = taken(rounds)
        return math.log(max(one, 1e-9) / max(other, 1e-9))

    count = len(rounds)
    whole = log_ratio(rounds)
    variance = 0.0
    if count > 1:
        others = np.array([log_ratio([*rounds[:n], *rounds[n + 1 :]]) for n in range(count)])
        variance = float((count - 1) / count * ((others - others.mean()) ** 2).sum())
    return CostRatio(
        math.exp(whole), math.sqrt(variance + _PRIOR_SD**2), _PRIOR_DF + max(0, count - 1)
    )


def batches_s(rounds: Rounds, way: str, shapes: Shapes, *, starts: bool = True) -> float:
    """Seconds of an evaluation of batches of these shapes, evaluated in a way.

    What a batch takes grows with its tokens, by least squares over those that were tried. What the
    first one takes beyond that, which may find no memory at hand, comes once, and so do the start
    and the end of the loader, which others wait for in the first batch and in the last.

    Args:
        rounds: in which the way was tried.
        way: of batches.
        shapes: samples and tokens of each batch.
        starts: whether the loader starts and ends; persistent workers do once.
    """
    loads = _load_of_sample(rounds)
    firsts, others = list[tuple[float, float]](), list[tuple[float, float]]()
    once = list[float]()
    for each in of_way(rounds, way):
        waits = loader_s(each, loads)
        pieces = [
            (ns / 1e9 - waits.get(number, 0.0), float(tokens))
            for number, (ns, (_, tokens)) in enumerate(
                zip(each.batches_ns, each.shapes, strict=True)
            )
        ]
        told_apart = len(pieces) >= _SEVERAL
        firsts += pieces[:1] if told_apart else []
        others += pieces[1:] if told_apart else pieces
        own = (each.loader_ns + each.aggregation_ns) / 1e9
        once.append(own + (sum(waits.values()) if starts else 0.0))
    times, features = np.array([s for s, _ in others]), np.array([[1.0, t] for _, t in others])
    costs = non_negative(times, features)
    # the fit tells what grows with what; together they take what was taken
    costs = costs * times.sum() / float((features @ costs).sum())
    beyond = mean(seconds - costs[0] - costs[1] * tokens for seconds, tokens in firsts)
    each_s = sum(costs[0] + costs[1] * tokens for _, tokens in shapes)
    return float(each_s) + max(0.0, beyond) + mean(once)


def loader_s(tried: TriedEvaluation, load_of_sample: float) -> dict[int, float]:
    """What the loader's start adds to the first batch, and its end to the last, in seconds."""
    last = len(tried.loads_ns) - 1
    return {
        number: max(0.0, tried.loads_ns[number] / 1e9 - load_of_sample * tried.shapes[number][0])
        for number in {0, last}
    }


def _load_of_sample(rounds: Rounds) -> float:
    """What waiting for the loader takes per sample, between the first batch and the last."""
    loads = [
        ns / 1e9 / max(1, samples)
        for tried in rounds
        for each in tried
        for ns, (samples, _) in list(zip(each.loads_ns, each.shapes, strict=True))[1:-1]
    ]
    return float(np.median(loads)) if loads else 0.0


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
