"""A slice of a job that is too long to be run whole, and how the whole is told from it.

A slice trains the job's first steps and evaluates a part of its evaluation samples, in two places
where the whole evaluates more often than once. Every piece that it measures then stands for as many
of the whole job's as there are of its kind: a *weight*. Steps right after an evaluation stand for
such steps, the first evaluation for the first alone, and what happens once stands for itself.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from evalskip.cut import cut, times
from evalskip.probe.layout import layout
from evalskip.probe.measured import EvaluationSet

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from evalskip.cut import RunPieces
    from evalskip.probe.measured import Evaluation, FullRun, Timeline, Training

# the first steps of a run can be many times slower than all that follow
_WARM_UP = 4


def fewest_steps(window: int) -> int:
    """So that both windows after evaluations, the warm-up and steps beside them have room."""
    return 3 * (window + _WARM_UP)


class Pilot(BaseModel):
    """A slice that is made to tell what each piece costs, and stands for itself."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    most: float = Field(
        default=1.0,
        gt=0,
        le=1,
        description="of the job's steps, the share that all processes of the pilot may train",
    )
    reserved: int = Field(default=0, ge=0, description="of that, for other processes")
    survey_s: float = Field(
        default=0.0,
        ge=0,
        description="for so long, after T, it looks at the batches of the whole job",
    )
    evaluations: int = Field(
        default=0, ge=0, description="the fewest, where there is time: some follow each other"
    )
    alone: int = Field(
        default=0, ge=0, description="the same of a process that leaves no steps for another"
    )
    repeats_s: float = Field(
        default=0.0, ge=0, description="for so long, evaluations are made that follow another"
    )
    remedies_s: float = Field(
        default=0.0, ge=0, description="for about so long, after T, it tries to evaluate for less"
    )


