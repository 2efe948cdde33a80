"""From pilots to what each piece of a job costs.

A pilot's process trains a few steps, then evaluates several times with few steps in between. What a
step costs is fitted to what it was fed (micro-batches and tokens), what an evaluation batch costs
to its tokens, by least squares on relative errors with costs that cannot be negative, and with
Huber's weights, so that a disturbed piece counts for less. First steps and first evaluations, which
may pay for set-up, are told apart, as are the steps of the window after an evaluation, which may
bear hidden cost.

A process can be slower than another from its first step to its last, so each one's pieces are taken
in units of its own steps, which cancels that; the processes' mean pace gives the seconds. Within a
process noise mostly adds time, and often for as long as a pilot lasts, so its level lies where its
faster pieces are.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalskip.analysis.matched_steps import huber
from evalskip.analysis.robust import (
    between,
    located,
    non_negative,
    spread_of,
    undisturbed,
    undisturbed_as_of,
)
from evalskip.summary import PieceCosts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalskip.analysis.parts import Evaluation, Part
    from evalskip.analysis.pieces import Floats
    from evalskip.analysis.robust import Paces

# batches of an evaluation, so that the first can be told apart
_SEVERAL = 3

PACE_BELIEF, EVALUATION_BELIEF, EVENT_BELIEF = 0.05, 0.015, 0.035
"""What is believed beforehand: standard deviations of the log of a run's pace, of evaluation in
units of steps from run to run, and of one evaluation of a run to another, beyond what the number of
batches makes of it. About what ``bench/validate.py`` found on a quiet machine."""
PACE_DEGREES, EVALUATION_DEGREES, EVENT_DEGREES = 4.0, 8.0, 8.0
"""Of freedom: how much these beliefs weigh against what a pilot shows."""


@dataclass(frozen=True)
class Fitted:
    """What parts say of costs, and how much they differ.

    ``paces`` are the processes' in units of their mean, ``evaluation_paces`` those of evaluation in
    units of the process's own steps, and ``event_paces`` the same of each evaluation but a
    process's first: each with the sampling variance of its logarithm. ``step_variance`` is that of
    all steps together, ``batch_variance`` that of one evaluation batch.
    """

    costs: PieceCosts
    paces: Paces
    evaluation_paces: Paces
    event_paces: Paces
    step_variance: float
    batch_variance: float


def fit(
    parts: Sequence[Part], evaluation: str, *, gathers: bool, saves: float, logs: float
) -> Fitted:
    """What each piece costs.

    Args:
        parts: of all processes, or all but one.
        evaluation: whose costs are wanted; steps of all others count as well.
        gathers: whether what ends an evaluation grows with its rows.
        saves: of the whole job, per optimizer step.
        logs: the same of logs.
    """
    steps, paces = _fit_steps(parts)
    level = _shrunk(paces)
    own = [part for part in parts if part.evaluation == evaluation]
    evaluated = [(level[c.process], found) for c in own for found in c.evaluations]
    batches, spread = _fit_batches(own, level, Counter(c.process for c in parts for _ in c.steps))
    later = [each for each in evaluated if not each[1].is_first] or evaluated
    loader = located(
        (found.loader + _first_batch(found, batches, pace)) / pace for pace, found in later
    )
    end = located(found.aggregation / pace for pace, found in later)
    end_of_row = located(found.aggregation / pace / max(1, found.rows) for pace, found in later)
    # where pieces lie, disturbed ones count for little; but T is what a clock will show
    tail = _tail(parts, steps, level)
    costs = PieceCosts(
        once_s=located(_once(parts, process, steps, level[process]) for process in sorted(level)),
        step_s=tail * steps[0],
        micro_batch_s=tail * steps[1],
        token_s=tail * steps[2],
        aside_s=saves * located(s / level[c.process] for c in parts for s in c.saves)
        + logs * located(s / level[c.process] for c in parts for s in c.logs),
        loader_s=loader + (0.0 if gathers else end),
        batch_s=tail * batches[0],
        evaluation_token_s=tail * batches[1],
        gathered_row_s=end_of_row if gathers else 0.0,
        first_evaluation_s=_first_evaluation(own, level),
        evaluation_log_s=located(found.log / pace for pace, found in evaluated),
        hidden_s=_hidden(parts, steps, level),
    )
    return Fitted(
        costs=costs,
        paces=paces,
        evaluation_paces=_evaluation_paces(own, batches, spread, level, paces),
        event_paces=_event_paces(own, batches, spread, level),
        step_variance=1 / sum(1 / variance for _, variance in paces.values())
        if all(variance for _, variance in paces.values())
        else 0.0,
        batch_variance=spread**2,
    )


def expected(piece: tuple[float, int, int], costs: Floats) -> float:
    """What a step costs that is fed so much."""
    _, batches, tokens = piece
    return float(costs[0] + costs[1] * batches + costs[2] * tokens)


def _fit_steps(parts: Sequence[Part]) -> tuple[Floats, Paces]:
    """Costs of a step: per step, micro-batch and token; and each process's pace."""
    pieces = [(part.process, step) for part in parts for step in part.steps]
    process = np.array([number for number, _ in pieces])
    times = np.array([step[0] for _, step in pieces])
    features = np.array([[1.0, step[1], step[2]] for _, step in pieces])
    numbers = sorted(set(process))
    pace = np.ones(len(pieces))
    levels = dict.fromkeys(numbers, 1.0)
    for _ in range(3):
        costs = non_negative(times / pace, features)
        relative = times / (features @ costs)
        levels = {number: undisturbed(relative[process == number]) for number in numbers}
        mean = float(np.mean(list(levels.values())))
        levels = {number: level / mean for number, level in levels.items()}
        pace = np.array([levels[number] for number in process])
    costs = non_negative(times / pace, features)
    relative = times / pace / (features @ costs)
    spread = spread_of(relative)
    # the fit tells what grows with what; where it lies is told as for batches
    costs = costs * float(np.mean([undisturbed(relative[process == n]) for n in numbers]))
    counts = Counter(process.tolist())
    return costs, {
        int(number): (level, spread**2 / counts[int(number)]) for number, level in levels.items()
    }


