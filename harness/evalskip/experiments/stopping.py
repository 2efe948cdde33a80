"""When a training would stop by its evaluations, from what the user says or earlier runs did."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from evalskip.analysis.prediction import total_seconds, workload
from evalskip.analysis.stopped import Watched, watched_in
from evalskip.analysis.stopping import Work, reached_step, with_spacing, work_of_runs, work_unknown
from evalskip.errors import InputError
from evalskip.logs import read_runs
from evalskip.notes import note
from evalskip.summary import StopCondition, Stopping

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from evalskip.analysis.curves import LossCurve
    from evalskip.summary import CostModel
    from evalskip.targets import Target


@dataclass(frozen=True)
class StopQuestion:
    """What a user says of when training stops.

    Args:
        target: at which it does; None: by patience, if the job has any.
        expected_steps: after which such runs reached it, or their best; None: not said.
        past: logs of such runs.
    """

    target: Target | None = None
    expected_steps: int | None = None
    past: Sequence[Path] = ()

    def earlier_runs(self) -> EarlierRuns | None:
        """What the logs say; None: there are none.

        Raises:
            InputError: no run among them reached the target, or had a metric to choose by.
        """
        if not self.past:
            return None
        reading = read_runs(self.past)
        if reading.unread:
            raise InputError(f"--past: {reading.unread[0]}")
        by_metric: dict[str, EarlierRuns] = {}
        for run in reading.runs:
            watched = watched_in(run, self.target)
            if not isinstance(watched, Watched):
                continue
            reached = reached_step(watched.curve, watched.target, run.patience_threshold)
            if reached is not None:
                name = watched.metric.name
                earlier = by_metric.setdefault(name, EarlierRuns(name))
                earlier.reached.append(reached)
                earlier.curves.append(watched.curve)
        if not by_metric:
            named = ", ".join(map(str, self.past))
            what = f"reached {self.target.metric} {self.target.value:g}" if self.target else "has"
            raise InputError(
                f"--past: {named}: no run {what}"
                + ("" if self.target else " evaluations to choose the best by")
                + "; expected logs of runs like this one"
            )
        # what is regretted is told in the units of one metric
        return max(by_metric.values(), key=lambda each: len(each.reached))


TRAINS_ALL = StopQuestion()
"""Nothing is said: only the job's own patience may stop it."""


@dataclass
class EarlierRuns:
    """When runs that are over could have ended, and the curves of their metric."""

    metric: str
    reached: list[float] = field(default_factory=list)
    curves: list[LossCurve] = field(default_factory=list)


def stopping_of(
    stops: StopQuestion,
    earlier: EarlierRuns | None,
    patience: int | None,
    model: CostModel,
    own_every: float | None,
) -> Stopping:
    """When a job stops, and how often it should evaluate until then.

    Args:
        stops: what its user says; a target goes before the job's patience.
        earlier: what earlier runs say; None: there are none.
        patience: of the job.
        model: what its steps and evaluations cost.
        own_every: steps between its evaluations; None: uneven.
    """
    if stops.target is not None:
        patience = None
        condition = StopCondition(metric=stops.target.metric, target=stops.target.value)
    else:
        condition = StopCondition(patience=patience)
    steps = model.size.steps
    work = work_of_runs(earlier.reached) if earlier else None
    if stops.expected_steps is not None:
        work = Work(stops.expected_steps, note("work_of_user"))
    step_s, evaluation_s = _costs(model)
    return with_spacing(
        Stopping(condition=condition, own_every=own_every),
        work or work_unknown(steps),
        step_s=step_s,
        evaluation_s=evaluation_s,
        planned_steps=steps,
        curves=earlier.curves if earlier else (),
        metric=earlier.metric if earlier else None,
    )


def _costs(model: CostModel) -> tuple[float, float]:
    """Seconds of a step, and of an evaluation that is not a run's first."""
    without, one, two = (
        total_seconds(model.costs, workload(model.size, count, count))[0] for count in (0, 1, 2)
    )
    return (without - model.costs.fixed_s) / model.size.steps, two - one