class Slice(BaseModel):
    """How much of a job is run."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    steps: int = Field(ge=1, description="optimizer steps, the first of the job")
    evaluation_batches: int = Field(
        ge=2, description="batches of each evaluation, of samples spread over the evaluation set"
    )
    pilot: Pilot | None = Field(default=None, description="None: it stands for the whole")


def is_cut(timeline: Timeline, full_run: FullRun) -> bool:
    """Whether anything of a run was left out."""
    return full_run.training is not None or any(
        _times_samples(evaluation, each.name, full_run) != 1
        for evaluation in timeline.evaluations
        for each in _sets(evaluation)
    )


@dataclass(frozen=True)
class Weights:
    """How many of the whole's pieces each piece of a slice stands for.

    ``evaluations`` holds per evaluation: loader, batches, aggregation, log.
    """

    steps: list[float]
    evaluations: list[list[float]]
    saves: list[float]
    logs: list[float]

    def applied(self, pieces: RunPieces) -> RunPieces:
        """The pieces, each as many times as it stands for; steps as they are."""
        return replace(
            pieces,
            evaluations=[
                each.times(own)
                for each, own in zip(pieces.evaluations, self.evaluations, strict=True)
            ],
            saves=times(self.saves, pieces.saves),
            logs=times(self.logs, pieces.logs),
        )


def weights(timeline: Timeline, full_run: FullRun, window: int) -> Weights:
    """The weights of a slice's pieces.

    Args:
        timeline: of the slice.
        full_run: what it is a slice of.
        window: steps after an evaluation that may bear its after-effect.
    """
    evaluations, steps = timeline.evaluations, len(timeline.steps_ns)
    inside = [e.after_step for e in evaluations if not e.after_training]
    training = full_run.training
    times = _times_evaluated(evaluations, training)
    # what is saved or logged along with an evaluation stands for as many as that
    with_evaluation = dict(zip(inside, times, strict=False))
    saves, logs = timeline.saves_ns, timeline.logs_ns
    if training is None:
        placed = layout(steps, (), 0, 0)
    else:
        placed = layout(steps, training.evaluated_after, training.saves, training.logs)
    return Weights(
        steps=_steps(steps, inside, training, window) if training else [1.0] * steps,
        evaluations=[
            _pieces(evaluation, number, full_run)
            for evaluation, number in zip(evaluations, times, strict=True)
        ],
        saves=_events(saves, placed.save, training.saves if training else 0, with_evaluation),
        logs=_events(logs, placed.log, training.logs if training else 0, with_evaluation),
    )


def sets_of(timeline: Timeline, full_run: FullRun | None, window: int) -> dict[str, dict[str, int]]:
    """Of each of several evaluation sets, its samples, and the nanoseconds of all its evaluations.

    Args:
        timeline: of a run.
        full_run: what it is a slice of; None: it is one.
        window: see :func:`weights`.
    """
    evaluations = timeline.evaluations
    times = _times_evaluated(evaluations, full_run.training if full_run else None)
    sets: dict[str, dict[str, int]] = {}
    for evaluation, number in zip(evaluations, times, strict=True):
        for each in evaluation.sets:
            samples = _times_samples(evaluation, each.name, full_run)
            ends = samples if full_run and full_run.gathers else 1.0
            fixed_ns = each.loader_ns + ends * each.aggregation_ns
            totals = sets.setdefault(each.name, {"samples": round(samples * each.samples), "ns": 0})
            totals["ns"] += round(number * (fixed_ns + samples * each.batches_ns))
    return sets


def extrapolated(timeline: Timeline, full_run: FullRun, window: int) -> dict[str, Any]:
    """Fields of a run's record, for the whole of it.

    Args:
        timeline: of the slice.
        full_run: what it is a slice of.
        window: see :func:`weights`.
    """
    factors, slice_ns = weights(timeline, full_run, window), cut(timeline, unit_ns=1)
    evaluations, training = timeline.evaluations, full_run.training
    tokens = sum(
        own[-1] * _scaled(evaluation, "tokens", full_run)
        for evaluation, own in zip(evaluations, factors.evaluations, strict=True)
    )
    whole_ns = replace(factors.applied(slice_ns), steps=times(factors.steps, slice_ns.steps))
    phases = {phase: round(ns) for phase, ns in whole_ns.phases().items()}
    waits = _waits(timeline, slice_ns, phases)
    wall = sum(phases.values())
    phases = {phase: ns - waits.get(phase, 0) for phase, ns in phases.items()}
    steps = training.steps if training else len(timeline.steps_ns)
    evaluated_after = [e.after_step for e in evaluations]
    if training:
        after = [steps for e in evaluations if e.after_training]
        evaluated_after = [*training.evaluated_after, *after]
    first = evaluations[0] if evaluations else None
    return {
        "phases_ns": {**phases, "wait": sum(waits.values())},
        "waits_ns": waits,
        "wall_ns": wall,
        "steps": steps,
        "evaluations": len(evaluated_after),
        "evaluated_after": evaluated_after,
        "evaluation_samples": round(_scaled(first, "samples", full_run)) if first else None,
        "evaluation_tokens": round(tokens),
        "first_evaluation_ns": round(
            sum(times(_pieces(first, 1.0, full_run)[:-1], first.pieces_ns))
        )
        if first
        else None,
    }


def _waits(timeline: Timeline, slice_ns: RunPieces, phases: Mapping[str, int]) -> dict[str, int]:
    """What the whole waits at collectives: of each phase the part that the slice did."""
    own = slice_ns.phases()
    return {
        phase: round(ns * phases[phase] / own[phase]) if own[phase] else 0
        for phase, ns in timeline.waits_ns.items()
    }


def _times_evaluated(evaluations: Sequence[Evaluation], training: Training | None) -> list[float]:
    """How many of the whole's evaluations each of the slice's stands for.

    One before the first step and the first one after it stand for themselves: they may pay for
    set-up. The rest stand for all others; those after training for themselves.
    """
    if training is None:
        return [1.0] * len(evaluations)
    inside = [e.after_step for e in evaluations if not e.after_training]
    after_training = [1.0] * (len(evaluations) - len(inside))
    at_start = sum(step == 0 for step in inside)
    others = len(inside) - at_start - 1
    left = sum(step > 0 for step in training.evaluated_after)
    if others < 0:
        within = [1.0] * at_start
    elif others == 0:
        within = [1.0] * at_start + [float(left)]
    else:
        within = [1.0] * (at_start + 1) + [(left - 1) / others] * others
    return within + after_training


def _pieces(evaluation: Evaluation, times: float, full_run: FullRun) -> list[float]:
    """Weights of an evaluation's loader, batches, aggregation and log."""
    batches: list[float] = []
    aggregation = aggregated = 0.0
    for each in _sets(evaluation):
        count, samples = each.batches, _times_samples(evaluation, each.name, full_run)
        # the first batch starts the loader's workers, and does so once
        if count > 1:
            batches += [1.0] + [(samples * count - 1) / (count - 1)] * (count - 1)
        else:
            batches += [samples] * count
        aggregation += each.aggregation_ns
        aggregated += each.aggregation_ns * (samples if full_run.gathers else 1.0)
    ends = aggregated / aggregation if aggregation else 1.0
    return [times * weight for weight in (1.0, *batches, ends, 1.0)]