def _fit_batches(
    own: Sequence[Part], level: Mapping[int, float], steps: Mapping[int, int]
) -> tuple[Floats, float]:
    """Costs of an evaluation batch: per batch, and per token; and the spread around them.

    The first batch of an evaluation starts the loader, so it is left out where there are others,
    one of them smaller; where there are not, the first evaluation of a process is.
    """
    evaluated = [(part.process, found) for part in own for found in part.evaluations]
    first = 1 if any(len(found.batches) >= _SEVERAL for _, found in evaluated) else 0
    if not first:
        evaluated = [each for each in evaluated if not each[1].is_first] or evaluated
    times, features, process = [], [], []
    for number, found in evaluated:
        for seconds, tokens in zip(found.batches[first:], found.tokens[first:], strict=True):
            times.append(seconds / level[number])
            features.append([1.0, tokens])
            process.append(number)
    if not times:
        return np.zeros(2), 0.0
    shape = np.array(features)
    costs = non_negative(np.array(times), shape)
    relative = np.array(times) / np.maximum(shape @ costs, 1e-12)
    spread = spread_of(relative)
    weights, levels = [], []
    for number in sorted(set(process)):
        found = relative[np.array(process) == number]
        weights.append(1 / (EVALUATION_BELIEF**2 + spread**2 / len(found)))
        levels.append(math.log(undisturbed_as_of(steps[number], found)))
    return costs * math.exp(np.average(levels, weights=weights)), spread


def _tail(parts: Sequence[Part], steps: Floats, level: Mapping[int, float]) -> float:
    """The mean of usual steps over where they are located."""
    pieces = [(level[c.process], step) for c in parts for step in c.steps]
    taken = sum(step[0] / pace for pace, step in pieces)
    return taken / sum(expected(step, steps) for _, step in pieces)


def _once(parts: Sequence[Part], process: int, steps: Floats, pace: float) -> float:
    """Of a process, what comes before and after steps, and what its first steps add."""
    own = [part for part in parts if part.process == process]
    added = sum(step[0] / pace - expected(step, steps) for c in own for step in c.first)
    return sum(part.edges for part in own) / pace + max(0.0, added)


def _first_batch(found: Evaluation, batches: Floats, pace: float) -> float:
    """What the first batch of an evaluation takes beyond what such a batch costs."""
    if len(found.batches) < _SEVERAL:
        return 0.0
    return float(found.batches[0] - pace * (batches[0] + batches[1] * found.tokens[0]))


def _first_evaluation(own: Sequence[Part], level: Mapping[int, float]) -> float:
    """What a process's first evaluation takes longer than its others."""
    added = []
    for process in sorted({part.process for part in own}):
        found = [e for c in own if c.process == process for e in c.evaluations]
        first, later = [e for e in found if e.is_first], [e for e in found if not e.is_first]
        if first and later:
            usual = located(e.total for e in later)
            added.append((first[0].total - usual) / level[process])
    return max(0.0, located(added))


def _hidden(parts: Sequence[Part], steps: Floats, level: Mapping[int, float]) -> float:
    """What the window after an evaluation takes longer than such steps do."""
    added = [
        sum(step[0] / level[c.process] - expected(step, steps) for step in c.after)
        for c in parts
        if c.after
    ]
    return huber(np.array(added)) if added else 0.0


def _evaluation_paces(
    own: Sequence[Part],
    batches: Floats,
    spread: float,
    level: Mapping[int, float],
    paces: Paces,
) -> Paces:
    found = {}
    for process in sorted({part.process for part in own}):
        pace, variance = level[process], paces[process][1]
        relative = [
            seconds / pace / max(batches[0] + batches[1] * tokens, 1e-12)
            for part in own
            if part.process == process
            for e in part.evaluations
            for seconds, tokens in zip(e.batches[1:], e.tokens[1:], strict=True)
        ]
        if relative:
            found[process] = (huber(np.array(relative)), variance + spread**2 / len(relative))
    return found


def _event_paces(
    own: Sequence[Part], batches: Floats, spread: float, level: Mapping[int, float]
) -> Paces:
    events = [(level[c.process], e) for c in own for e in c.evaluations if not e.is_first]
    found = {}
    for number, (pace, event) in enumerate(events):
        expected_s = sum(batches[0] + batches[1] * tokens for tokens in event.tokens[1:])
        if expected_s:
            taken = sum(event.batches[1:]) / pace / expected_s
            found[number] = (taken, spread**2 / len(event.batches[1:]))
    return found


def _shrunk(paces: Paces) -> dict[int, float]:
    """The processes' paces, each drawn to their mean by as much as it is uncertain."""
    of_runs = between(paces, PACE_BELIEF, PACE_DEGREES)
    return {
        process: pace ** (of_runs / (of_runs + variance))
        for process, (pace, variance) in paces.items()
    }
