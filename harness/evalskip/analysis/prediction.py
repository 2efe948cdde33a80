"""What any schedule would cost, from a cost model.

The page computes the same of other sizes, from the same coefficients (``what_if.js``).

An interval is for a run to come. Four things make it: how little the pilot saw of steps and of
evaluations, by how much evaluation differs against steps from one run to another and from one
evaluation to another, how sure the after-effect is, and, for T, by how much runs differ in pace.
All but the first are moderated by what was seen of other jobs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scipy import special

from evalskip.analysis.costs import (
    PRIOR_DF_EVALUATION,
    PRIOR_DF_PACE,
    PRIOR_SD_EVALUATION,
    PRIOR_SD_PACE,
    fit,
)
from evalskip.analysis.levels import shrunk_variance
from evalskip.analysis.parts import parts_of
from evalskip.summary import CostModel, Interval, JobSize, PieceCosts, Prediction

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from evalskip.analysis.costs import JobCounts
    from evalskip.analysis.parts import PilotPart, PilotRun
    from evalskip.notes import Note


@dataclass(frozen=True)
class Workload:
    """How much of each piece a job under a schedule has."""

    steps: float
    micro_batches: float
    tokens: float
    evaluations: int
    with_next_step: int
    """Evaluations that a step comes after."""
    batches: int
    """Of one evaluation."""
    evaluation_samples: int
    evaluation_tokens: float
    """Of one evaluation."""


def workload(size: JobSize, evaluations: int, with_next_step: int) -> Workload:
    """How much a job has of each piece.

    Args:
        size: of the job.
        evaluations: in all.
        with_next_step: of them, those that a step comes after.
    """
    if size.train_samples is None:
        micro_batches = float(size.steps * size.accumulation)
        samples = micro_batches * size.train_batch
    else:
        full_batches = size.train_samples // size.train_batch
        each = full_batches if size.drop_last else math.ceil(size.train_samples / size.train_batch)
        micro_batches = size.epochs * each
        samples = size.epochs * (
            full_batches * size.train_batch if size.drop_last else size.train_samples
        )
    evaluated = sum(size.evaluation_sets)
    return Workload(
        steps=size.steps,
        micro_batches=micro_batches,
        tokens=samples * size.train_tokens_per_sample,
        evaluations=evaluations,
        with_next_step=with_next_step,
        batches=sum(math.ceil(n / size.evaluation_batch) for n in size.evaluation_sets),
        evaluation_samples=evaluated,
        evaluation_tokens=evaluated * size.evaluation_tokens_per_sample,
    )


def total_seconds(costs: PieceCosts, workload: Workload) -> tuple[float, float]:
    """T, and of it what evaluation takes, in seconds."""
    trained = (
        costs.fixed_s
        + workload.steps * (costs.step_s + costs.save_log_s)
        + workload.micro_batches * costs.micro_batch_s
        + workload.tokens * costs.token_s
    )
    if not workload.evaluations:
        return trained, 0.0
    each = (
        costs.loader_s
        + workload.batches * costs.batch_s
        + workload.evaluation_tokens * costs.evaluation_token_s
        + workload.evaluation_samples * costs.gathered_sample_s
    )
    evaluated = workload.evaluations * each + costs.first_evaluation_s
    beside = (
        workload.evaluations * costs.evaluation_log_s
        + workload.with_next_step * costs.after_effect_s
    )
    return trained + evaluated + beside, evaluated


def cost_model(
    runs: Sequence[PilotRun],
    evaluation: str,
    size: JobSize,
    *,
    window: int,
    notes: Sequence[Note | str],
    jobs: JobCounts,
    level: float = 0.95,
    operations_ratio: float | None = None,
    unseen: float = 0.0,
    widening: float = 1.0,
) -> CostModel:
    """Fit what each piece costs, and by how much that may be wrong.

    Args:
        runs: the processes of a pilot.
        evaluation: as its runs name it.
        size: of the whole job.
        window: steps after an evaluation that may bear its after-effect.
        notes: which evaluation it is: its samples, and settings.
        jobs: what the whole job does beside training and evaluating.
        level: of intervals.
        operations_ratio: see :class:`CostModel`.
        unseen: the variance of log evaluation time in steps that is there because not all batches
            of the job were looked at.
        widening: factor on all half-widths, where others disturbed the pilot.
    """
    return model_of_parts(
        parts_of(runs, window),
        evaluation,
        size,
        processes=len(runs),
        gathers=any(run.full_run.gathers for run in runs if run.evaluation == evaluation),
        notes=notes,
        jobs=jobs,
        level=level,
        operations_ratio=operations_ratio,
        unseen=unseen,
        widening=widening,
    )


def model_of_parts(
    parts: Sequence[PilotPart],
    evaluation: str,
    size: JobSize,
    *,
    processes: int,
    gathers: bool = False,
    notes: Sequence[Note | str] = (),
    jobs: JobCounts,
    level: float = 0.95,
    operations_ratio: float | None = None,
    unseen: float = 0.0,
    widening: float = 1.0,
) -> CostModel:
    """The same from a pilot that is cut into parts already.

    Args:
        parts: of all processes.
        evaluation: as its parts name it.
        size: see :func:`cost_model`, as all that follows.
        processes: that the parts are of.
        gathers: whether what ends an evaluation grows with its samples.
        notes: see :func:`cost_model`.
        jobs: the same.
        level: the same.
        operations_ratio: the same.
        unseen: the same.
        widening: the same.
    """
    estimates = fit(parts, evaluation, gathers=gathers, jobs=jobs)
    tail = (1 + level) / 2
    evaluated = max(1, len(estimates.evaluation_paces))  # those that evaluated so
    of_evaluation, evaluation_degrees = shrunk_variance(
        estimates.evaluation_paces, PRIOR_SD_EVALUATION, PRIOR_DF_EVALUATION
    )
    of_pace, pace_degrees = shrunk_variance(estimates.paces, PRIOR_SD_PACE, PRIOR_DF_PACE)
    quantile, pace_quantile, after_effect_quantile = (
        float(special.stdtrit(degrees, tail))
        for degrees in (evaluation_degrees, pace_degrees, estimates.after_effect_degrees)
    )
    return CostModel(
        evaluation=list(notes),
        size=size,
        costs=estimates.costs,
        level=level,
        sampled_half_width=widening
        * math.hypot(quantile * math.sqrt(estimates.step_variance), estimates.events.sampled(tail)),
        evaluation_half_width=widening
        * quantile
        # of the run to come, and of the pilot's own
        * math.sqrt(of_evaluation * (1 + 1 / evaluated) + unseen),
        event_half_width=widening * estimates.events.single(tail, workload(size, 1, 0).batches),
        pace_half_width=widening * pace_quantile * math.sqrt(of_pace * (1 + 1 / processes)),
        after_effect_half_width_s=widening * after_effect_quantile * estimates.after_effect_error_s,
        operations_ratio=operations_ratio,
    )


def predict(
    model: CostModel,
    work: Workload,
    *,
    arm: str,
    schedule: Note,
    evaluation_samples: int | None,
    evaluation: Sequence[Note | str] = (),
) -> Prediction:
    """What a schedule would cost.

    Args:
        model: of the job.
        work: how much of each piece it has under the schedule.
        arm: names it.
        schedule: of the arm.
        evaluation_samples: of the arm; None: the job's own.
        evaluation: its samples and settings, where the arm has settings of its own.
    """
    wall, evaluated = total_seconds(model.costs, work)
    base, _ = total_seconds(model.costs, workload(model.size, 0, 0))
    rest = wall - evaluated
    half_width = math.hypot(
        model.sampled_half_width,
        model.evaluation_half_width,
        model.event_half_width / math.sqrt(max(1, work.evaluations)),
    )
    more = work.with_next_step * model.after_effect_half_width_s
    # on a log scale, where errors add: T moves with evaluation as far as evaluation is of T
    of_wall = math.hypot(evaluated / wall * half_width, math.log1p(more / wall))

    def interval(estimate: float, error: float, back: Callable[[float], float]) -> Interval:
        low, high = back(estimate - error), back(estimate + error)
        return Interval(estimate=back(estimate), low=low, high=high, level=model.level)

    share = gain = Interval(estimate=0.0, low=0.0, high=0.0, level=model.level)
    if evaluated > 0:
        of_odds = math.hypot(half_width, math.log1p(more / rest))
        share = interval(math.log(evaluated / rest), of_odds, lambda x: 1 / (1 + math.exp(-x)))
        # what evaluates takes no less time than what does not
        gain = interval(math.log(wall / base), of_wall, lambda x: max(0.0, math.expm1(x)))
    return Prediction(
        arm=arm,
        schedule=schedule,
        evaluation=list(evaluation),
        evaluation_samples=evaluation_samples,
        evaluations=work.evaluations,
        evaluation_load=work.evaluations * work.evaluation_tokens / work.tokens
        if work.tokens
        else 0.0,
        wall_s=interval(math.log(wall), math.hypot(of_wall, model.pace_half_width), math.exp),
        share=share,
        throughput_gain=gain,
    )
