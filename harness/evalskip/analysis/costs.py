"""From pilots to what each piece of a job costs.

A pilot's process trains cycles of steps, each followed by an evaluation. What a step costs is
fitted to what it was fed (micro-batches and tokens), what an evaluation batch costs to its tokens,
by least squares on relative errors with costs that cannot be negative, and with Huber's weights, so
that a disturbed piece counts for less. First steps and first evaluations, which may pay for set-up,
are told apart, as are the steps of the window after an evaluation, which may bear hidden cost.

A process can be slower than another from its first step to its last, so each one's pieces are taken
in units of its own steps, which cancels that; the processes' mean pace gives the seconds. Within a
process noise mostly adds time, and often for as long as a pilot lasts, so its level lies where its
faster pieces are.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import optimize

from evalskip.analysis.matched_steps import LOWER_QUARTILE, huber, quantile_of
from evalskip.summary import PieceCosts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from evalskip.analysis.pieces import Floats

# of a process with at least so many steps, the first ones that are told apart: they touch its
# memory for the first time, and on a CPU the second took a quarter longer, the third 6 %
_WARM_UP = ((8, 3), (6, 2), (0, 1))
_SEVERAL = 3
_ROUNDS = 8

PACE_BELIEF, EVALUATION_BELIEF, EVENT_BELIEF = 0.05, 0.015, 0.035
"""What is believed beforehand: standard deviations of the log of a run's pace, of evaluation in
units of steps from run to run, and of one evaluation of a run to another, beyond what the number of
batches makes of it. About what ``bench/validate.py`` found on a quiet machine."""
PACE_DEGREES, EVALUATION_DEGREES, EVENT_DEGREES = 4.0, 8.0, 8.0
"""Of freedom: how much these beliefs weigh against what a pilot shows."""
_HUBER, _ABOVE = 1.345, 0.4


@dataclass(frozen=True)
class PilotRun:
    """One process of a pilot.

    Args:
        evaluation: names what it evaluated; those of one name cost alike.
        timeline: as :meth:`evalskip.probe.phases.Timeline.as_dict` gives it.
        whole: as :meth:`evalskip.probe.pilot.PilotSlicing.whole` gives it.
    """

    evaluation: str
    timeline: Mapping[str, Any]
    whole: Mapping[str, Any]


@dataclass(frozen=True)
class Evaluation:
    """One evaluation, in seconds."""

    loader: float
    batches: list[float]
    tokens: list[int]
    aggregation: float
    log: float
    rows: int
    is_first: bool

    @property
    def total(self) -> float:
        return self.loader + sum(self.batches) + self.aggregation


@dataclass
class Cycle:
    """A pilot's steps up to an evaluation, and the evaluation.

    ``steps`` holds time, micro-batches and tokens of each usual step; ``after`` the same of those
    in the window after the evaluation before; ``first`` of the first ones of a process.
    """

    process: int
    evaluation: str
    steps: list[tuple[float, int, int]] = field(default_factory=list)
    after: list[tuple[float, int, int]] = field(default_factory=list)
    first: list[tuple[float, int, int]] = field(default_factory=list)
    evaluations: list[Evaluation] = field(default_factory=list)
    saves: list[float] = field(default_factory=list)
    logs: list[float] = field(default_factory=list)
    edges: float = 0.0
    """Before and after the steps; of a process's first cycle."""


def cycles_of(runs: Sequence[PilotRun], window: int) -> list[Cycle]:
    """The cycles of all processes, in order.

    Args:
        runs: of one pilot.
        window: steps after an evaluation that may bear its hidden cost; no more than half of the
            steps between evaluations are taken.
    """
    return [cycle for process, run in enumerate(runs) for cycle in _cycles(run, process, window)]


