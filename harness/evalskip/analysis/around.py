"""How long steps take before and after an evaluation: where an after-effect shows, step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evalskip.summary import StepAround

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.analysis.pieces import Floats, Pieces


def around_evaluation(on: Pieces, offs: Sequence[Pieces], window: int) -> list[StepAround]:
    """Steps at each distance from an evaluation, against the same steps of runs without one.

    The same steps, since samples differ in length; each run in units of its own median step, which
    cancels what slows it as a whole.

    Args:
        on: the runs of an arm that evaluates.
        offs: those of the arms that do not.
        window: so many steps after an evaluation are told of, and before it at most as many.

    Returns:
        Nothing where no evaluation has both steps before it and steps after.
    """
    count = on.steps.shape[1]
    inside = [step for step in on.evaluated_after if 0 < step < count]
    same = [off for off in offs if off.steps.shape[1] == count]
    if not inside or not same or not window or on.weights is not None:
        return []
    undisturbed = np.median(np.concatenate([_in_own_units(off.steps) for off in same]), axis=0)
    ratios = _in_own_units(on.steps) / undisturbed
    # a step that stands between two evaluations is told of once, as what follows the first
    since = {
        step: step - max((e for e in inside if e <= step), default=-count) for step in range(count)
    }
    steps_around = []
    for offset in range(-window, window):
        columns = [
            step + offset
            for step in inside
            if 0 <= step + offset < count
            and (since[step + offset] == offset if offset >= 0 else since[step + offset] >= window)
        ]
        if columns:
            lower, ratio, upper = np.quantile(ratios[:, columns], (0.25, 0.5, 0.75))
            steps_around.append(
                StepAround(
                    offset=offset, ratio=float(ratio), lower=float(lower), upper=float(upper)
                )
            )
    return steps_around


def _in_own_units(steps: Floats) -> Floats:
    units: Floats = steps / np.median(steps, axis=1, keepdims=True)
    return units
