"""When a run that is over stopped by its evaluations, and what fewer would have made of it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from evalskip.analysis.metrics import ChosenMetric, metric_of
from evalskip.analysis.past import curve_of
from evalskip.analysis.run_times import begins_late, whole_steps
from evalskip.analysis.stopping import (
    StoppedRun,
    Stretch,
    Work,
    reached_step,
    spacing_of,
    sparser,
    with_spacing,
)
from evalskip.notes import note
from evalskip.summary import StopCondition, Stopping

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.analysis.curves import LossCurve
    from evalskip.analysis.run_times import RunTimes
    from evalskip.logs import Evaluation, FinishedRun
    from evalskip.notes import Note
    from evalskip.targets import Target


@dataclass(frozen=True)
class Watched:
    """What ends such training: a metric over steps, and its target, of which less is better."""

    metric: ChosenMetric
    curve: LossCurve
    target: float | None


def watched_in(run: FinishedRun, target: Target | None) -> Watched | Note:
    """The metric of a target in a run, or that by which it chose its best; or why there is none."""
    metric = metric_of(run, target.metric if target else None)
    if metric is None:
        return note("stop_metric_missing")
    if target is not None:
        metric = ChosenMetric(metric.name, target.greater_is_better, by_run=False)
    curve = curve_of(run, metric)
    if curve is None:
        return note("stop_steps_unknown")
    sign = -1.0 if metric.greater_is_better else 1.0
    return Watched(metric, curve, None if target is None else sign * target.value)


def stopping_of_run(
    run: FinishedRun,
    times: RunTimes,
    groups: Sequence[Sequence[Evaluation]],
    target: Target | None,
) -> Stopping | None:
    """How a run stopped, or would have; None: it trained all its steps, whatever evaluations said.

    Args:
        run: as its logs tell it.
        times: that it took.
        groups: its evaluations inside training, those at one step together.
        target: at which such training stops; None: by its own patience, if the log says it.
    """
    if target is None and run.patience is None:
        return None
    condition = StopCondition(patience=run.patience)
    if target is not None:
        condition = StopCondition(metric=target.metric, target=target.value)
    stopping = Stopping(condition=condition)
    watched = watched_in(run, target)
    if not isinstance(watched, Watched):
        return stopping.model_copy(update={"why_none": watched})
    reached = reached_step(watched.curve, watched.target, run.patience_threshold)
    own_every = spacing_of([0, *watched.curve.steps])
    stopping = stopping.model_copy(update={"reached_step": reached, "own_every": own_every})
    if reached is None:
        why = "target_never_met" if target is not None else "stop_metric_missing"
        return stopping.model_copy(update={"why_none": note(why)})
    costs = _costs(run, times, groups)
    if costs is None:
        return stopping.model_copy(update={"why_none": note("stop_costs_unknown")})
    return _told(stopping, run, watched, costs, groups)


def _costs(
    run: FinishedRun, times: RunTimes, groups: Sequence[Sequence[Evaluation]]
) -> tuple[float, float] | None:
    """Seconds of a step and of an evaluation; None: the log does not say."""
    steps = whole_steps(run)
    if not (steps and groups and times.training_s) or times.evaluation_s is None:
        return None
    if times.share_unknown or begins_late(run):
        return None
    return (times.training_s - times.evaluation_s) / steps, times.evaluation_s / len(groups)


def _told(
    stopping: Stopping,
    run: FinishedRun,
    watched: Watched,
    costs: tuple[float, float],
    groups: Sequence[Sequence[Evaluation]],
) -> Stopping:
    """Replays of the run, and the spacing that would have cost least."""
    step_s, evaluation_s = costs
    curve = watched.curve
    patience = stopping.condition.patience
    seconds = [sum(each.seconds or 0.0 for each in group) for group in groups]
    if len(seconds) != len(curve.steps):
        seconds = [evaluation_s] * len(curve.steps)
    stopped = StoppedRun(
        stretches=[
            Stretch((after - before) * step_s, evaluation)
            for (before, after), evaluation in zip(
                pairwise((0, *curve.steps)), seconds, strict=True
            )
        ],
        readings=[float(reading) for reading in curve.loss],
        target=watched.target,
        patience=patience,
        threshold=run.patience_threshold,
    )
    _, _, trained_on = stopped.seconds(1, 0)
    if trained_on:
        return stopping.model_copy(update={"why_none": note("patience_never_ended")})
    return with_spacing(
        stopping.model_copy(update={"sparser": list(sparser(stopped))}),
        Work(stopping.reached_step or 0.0, note("work_of_run")),
        step_s=step_s,
        evaluation_s=evaluation_s,
        planned_steps=run.planned_steps,
    )