def _sets(evaluation: Evaluation) -> list[EvaluationSet]:
    """The sets that it evaluated; where it was one only, it has no name."""
    if evaluation.sets:
        return evaluation.sets
    return [
        EvaluationSet(
            name="",
            samples=evaluation.samples,
            tokens=evaluation.tokens,
            batches=len(evaluation.batches_ns),
            loader_ns=evaluation.loader_ns,
            batches_ns=sum(evaluation.batches_ns),
            aggregation_ns=evaluation.aggregation_ns,
        )
    ]


def _times_samples(evaluation: Evaluation, name: str, full_run: FullRun | None) -> float:
    """How many times the samples of a slice's evaluation set the whole one has.

    In samples of the data set: of those that reach the model there can be more (pairs), fewer
    (packing without padding) or this rank's only.
    """
    samples, run = full_run.sets.get(name, (1, 1)) if full_run and evaluation.cut else (1, 1)
    return samples / run if run else 1.0


def _scaled(evaluation: Evaluation, what: Literal["samples", "tokens"], full_run: FullRun) -> float:
    return float(
        sum(
            getattr(each, what) * _times_samples(evaluation, each.name, full_run)
            for each in _sets(evaluation)
        )
    )


def _events(
    events: Sequence[Sequence[int]],
    placed: Collection[int],
    number: int,
    with_evaluation: Mapping[int, float],
) -> list[float]:
    """Weights of saves or logs: those that a slice places stand for all that are foreseen."""
    there = sum(after in placed for after, _ in events)
    return [
        number / there if after in placed else with_evaluation.get(after, 1.0)
        for after, _ in events
    ]


def _steps(count: int, inside: Sequence[int], training: Training, window: int) -> list[float]:
    """Weights of the steps: of those within windows, of the first ones, and of all others."""
    own = _places(inside, count, window)
    targets = Counter(_places(training.evaluated_after, training.steps, window).values())
    counts = Counter(own.values())
    outside = [step for step in range(count) if step not in own]
    target_outside = training.steps - sum(targets.values())
    warm_up = min(_WARM_UP, target_outside) if len(outside) > _WARM_UP else 0
    first, rest = outside[:warm_up], outside[warm_up:]
    each = (target_outside - len(first)) / max(1, len(rest))
    weights = dict.fromkeys(first, 1.0) | dict.fromkeys(rest, each)
    for step, place in own.items():
        weights[step] = targets[place] / counts[place]
    return [weights[step] for step in range(count)]


def _places(evaluated_after: Sequence[int], steps: int, window: int) -> dict[int, int]:
    """Of each step (from 0) within a window, how many steps lie between it and the evaluation.

    What follows an evaluation before the first step is slow for another reason.
    """
    return {
        step: step - after
        for after in sorted(evaluated_after)
        if after > 0
        for step in range(after, min(after + window, steps))
    }
