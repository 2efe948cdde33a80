"""What sparser evaluation would have missed of a run that is long over, from its log."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from evalskip.analysis.curves import mean_curve, overfits
from evalskip.analysis.identity import made_now
from evalskip.analysis.intervals import mean_interval
from evalskip.analysis.metrics import metric_of
from evalskip.analysis.past import EVERY, FEWEST, curve_of, points_of, starts
from evalskip.analysis.policies import CheckpointPolicy
from evalskip.analysis.recognised import names_of_metrics
from evalskip.analysis.regret import ReplayCosts, of_others, recommended, regrets_of
from evalskip.analysis.run_times import how_far, times_of
from evalskip.errors import InputError
from evalskip.logs import read_file, read_runs
from evalskip.notes import Note, note
from evalskip.results import fresh_directory
from evalskip.schedules import FinalOnly, Off
from evalskip.summary import Effort, LossPoint, RegretSummary, Scope, Summary, write_sections

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from evalskip.analysis.curves import LossCurve
    from evalskip.analysis.metrics import ChosenMetric
    from evalskip.logs import FinishedRun
    from evalskip.spec.regret import RegretDesign

_LEVEL = 0.95


@dataclass(frozen=True)
class PastRun:
    """A curve of which less is better, what an evaluation took, and what was odd about the log.

    ``share`` is what evaluations took of the run's time; None: the log does not say.
    """

    curve: LossCurve
    metric: ChosenMetric
    share: float | None
    warnings: list[Note] = field(default_factory=list)


def read_past(path: Path, metric: str | None = None) -> PastRun:
    """Read a finished run, from a log of any format or the folder that holds its logs.

    Args:
        path: of the log, or of a folder.
        metric: that chooses checkpoints; None: that by which the run itself chose, or else the
            evaluation loss.

    Raises:
        InputError: it is no such log, holds no evaluation with that metric, or too few.
    """
    warnings: list[Note] = []
    run = _the_run(path, warnings)
    warnings += run.warnings
    chosen = metric_of(run, metric)
    if chosen is None:
        names = ", ".join(sorted(names_of_metrics(run))) or "none"
        raise InputError(
            f"{path}: no evaluation with {metric or 'eval_loss'}; expected it among what it holds: "
            f"{names}"
        )
    points = points_of(run, chosen)
    if len(points) < FEWEST:
        raise InputError(
            f"{path}: {len(points)} evaluations say nothing of what fewer would have shown; "
            f"expected at least {FEWEST}"
        )
    curve = curve_of(run, chosen)
    if curve is None:
        raise InputError(
            f"{path}: the steps of evaluations are not known; expected them in the log"
        )
    if not np.isfinite(curve.loss).any():
        raise InputError(f"{path}: {chosen.name} is never a number; expected it once at least")
    return PastRun(curve, chosen, _share(run, warnings), _remarks(run, chosen, curve, warnings))


def _the_run(path: Path, warnings: list[Note]) -> FinishedRun:
    if path.is_dir():
        reading = read_runs([path])
        runs = reading.runs
        if not runs:
            reason = reading.unread[0] if reading.unread else f"{path}: no log of a training"
            raise InputError(f"{reason}; expected a run's logs")
        run = max(runs, key=lambda each: len(each.inside))
    else:
        runs = read_file(str(path))
        run = runs[-1]
    if len(runs) > 1:
        warnings.append(note("several_trainings", count=len(runs)))
    return run


def _remarks(
    run: FinishedRun, metric: ChosenMetric, curve: LossCurve, warnings: list[Note]
) -> list[Note]:
    """What to know of the log before its figures are relied on."""
    if not metric.is_sure:
        warnings.append(note("less_is_better", metric=metric.name))
    evaluated = [each for each in run.inside if metric.name in each.metrics]
    repeated = len(evaluated) - len(curve.steps)
    if repeated:
        warnings.append(note("evaluated_twice", count=repeated))
    if unfit := int((~np.isfinite(curve.loss)).sum()):
        warnings.append(note("no_number", metric=metric.name, count=unfit))
    if curve.steps[-1] < curve.all_steps:
        warnings.append(note("last_stands_for_end", step=curve.steps[-1], whole=curve.all_steps))
    return warnings + how_far(run)


def _share(run: FinishedRun, warnings: list[Note]) -> float | None:
    """Of the run's time, what its evaluations took; None, and why, where the log does not say."""
    times = times_of(run)
    if times.training_s is None or times.evaluation_s is None or times.share_unknown:
        warnings.append(times.share_unknown or note("times_unknown"))
        return None
    return times.evaluation_s / times.training_s


