"""What a sparser look at a run that is over would have kept, from its own figures."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from evalskip.analysis.curves import LossCurve, replay
from evalskip.analysis.metrics import metric_of
from evalskip.analysis.run_times import whole_steps
from evalskip.notes import note
from evalskip.summary import Missed, SkippedEvaluations

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.analysis.metrics import ChosenMetric
    from evalskip.logs import FinishedRun
    from evalskip.notes import Note

FEWEST = 5
"""Evaluations below which a curve says nothing of what fewer would have shown."""
EVERY = (2, 3, 5, 10)
"""Evaluations of which one is looked at."""


def points_of(run: FinishedRun, metric: ChosenMetric) -> list[tuple[float, float]]:
    """Where training was and what the metric said, inside training; a place twice: the last."""
    points: dict[float, float] = {}
    for evaluation in run.inside:
        place = evaluation.place
        if place is not None and metric.name in evaluation.metrics:
            points[place] = evaluation.metrics[metric.name]
    return sorted(points.items())


def readings(values: Sequence[float], metric: ChosenMetric) -> list[float]:
    """The same so that less is better; what is no number is worse than all."""
    sign = -1.0 if metric.greater_is_better else 1.0
    return [sign * value if math.isfinite(value) else math.inf for value in values]


def curve_of(run: FinishedRun, metric: ChosenMetric) -> LossCurve | None:
    """The metric over steps, less being better; None: steps are not known.

    Steps of a log that has epochs alone follow from the steps of the whole training.
    """
    points = points_of(run, metric)
    if not points:
        return None
    total = whole_steps(run)
    scale = 1.0
    if not any(each.step is not None for each in run.inside):
        if total is None or not run.epoch:
            return None
        scale = total / run.epoch
    steps = tuple(round(place * scale) for place, _ in points)
    if len(set(steps)) < len(steps):
        return None
    loss = np.array(readings([value for _, value in points], metric))
    return LossCurve(seed=0, steps=steps, loss=loss, all_steps=max(total or 0, steps[-1]))


def missed(run: FinishedRun) -> Missed | None:
    """What sparser looks would have kept; None: too few evaluations, or none is a number."""
    metric = metric_of(run)
    if metric is None:
        return None
    points = points_of(run, metric)
    values = np.array(readings([value for _, value in points], metric))
    if len(points) < FEWEST or not np.isfinite(values).any():
        return None
    curve = LossCurve(0, tuple(range(len(points))), values, len(points))
    best = int(np.argmin(values))
    policies = [
        _policy(
            curve, points, note("every_n_evaluations", count=n), starts(curve, n), len(points) // n
        )
        for n in EVERY
        if n <= len(points) // 2
    ]
    # with the last alone, or none, the model is kept that training ends with
    policies.append(_policy(curve, points, note("final_only"), [[curve.last]], 1))
    return Missed(
        metric=metric.name,
        greater_is_better=metric.greater_is_better,
        chosen_by_run=metric.by_run,
        best_place=points[best][0],
        by_epoch=all(each.step is None for each in run.inside),
        policies=policies,
    )


def starts(curve: LossCurve, every: int) -> list[list[int]]:
    """One look in every so many, begun at each of the first, and the last one with it."""
    return [sorted({*range(begin, len(curve.steps), every), curve.last}) for begin in range(every)]


def _policy(
    curve: LossCurve,
    points: Sequence[tuple[float, float]],
    policy: Note,
    looks: Sequence[Sequence[int]],
    count: int,
) -> SkippedEvaluations:
    kept = [replay(curve, places).kept_at for places in looks]
    return SkippedEvaluations(
        policy=policy,
        evaluations=count,
        kept_place=points[kept[-1]][0],
        regret=float(np.mean([curve.loss[place] - curve.loss.min() for place in kept])),
    )
