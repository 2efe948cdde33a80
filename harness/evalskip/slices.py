"""A slice of a job that is too long to be run whole, and how the whole is told from it.

A slice trains the job's first steps and evaluates a part of its evaluation rows, in two places
where the whole evaluates more often than once. Every piece that it measures then stands for as many
of the whole job's as there are of its kind: a *weight*. Steps right after an evaluation stand for
such steps, the first evaluation for the first alone, and what happens once stands for itself.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# the first steps of a run can be many times slower than all that follow
_WARM_UP = 4


def fewest_steps(window: int) -> int:
    """So that both windows after evaluations, the warm-up and steps beside them have room."""
    return 3 * (window + _WARM_UP)


class Slice(BaseModel):
    """How much of a job is run."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    steps: int = Field(ge=12, description="optimizer steps, the first of the job")
    evaluation_batches: int = Field(
        ge=2, description="batches of each evaluation, of rows spread over the evaluation set"
    )


class Whole(BaseModel):
    """What the whole of a run would be, as the run itself foresaw it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    steps: int
    evaluated_after: list[int] = Field(description="steps of all evaluations inside training")
    saves: int
    logs: int
    rows: int = Field(description="evaluated in one evaluation; 0: as many as in the slice")
    gathers: bool = Field(description="whether what ends an evaluation grows with its rows")


@dataclass(frozen=True)
class Weights:
    """How many of the whole's pieces each piece of a slice stands for.

    ``evaluations`` holds per evaluation: loader, batches, aggregation, log.
    """

    steps: list[float]
    evaluations: list[list[float]]
    saves: float
    logs: float


def weights(timeline: Mapping[str, Any], whole: Whole, window: int) -> Weights:
    """The weights of a slice's pieces.

    Args:
        timeline: of the slice, as :meth:`evalskip.probe.phases.Timeline.as_dict` gives it.
        whole: what it is a slice of.
        window: steps after an evaluation that may bear its hidden cost.
    """
    evaluations = timeline["evaluations"]
    inside = [e["after_step"] for e in evaluations if not e["after_training"]]
    stands_for = _evaluations(inside, whole.evaluated_after)
    after_training = [1.0] * (len(evaluations) - len(inside))
    return Weights(
        steps=_steps(len(timeline["steps_ns"]), inside, whole, window),
        evaluations=[
            _pieces(evaluation, times, whole)
            for evaluation, times in zip(evaluations, stands_for + after_training, strict=True)
        ],
        saves=_ratio(whole.saves, len(timeline["saves_ns"])),
        logs=_ratio(whole.logs, len(timeline["logs_ns"])),
    )


def sets_of(
    timeline: Mapping[str, Any], whole: Whole | None, window: int
) -> dict[str, dict[str, int]]:
    """Of each of several evaluation sets, its rows, and the nanoseconds of all its evaluations.

    Args:
        timeline: of a run.
        whole: what it is a slice of; None: it is the whole.
        window: see :func:`weights`.
    """
    found = weights(timeline, whole, window).evaluations if whole else None
    sets: dict[str, dict[str, int]] = {}
    for place, evaluation in enumerate(timeline["evaluations"]):
        rows = _rows(evaluation, whole) if whole else 1.0
        # the weight of its log is that of the evaluation
        times = rows * found[place][-1] if found else 1.0
        for each in evaluation["sets"]:
            known = sets.setdefault(each["name"], {"rows": round(rows * each["rows"]), "ns": 0})
            known["ns"] += round(times * each["ns"])
    return sets


def extrapolated(timeline: Mapping[str, Any], whole: Whole, window: int) -> dict[str, Any]:
    """Fields of a run's record, for the whole of it.

    Args:
        timeline: of the slice.
        whole: what it is a slice of.
        window: see :func:`weights`.
    """
    found = weights(timeline, whole, window)
    evaluate = log = tokens = 0.0
    for evaluation, parts in zip(timeline["evaluations"], found.evaluations, strict=True):
        loader, *batches, aggregation, own_log = parts
        evaluate += loader * evaluation["loader_ns"] + aggregation * evaluation["aggregation_ns"]
        evaluate += _sum(batches, evaluation["batches_ns"])
        log += own_log * evaluation["log_ns"]
        tokens += own_log * evaluation["tokens"] * _rows(evaluation, whole)
    phases = {
        "train": round(_sum(found.steps, timeline["steps_ns"])),
        "evaluate": round(evaluate),
        "save": round(found.saves * sum(ns for _, ns in timeline["saves_ns"])),
        "log": round(log + found.logs * sum(ns for _, ns in timeline["logs_ns"])),
        "other": timeline["before_loop_ns"] + timeline["after_loop_ns"],
    }
    after = [whole.steps for e in timeline["evaluations"] if e["after_training"]]
    evaluated_after = [*whole.evaluated_after, *after]
    return {
        "phases_ns": phases,
        "wall_ns": sum(phases.values()),
        "steps": whole.steps,
        "evaluations": len(evaluated_after),
        "evaluated_after": evaluated_after,
        "evaluation_rows": _rows_of_one(timeline, whole),
        "evaluation_tokens": round(tokens),
    }


def _evaluations(inside: Sequence[int], whole: Sequence[int]) -> list[float]:
    """How many of the whole's evaluations each of the slice's stands for.

    One before the first step and the first one after it stand for themselves: they may pay for
    set-up. The rest stand for all others.
    """
    at_start = sum(step == 0 for step in inside)
    others = len(inside) - at_start - 1
    left = sum(step > 0 for step in whole)
    if others < 0:
        return [1.0] * at_start
    if others == 0:
        return [1.0] * at_start + [float(left)]
    return [1.0] * (at_start + 1) + [(left - 1) / others] * others


def _pieces(evaluation: Mapping[str, Any], times: float, whole: Whole) -> list[float]:
    """Weights of an evaluation's loader, batches, aggregation and log."""
    count, all_rows = len(evaluation["batches_ns"]), _rows(evaluation, whole)
    # the first batch starts the loader's workers, and does so once
    batches = [all_rows] * count
    if count > 1:
        batches = [1.0] + [(all_rows * count - 1) / (count - 1)] * (count - 1)
    aggregation = all_rows if whole.gathers else 1.0
    return [times * weight for weight in (1.0, *batches, aggregation, 1.0)]