def past_summary(
    path: Path, metric: str | None, design: RegretDesign, within_share: float, out: Path | None
) -> Summary:
    """A past run's regret as a result of its own; written where a directory is given.

    Args:
        path: see :func:`read_past`.
        metric: the same.
        design: of margins and patience.
        within_share: see :func:`past_regret`.
        out: a directory for ``summary.json``; None: nothing is written.

    Raises:
        InputError: see :func:`read_past`.
    """
    past = read_past(path, metric)
    section = past_regret(past, design, within_share)
    summary = Summary(
        name=path.stem,
        made=made_now(None, {}),
        scope=Scope(job=note("past_run"), model=path.name, parameters=0, device=note("own_device")),
        regret=section,
    )
    if out is not None:
        with fresh_directory(out):
            summary = write_sections(out, summary)
    return summary


def past_regret(past: PastRun, design: RegretDesign, within_share: float) -> RegretSummary:
    """What looking at every second evaluation, every third, and so on, would have missed.

    Args:
        past: the run.
        design: of margins and patience.
        within_share: of T, what evaluations may take, for the recommendation.
    """
    curve, count = past.curve, len(past.curve.steps)
    policies = [
        CheckpointPolicy(
            f"every:{n}",
            "schedule",
            note("every_n_evaluations", count=n) if n > 1 else note("every_evaluation"),
            _each(n),
            shifts=_shifted(n),
        )
        for n in (1, *EVERY)
        if n <= count // 2 or n == 1
    ]
    policies.append(
        CheckpointPolicy("final_only", "schedule", FinalOnly().note, lambda c: [c.last])
    )
    policies.append(CheckpointPolicy("off", "schedule", Off().note, lambda _: []))
    costs = None
    if past.share is not None:  # spread evenly over the evaluations
        costs = [
            ReplayCosts(
                step_s=(1 - past.share) / curve.all_steps,
                loader_s=past.share / count,
                batch_s=0.0,
                batch=1,
                evaluation_samples=1,
            )
        ]
    regrets = regrets_of(
        policies,
        [curve],
        costs,
        margin=design.margin,
        patience=design.patience,
        level=_LEVEL,
        level_of_verdict=_LEVEL,
        limit=design.regret,
    )
    chosen = recommended(regrets, within_share, design.regret)
    best = int(np.argmin(curve.loss))
    if chosen and chosen.name == "off":
        advice = note("skip_within_metric", regret=design.regret, others=of_others(chosen))
    elif chosen:
        advice = note(
            "within_metric",
            share=within_share,
            regret=design.regret,
            chosen=chosen.policy,
            others=of_others(chosen),
        )
    elif costs:
        advice = note(
            "none_within_metric",
            share=within_share,
            regret=design.regret,
        )
    else:
        advice = note("evaluation_time_unknown")
    return RegretSummary(
        seeds=1,
        points=count,
        steps=curve.all_steps,
        level=_LEVEL,
        level_of_verdict=_LEVEL,
        margin=design.margin,
        patience=design.patience,
        dense_overfits=int(overfits(curve.loss, design.margin)),
        best_step=float(curve.steps[best]),
        metric=past.metric.name,
        greater_is_better=past.metric.greater_is_better,
        loss_curve=_as_logged(mean_curve([curve]), past.metric),
        last_rise=mean_interval([float(curve.loss[-1] - curve.loss.min())], _LEVEL),
        proven=0,
        not_proven=[],
        policies=regrets,
        within_share=within_share,
        within_regret=design.regret,
        recommended=chosen.name if chosen else None,
        advice=advice,
        effort=Effort(runs=0, seconds=0.0, stopped=note("read_from_log")),
        warnings=past.warnings,
    )


def _as_logged(points: list[LossPoint], metric: ChosenMetric) -> list[LossPoint]:
    """The curve with the metric's own sign, what is no number left out."""
    sign = -1.0 if metric.greater_is_better else 1.0
    return [
        LossPoint(
            step=point.step,
            evaluation=sign * point.evaluation,
            evaluation_least=sign * point.evaluation,
            evaluation_most=sign * point.evaluation,
        )
        for point in points
        if np.isfinite(point.evaluation)
    ]


def _each(n: int) -> Callable[[LossCurve], Sequence[int]]:
    return lambda curve: range(n - 1, len(curve.steps), n)


def _shifted(n: int) -> Callable[[LossCurve], Sequence[Sequence[int]]]:
    return lambda curve: starts(curve, n)
