"""From what a densely evaluated run measured to its curve."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evalskip.analysis.curves import LossCurve
from evalskip.errors import MeasurementError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalskip.analysis.pieces import Floats
    from evalskip.probe.measured import Curve
    from evalskip.records import Steps


def curve_from(measured: Steps, seed: int, holdout_set: int, per_epoch: int) -> LossCurve:
    """The curve of a densely evaluated run.

    Args:
        measured: by the run step by step, its curve among it.
        seed: of the run.
        holdout_set: which set of training samples it held back.
        per_epoch: steps.
    """
    curve = curve_of(measured)
    points, steps = curve.points, tuple(point.step for point in curve.points)
    return LossCurve(
        seed=seed,
        steps=steps,
        loss=np.array([point.loss for point in points]),
        all_steps=len(measured.timeline.steps_ns),
        test=np.array([point.test for point in points]),
        samples=np.array([point.samples for point in points]),
        holdout=np.array([point.holdout for point in points]),
        train=_of_the_epoch(steps, dict(curve.train_losses), per_epoch),
        holdout_set=holdout_set,
    )


def curve_of(measured: Steps) -> Curve:
    """What a run of which losses were kept says of them.

    Raises:
        MeasurementError: it says nothing.
    """
    if measured.curve is None:
        raise MeasurementError("a run told no curve; expected one of a job whose losses are kept")
    return measured.curve


def _of_the_epoch(steps: Sequence[int], losses: Mapping[int, float], per_epoch: int) -> Floats:
    """Per point, the mean of what was logged in the epoch before it."""
    means = []
    for step in steps:
        own = [loss for at, loss in losses.items() if step - per_epoch < at <= step]
        means.append(float(np.mean(own)) if own else float("nan"))
    return np.array(means)