def _cycles(run: PilotRun, process: int, window: int) -> list[Cycle]:
    timeline = run.timeline
    ends = sorted({e["after_step"] for e in timeline["evaluations"]})
    count = len(timeline["steps_ns"])
    shortest = min(end - begin for begin, end in zip([0, *ends], ends, strict=False))
    inside = min(window, max(1, (shortest - 1) // 2))
    warm_up = next(first for fewest, first in _WARM_UP if count >= fewest)
    cycles = []
    begin = 0
    for end in ends:
        cycle = Cycle(process, run.evaluation)
        for step in range(begin, min(end, count)):
            kind = (
                cycle.first
                if step < warm_up
                else cycle.after
                if begin and step < begin + inside
                else cycle.steps
            )
            batches, _, tokens = timeline["step_shapes"][step]
            kind.append((timeline["steps_ns"][step] / 1e9, batches, tokens))
        cycle.evaluations = [
            _evaluation(found, is_first=number == 0)
            for number, found in enumerate(timeline["evaluations"])
            if found["after_step"] == end
        ]
        for name, into in (("saves_ns", cycle.saves), ("logs_ns", cycle.logs)):
            into += [ns / 1e9 for step, ns in timeline[name] if begin < step <= end]
        cycles.append(cycle)
        begin = end
    cycles[0].edges = (timeline["before_loop_ns"] + timeline["after_loop_ns"]) / 1e9
    return cycles


def _evaluation(found: Mapping[str, Any], *, is_first: bool) -> Evaluation:
    return Evaluation(
        loader=found["loader_ns"] / 1e9,
        batches=[ns / 1e9 for ns in found["batches_ns"]],
        tokens=[tokens for _, tokens in found["shapes"]],
        aggregation=found["aggregation_ns"] / 1e9,
        log=found["log_ns"] / 1e9,
        rows=found["rows"],
        is_first=is_first,
    )


Paces = dict[int, tuple[float, float]]
"""A level, and the sampling variance of its logarithm, of each of some processes or events."""


@dataclass(frozen=True)
class Fitted:
    """What cycles say of costs, and how much they differ.

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
    cycles: Sequence[Cycle], evaluation: str, *, gathers: bool, saves: float, logs: float
) -> Fitted:
    """What each piece costs.

    Args:
        cycles: of all processes, or all but one.
        evaluation: whose costs are wanted; steps of all others count as well.
        gathers: whether what ends an evaluation grows with its rows.
        saves: of the whole job, per optimizer step.
        logs: the same of logs.
    """
    steps, paces = _fit_steps(cycles)
    level = _shrunk(paces)
    own = [cycle for cycle in cycles if cycle.evaluation == evaluation]
    evaluated = [(level[c.process], found) for c in own for found in c.evaluations]
    batches, spread = _fit_batches(own, level, Counter(c.process for c in cycles for _ in c.steps))
    later = [each for each in evaluated if not each[1].is_first] or evaluated
    loader = _located(
        (found.loader + _first_batch(found, batches, pace)) / pace for pace, found in later
    )
    end = _located(found.aggregation / pace for pace, found in later)
    end_of_row = _located(found.aggregation / pace / max(1, found.rows) for pace, found in later)
    # where pieces lie, disturbed ones count for little; but T is what a clock will show
    tail = _tail(cycles, steps, level)
    costs = PieceCosts(
        once_s=_located(_once(cycles, process, steps, level[process]) for process in sorted(level)),
        step_s=tail * steps[0],
        micro_batch_s=tail * steps[1],
        token_s=tail * steps[2],
        aside_s=saves * _located(s / level[c.process] for c in cycles for s in c.saves)
        + logs * _located(s / level[c.process] for c in cycles for s in c.logs),
        loader_s=loader + (0.0 if gathers else end),
        batch_s=tail * batches[0],
        evaluation_token_s=tail * batches[1],
        gathered_row_s=end_of_row if gathers else 0.0,
        first_evaluation_s=_first_evaluation(own, level),
        evaluation_log_s=_located(found.log / pace for pace, found in evaluated),
        hidden_s=_hidden(cycles, steps, level),
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


def _fit_steps(cycles: Sequence[Cycle]) -> tuple[Floats, Paces]:
    """Costs of a step: per step, micro-batch and token; and each process's pace."""
    pieces = [(cycle.process, step) for cycle in cycles for step in cycle.steps]
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
    spread = _scale(relative)
    # the fit tells what grows with what; where it lies is told as for batches
    costs = costs * float(np.mean([undisturbed(relative[process == n]) for n in numbers]))
    counts = Counter(process.tolist())
    return costs, {
        int(number): (level, spread**2 / counts[int(number)]) for number, level in levels.items()
    }


def _fit_batches(
    own: Sequence[Cycle], level: Mapping[int, float], steps: Mapping[int, int]
) -> tuple[Floats, float]:
    """Costs of an evaluation batch: per batch, and per token; and the spread around them.

    The first batch of an evaluation starts the loader, so it is left out where there are others,
    one of them smaller; where there are not, the first evaluation of a process is.
    """
    evaluated = [(cycle.process, found) for cycle in own for found in cycle.evaluations]
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
    spread = _scale(relative)
    weights, levels = [], []
    for number in sorted(set(process)):
        found = relative[np.array(process) == number]
        weights.append(1 / (EVALUATION_BELIEF**2 + spread**2 / len(found)))
        levels.append(math.log(_as_of(steps[number], found)))
    return costs * math.exp(np.average(levels, weights=weights)), spread


def non_negative(times: Floats, features: Floats) -> Floats:
    """Costs, none negative, that times are made of: least squares on relative errors.

    Pieces that lie far off count for less, by Huber's rule. Where features do not vary, the last of
    those that say the same bears the cost: it is what grows with a larger job.

    Args:
        times: of pieces, above 0, of shape (pieces,).
        features: what each is made of, of shape (pieces, costs).
    """
    fitted = np.full(len(times), float(np.median(times)))
    weights = np.ones(len(times))
    scale = np.maximum(features.mean(axis=0), 1e-12)
    costs = np.zeros(features.shape[1])
    for _ in range(_ROUNDS):
        by = np.sqrt(weights) / np.maximum(fitted, 1e-12)
        shape = features / scale * by[:, None]
        # reversed, so that of features which say the same the last is taken
        solved, _ = optimize.nnls(shape[:, ::-1], times * by)
        costs = solved[::-1] / scale
        fitted = features @ costs
        away = np.abs(times / np.maximum(fitted, 1e-12) - 1)
        reach = _HUBER * max(_scale(times / np.maximum(fitted, 1e-12)), 1e-6)
        weights = reach / np.maximum(away, reach)
    return costs


def undisturbed(values: Floats) -> float:
    """Where values lie that noise mostly adds to.

    Huber's rule from the lower quartile, with the spread of what lies below as its scale, and with
    less weight for what lies above.
    """
    centre = float(quantile_of(values, LOWER_QUARTILE))
    for _ in range(_ROUNDS):
        below = centre - values[values <= centre]
        scale = 1.4826 * float(np.median(below)) if len(below) else 0.0
        if not scale > 0:
            return centre
        reach = np.where(values > centre, _ABOVE, _HUBER) * scale
        weights = reach / np.maximum(np.abs(values - centre), reach)
        centre = float((weights * values).sum() / weights.sum())
    return centre


def _as_of(count: int, values: Floats) -> float:
    """Where values lie by the rule for so few of them.

    The rule lies lower the more values it sees, and steps are fewer than batches: so these are
    taken in groups as large as the steps are many, each from the whole time.
    """
    groups = max(1, len(values) // max(1, count))
    return float(np.mean([undisturbed(values[group::groups]) for group in range(groups)]))


def _scale(relative: Floats) -> float:
    """The robust standard deviation of what lies around 1."""
    return 1.4826 * float(np.median(np.abs(relative - np.median(relative))))


def _tail(cycles: Sequence[Cycle], steps: Floats, level: Mapping[int, float]) -> float:
    """The mean of usual steps over where they are located."""
    pieces = [(level[c.process], step) for c in cycles for step in c.steps]
    taken = sum(step[0] / pace for pace, step in pieces)
    return taken / sum(expected(step, steps) for _, step in pieces)


def _once(cycles: Sequence[Cycle], process: int, steps: Floats, pace: float) -> float:
    """Of a process, what comes before and after steps, and what its first steps add."""
    own = [cycle for cycle in cycles if cycle.process == process]
    added = sum(step[0] / pace - expected(step, steps) for c in own for step in c.first)
    return sum(cycle.edges for cycle in own) / pace + max(0.0, added)


def _first_batch(found: Evaluation, batches: Floats, pace: float) -> float:
    """What the first batch of an evaluation takes beyond what such a batch costs."""
    if len(found.batches) < _SEVERAL:
        return 0.0
    return float(found.batches[0] - pace * (batches[0] + batches[1] * found.tokens[0]))


def _first_evaluation(own: Sequence[Cycle], level: Mapping[int, float]) -> float:
    """What a process's first evaluation takes longer than its others."""
    added = []
    for process in sorted({cycle.process for cycle in own}):
        found = [e for c in own if c.process == process for e in c.evaluations]
        first, later = [e for e in found if e.is_first], [e for e in found if not e.is_first]
        if first and later:
            usual = _located(e.total for e in later)
            added.append((first[0].total - usual) / level[process])
    return max(0.0, _located(added))


def _hidden(cycles: Sequence[Cycle], steps: Floats, level: Mapping[int, float]) -> float:
    """What the window after an evaluation takes longer than such steps do."""
    added = [
        sum(step[0] / level[c.process] - expected(step, steps) for step in c.after)
        for c in cycles
        if c.after
    ]
    return huber(np.array(added)) if added else 0.0


def _evaluation_paces(
    own: Sequence[Cycle],
    batches: Floats,
    spread: float,
    level: Mapping[int, float],
    paces: Paces,
) -> Paces:
    found = {}
    for process in sorted({cycle.process for cycle in own}):
        pace, variance = level[process], paces[process][1]
        relative = [
            seconds / pace / max(batches[0] + batches[1] * tokens, 1e-12)
            for cycle in own
            if cycle.process == process
            for e in cycle.evaluations
            for seconds, tokens in zip(e.batches[1:], e.tokens[1:], strict=True)
        ]
        if relative:
            found[process] = (huber(np.array(relative)), variance + spread**2 / len(relative))
    return found


def _event_paces(
    own: Sequence[Cycle], batches: Floats, spread: float, level: Mapping[int, float]
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


def _located(values: Iterable[float]) -> float:
    """Where values lie; of none, nothing: what did not happen costs nothing."""
    found = np.array(list(values))
    return huber(found) if len(found) else 0.0


def between(levels: Paces, belief: float, degrees: float) -> float:
    """The variance of log levels from one to another, beyond what sampling makes of it.

    What few processes show is moderated by what is believed beforehand, as by Smyth (2004).

    Args:
        levels: of processes, or of evaluations.
        belief: the standard deviation that is believed beforehand.
        degrees: of freedom of that belief.
    """
    logs = [math.log(level) for level, _ in levels.values()]
    own = len(logs) - 1
    if own < 1:
        return belief**2
    sampled = float(np.mean([variance for _, variance in levels.values()]))
    seen = max(0.0, float(np.var(logs, ddof=1)) - sampled)
    return (degrees * belief**2 + own * seen) / (degrees + own)
