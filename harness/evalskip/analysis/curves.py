"""A run's losses over its training, and what a sparser look at them would have shown.

Nothing is trained again: a schedule sees some of the points of a curve, keeps the checkpoint that
is best among those, and stops where patience ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalskip.summary import LossPoint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.analysis.pieces import Floats


@dataclass(frozen=True)
class LossCurve:
    """One densely evaluated run. Losses are in nats per token, means over samples.

    ``steps`` are those after which it was evaluated, ``loss`` what the evaluation said then. Of a
    run of ours, sample by sample and of shape (points, samples): ``test`` is the loss of those that
    choose nothing, which all seeds share, ``samples`` that of the evaluated ones, ``holdout`` that
    of the training samples that were held back, set number ``held``; and ``train`` is the mean
    training loss of the epoch before each point.
    """

    seed: int
    steps: tuple[int, ...]
    loss: Floats
    all_steps: int
    test: Floats | None = None
    samples: Floats | None = None
    holdout: Floats | None = None
    train: Floats | None = None
    holdout_set: int = 0

    def places(self, evaluated_after: Sequence[int]) -> list[int]:
        """Which of its points a schedule sees.

        Raises:
            KeyError: it was not evaluated there.
        """
        place = {step: number for number, step in enumerate(self.steps)}
        return [place[step] for step in evaluated_after]

    @property
    def last(self) -> int:
        """The point that stands for the end of training."""
        return len(self.steps) - 1


@dataclass(frozen=True)
class Replay:
    """What one schedule would have made of a curve; points are numbered from 0.

    ``stopped_at`` is the point at which patience ended, ``noticed_at`` that at which overfitting
    showed.
    """

    kept_at: int
    stopped_at: int | None
    noticed_at: int | None
    evaluations: int


def replay(
    curve: LossCurve,
    places: Sequence[int],
    *,
    patience: int | None = None,
    margin: float = 0.0,
    signal: Floats | None = None,
) -> Replay:
    """See the curve at some of its points only.

    As ``load_best_model_at_end`` and ``EarlyStoppingCallback`` do it: the first of equals is kept,
    and an evaluation that is no better than the best uses up patience. A schedule that never looks
    keeps what training ends with.

    Args:
        curve: of one run.
        places: the points that are seen, in order.
        patience: evaluations without a new best after which training stops; None: it does not.
        margin: by how much two evaluations in a row must lie above the best to be noticed.
        signal: what is looked at, per point, in place of the curve's loss.
    """
    readings = curve.loss if signal is None else signal
    best: int | None = None
    stopped_at = noticed_at = above = None
    waited = used = 0
    for place in places:
        used += 1
        value = readings[place]
        if best is None or value < readings[best]:
            best, waited, above = place, 0, None
            continue
        waited += 1
        if value > readings[best] + margin:
            noticed_at = above if noticed_at is None and above is not None else noticed_at
            above = place
        else:
            above = None
        if patience is not None and waited >= patience:
            stopped_at = place
            break
    return Replay(curve.last if best is None else best, stopped_at, noticed_at, used)


def overfits(loss: Floats, margin: float) -> bool:
    """Whether two points in a row after the best lie above it by a margin, in nats."""
    above = loss[int(np.argmin(loss)) + 1 :] > loss.min() + margin
    return bool((above[:-1] & above[1:]).any())


def ranks_alike(one: Floats, other: Floats) -> float:
    """Spearman's rank correlation; 0 where either does not vary."""
    from scipy import stats

    if len(one) < 3 or not np.ptp(one) or not np.ptp(other):
        return 0.0
    return float(stats.spearmanr(one, other).statistic)


def mean_curve(curves: Sequence[LossCurve]) -> list[LossPoint]:
    """What all seeds went through, point by point.

    Args:
        curves: one per seed, all evaluated after the same steps.
    """
    losses = np.array([curve.loss for curve in curves])
    trains = [curve.train for curve in curves if curve.train is not None]
    training = np.array(trains).mean(axis=0) if len(trains) == len(curves) else None
    return [
        LossPoint(
            step=step,
            evaluation=float(losses[:, place].mean()),
            evaluation_least=float(losses[:, place].min()),
            evaluation_most=float(losses[:, place].max()),
            training=None
            if training is None or not np.isfinite(training[place])
            else float(training[place]),
        )
        for place, step in enumerate(curves[0].steps)
    ]