def _rows(evaluation: Mapping[str, Any], whole: Whole) -> float:
    """How many times the rows of a slice's evaluation the whole one has."""
    return whole.rows / evaluation["rows"] if whole.rows and evaluation["rows"] else 1.0


def _rows_of_one(timeline: Mapping[str, Any], whole: Whole) -> int | None:
    rows = [evaluation["rows"] for evaluation in timeline["evaluations"]]
    return (whole.rows or rows[0]) if rows else None


def _steps(count: int, inside: Sequence[int], whole: Whole, window: int) -> list[float]:
    """Weights of the steps: of those within windows, of the first ones, and of all others."""
    own = _places(inside, count, window)
    wanted = Counter(_places(whole.evaluated_after, whole.steps, window).values())
    found = Counter(own.values())
    outside = [step for step in range(count) if step not in own]
    wanted_outside = whole.steps - sum(wanted.values())
    warm_up = min(_WARM_UP, wanted_outside) if len(outside) > _WARM_UP else 0
    once, many = outside[:warm_up], outside[warm_up:]
    each = (wanted_outside - len(once)) / max(1, len(many))
    weights = dict.fromkeys(once, 1.0) | dict.fromkeys(many, each)
    for step, place in own.items():
        weights[step] = wanted[place] / found[place]
    return [weights[step] for step in range(count)]


def _places(evaluated_after: Sequence[int], steps: int, window: int) -> dict[int, int]:
    """Of each step (from 0) within a window, how many steps lie between it and the evaluation."""
    return {
        step: step - after
        for after in sorted(evaluated_after)
        for step in range(after, min(after + window, steps))
    }


def _sum(weights: Sequence[float], times: Sequence[int]) -> float:
    return sum(weight * time for weight, time in zip(weights, times, strict=True))


def _ratio(whole: int, part: int) -> float:
    return whole / part if part else 0.0
