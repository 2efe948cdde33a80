"""By which metric a finished run chose its checkpoints, and which direction is better."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalskip.analysis.recognised import names_of_metrics
from evalskip.targets import direction

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.logs import FinishedRun

LOSS = "eval_loss"
_CLOSE = 1e-9


@dataclass(frozen=True)
class ChosenMetric:
    """A metric that judges checkpoints.

    ``by_run``: whether the log says that the run itself chose by it. ``is_sure``: whether its
    direction is known, rather than taken to be that of a loss.
    """

    name: str
    greater_is_better: bool
    by_run: bool
    is_sure: bool = True


def metric_of(run: FinishedRun, name: str | None = None) -> ChosenMetric | None:
    """The metric that judges a run's checkpoints.

    Args:
        run: that is over.
        name: of the metric that is asked for; None: that by which the run chose its best, or else
            the evaluation loss.

    Returns:
        None: the run has no such metric.
    """
    names = names_of_metrics(run)
    chosen = _chosen_by_run(run, names)
    if name is None:
        name = chosen.name if chosen else (LOSS if LOSS in names else _some_loss(names))
    if name is None or name not in names:
        return None
    if chosen and chosen.name == name:
        return chosen
    greater, is_sure = direction(name)
    return ChosenMetric(name, greater, by_run=False, is_sure=is_sure)


def _some_loss(names: Sequence[str]) -> str | None:
    return next((name for name in names if name.endswith("_loss")), None)


def _chosen_by_run(run: FinishedRun, names: Sequence[str]) -> ChosenMetric | None:
    """The metric whose value at the best step is the best value, as the log says both."""
    best = run.best
    if best is None or best.metric is None:
        return None
    for name in sorted(names, key=lambda each: each != LOSS):
        values = [(e.step, e.metrics[name]) for e in run.inside if name in e.metrics]
        finite = [value for _, value in values if math.isfinite(value)]
        if not finite:
            continue
        is_there = any(
            math.isclose(value, best.metric, rel_tol=_CLOSE) and best.step in (None, step)
            for step, value in values
        )
        most = math.isclose(max(finite), best.metric, rel_tol=_CLOSE)
        least = math.isclose(min(finite), best.metric, rel_tol=_CLOSE)
        if is_there and (most or least):
            greater = direction(name)[0] if most and least else most
            return ChosenMetric(name, greater, by_run=True)
    return None
