"""From pilots to what each piece of a job costs.

A pilot's process trains a few steps, then evaluates several times with few steps in between. What a
step costs is fitted to what it was fed (micro-batches and tokens), what an evaluation batch costs
to its tokens, by least squares on relative errors with costs that cannot be negative. First steps
and first evaluations, which may pay for set-up, are kept apart, as are the steps of the window
after an evaluation, which may bear its after-effect: of that, as much is believed as was seen
beyond its error.

A process can be slower than another from its first step to its last, so each one's pieces are taken
in units of its own steps, which cancels that; the processes' mean pace gives the seconds.

Costs are means of all that was seen: what an evaluation takes now and then belongs to what it
costs. What others take of the machine falls on steps as well.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalskip.analysis.events import events_of
from evalskip.analysis.levels import mean, non_negative, shrunk, shrunk_variance, spread_of
from evalskip.summary import PieceCosts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalskip.analysis.events import Events
    from evalskip.analysis.levels import Paces
    from evalskip.analysis.parts import PilotPart
    from evalskip.analysis.pieces import Floats
    from evalskip.cut import EvaluationPieces

# batches of an evaluation, so that the first can be told apart
_SEVERAL = 3

PRIOR_SD_PACE, PRIOR_SD_EVALUATION = 0.05, 0.017
"""What is believed beforehand: standard deviations of the log of a run's pace, and of evaluation in
units of steps from run to run. Somewhat more than was found on a quiet machine of two cores."""
PRIOR_DF_PACE, PRIOR_DF_EVALUATION = 4.0, 8.0
"""Of freedom: how much these beliefs weigh against what a pilot shows."""
PRIOR_DEPENDENCE, _PRIOR_DF_DEPENDENCE = 1.3, 8.0
"""By what factor steps that follow each other vary more than if they were independent."""
_PRIOR_SD_FIRST = 0.5
"""Of what a first evaluation takes longer than others, in units of these."""
_PRIOR_SD_AFTER_EFFECT, _PRIOR_DF_AFTER_EFFECT = 0.05, 8.0
"""Of the after-effect from one evaluation to another: in the time of the window's steps, and how
much that weighs against what a pilot shows."""


@dataclass(frozen=True)
class JobCounts:
    """What the whole job does beside training and evaluating."""

    steps: int
    saves: int
    logs: int


@dataclass(frozen=True)
class Fitted:
    """What parts say of costs, and how much they differ.

    ``paces`` are the processes' in units of their mean, ``evaluation_paces`` those of evaluation in
    units of the process's own steps: each with the sampling variance of its logarithm.
    ``step_variance`` is that of all steps together, ``after_effect_error_s`` the
    standard error of the after-effect, with so many ``after_effect_degrees`` of freedom.
    """

    costs: PieceCosts
    paces: Paces
    evaluation_paces: Paces
    events: Events
    step_variance: float
    after_effect_error_s: float
    after_effect_degrees: float


def fit(parts: Sequence[PilotPart], evaluation: str, *, gathers: bool, jobs: JobCounts) -> Fitted:
    """What each piece costs.

    Args:
        parts: of all processes.
        evaluation: whose costs are wanted; steps of all others count as well.
        gathers: whether what ends an evaluation grows with its samples.
        jobs: what the whole job does beside training and evaluating.
    """
    steps, paces = _fit_steps(parts)
    level = _shrunk(paces)
    own = [part for part in parts if part.evaluation == evaluation]
    evaluated = [(level[c.process], pieces) for c in own for pieces in c.evaluations]
    batches, spread = _fit_batches(own, level)
    later = [each for each in evaluated if not each[1].is_first] or evaluated
    loader = mean(
        (pieces.loader + _first_batch(pieces, batches, pace)) / pace for pace, pieces in later
    )
    end = mean(pieces.aggregation / pace for pace, pieces in later)
    end_of_sample = mean(
        pieces.aggregation / pace / max(1, pieces.samples) for pace, pieces in later
    )
    after_effect, error, degrees_of_it = _after_effect(parts, steps, level)
    costs = PieceCosts(
        fixed_s=_first_save(parts, level, jobs)
        + mean(_fixed(parts, process, steps, level[process]) for process in sorted(level)),
        step_s=steps[0],
        micro_batch_s=steps[1],
        token_s=steps[2],
        save_log_s=_saves_and_logs(parts, level, jobs),
        loader_s=max(0.0, loader) + (0.0 if gathers else end),
        batch_s=batches[0],
        evaluation_token_s=batches[1],
        gathered_sample_s=end_of_sample if gathers else 0.0,
        first_evaluation_s=_first_evaluation(own, level),
        evaluation_log_s=mean(pieces.log / pace for pace, pieces in evaluated),
        after_effect_s=after_effect,
    )
    return Fitted(
        costs=costs,
        paces=paces,
        evaluation_paces=_evaluation_paces(own, batches, spread, level, paces),
        events=events_of(own, costs, spread**2, level),
        step_variance=_step_variance(parts, steps, level),
        after_effect_error_s=error,
        after_effect_degrees=degrees_of_it,
    )


def expected(piece: tuple[float, int, int], costs: Floats) -> float:
    """What a step costs that is fed so much."""
    _, batches, tokens = piece
    return float(costs[0] + costs[1] * batches + costs[2] * tokens)


def _fit_steps(parts: Sequence[PilotPart]) -> tuple[Floats, Paces]:
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
        levels = {number: float(relative[process == number].mean()) for number in numbers}
        together = mean(levels.values())
        levels = {number: level / together for number, level in levels.items()}
        pace = np.array([levels[number] for number in process])
    costs = non_negative(times / pace, features)
    relative = times / pace / (features @ costs)
    spread = spread_of(relative)
    # the fit tells what grows with what; together they take what was taken
    costs = costs * mean(float(relative[process == number].mean()) for number in numbers)
    counts = Counter(process.tolist())
    return costs, {
        int(number): (level, spread**2 / counts[int(number)]) for number, level in levels.items()
    }


def _fit_batches(own: Sequence[PilotPart], level: Mapping[int, float]) -> tuple[Floats, float]:
    """Costs of an evaluation batch: per batch, and per token; and the spread around them.

    The first batch of an evaluation starts the loader, so it is left out where there are others,
    one of them smaller; where there are not, the first evaluation of a process is.
    """
    evaluated = [(part.process, pieces) for part in own for pieces in part.evaluations]
    first = 1 if any(len(pieces.batches) >= _SEVERAL for _, pieces in evaluated) else 0
    if not first:
        evaluated = [each for each in evaluated if not each[1].is_first] or evaluated
    times, features, process = [], [], []
    for number, pieces in evaluated:
        for seconds, tokens in zip(pieces.batches[first:], pieces.tokens[first:], strict=True):
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
        ratios = relative[np.array(process) == number]
        weights.append(1 / (PRIOR_SD_EVALUATION**2 + spread**2 / len(ratios)))
        levels.append(float(ratios.mean()))
    return costs * float(np.average(levels, weights=weights)), spread


def _step_variance(parts: Sequence[PilotPart], steps: Floats, level: Mapping[int, float]) -> float:
    """Of the log of the mean of all usual steps.

    Steps that follow each other are not independent: by how much a few together vary more than
    their number makes of it is moderated by what is believed beforehand.
    """
    own = [
        np.array([step[0] / level[part.process] / expected(step, steps) for step in part.steps])
        for part in parts
        if part.steps
    ]
    relative = np.concatenate(own)
    spread = spread_of(relative)
    means = [float(np.log(each).mean()) for each in own if len(each) > 1]
    alone = float(np.mean([spread**2 / len(each) for each in own if len(each) > 1] or [0.0]))
    more, degrees = 1.0, max(0, len(means) - 1)
    if degrees and alone:
        more = float(np.var(means, ddof=1)) / alone
    together = (_PRIOR_DF_DEPENDENCE * PRIOR_DEPENDENCE + degrees * more) / (
        _PRIOR_DF_DEPENDENCE + degrees
    )
    return together * spread**2 / len(relative)


def _fixed(parts: Sequence[PilotPart], process: int, steps: Floats, pace: float) -> float:
    """Of a process, what comes before and after steps, and what its first steps add."""
    own = [part for part in parts if part.process == process]
    added = sum(step[0] / pace - expected(step, steps) for c in own for step in c.first)
    return sum(part.edges for part in own) / pace + max(0.0, added)


def _first_save(parts: Sequence[PilotPart], level: Mapping[int, float], jobs: JobCounts) -> float:
    """What the first save of a run takes, which may pay for set-up."""
    firsts = mean(part.saves[0] / level[part.process] for part in parts if part.saves)
    return firsts if jobs.saves else 0.0


def _saves_and_logs(
    parts: Sequence[PilotPart], level: Mapping[int, float], jobs: JobCounts
) -> float:
    """What all other saves, and all logs, take per step."""
    later = [s / level[part.process] for part in parts for s in part.saves[1:]]
    if not later:
        later = [s / level[part.process] for part in parts for s in part.saves]
    logs = mean(s / level[part.process] for part in parts for s in part.logs)
    return (max(0, jobs.saves - 1) * mean(later) + jobs.logs * logs) / jobs.steps


def _first_batch(pieces: EvaluationPieces, batches: Floats, pace: float) -> float:
    """What the first batch of an evaluation takes beyond what such a batch costs."""
    if len(pieces.batches) < _SEVERAL:
        return 0.0
    return float(pieces.batches[0] - pace * (batches[0] + batches[1] * pieces.tokens[0]))


def _first_evaluation(own: Sequence[PilotPart], level: Mapping[int, float]) -> float:
    """What a process's first evaluation takes longer than its others, as far as that was seen."""
    events = [(level[part.process], e) for part in own for e in part.evaluations]
    firsts = np.array([e.total / pace for pace, e in events if e.is_first])
    later = np.array([e.total / pace for pace, e in events if not e.is_first])
    if not (len(firsts) and len(later)):
        return 0.0
    usual = float(later.mean())
    variance = (spread_of(later) * usual) ** 2 * (1 / len(firsts) + 1 / len(later))
    added, _ = shrunk(float(firsts.mean()) - usual, variance, (_PRIOR_SD_FIRST * usual) ** 2)
    return max(0.0, added)


def _after_effect(
    parts: Sequence[PilotPart], steps: Floats, level: Mapping[int, float]
) -> tuple[float, float, float]:
    """What the window after an evaluation takes longer than such steps do, in seconds.

    Returns:
        As much of it as is believed, its standard error, and the degrees of freedom of that.
    """
    events = [part for part in parts if part.after]
    if not events:  # nothing was seen of it
        usual = mean(expected(step, steps) for part in parts for step in part.steps)
        return 0.0, usual, _PRIOR_DF_AFTER_EFFECT
    added = np.array(
        [
            sum(step[0] / level[part.process] - expected(step, steps) for step in part.after)
            for part in events
        ]
    )
    window = mean(sum(expected(step, steps) for step in part.after) for part in events)
    degrees = len(added) - 1
    sample_variance = float(added.var(ddof=1)) if degrees else 0.0
    believed = (_PRIOR_SD_AFTER_EFFECT * window) ** 2
    variance = (_PRIOR_DF_AFTER_EFFECT * believed + degrees * sample_variance) / (
        _PRIOR_DF_AFTER_EFFECT + degrees
    )
    after_effect, error = shrunk(float(added.mean()), variance / len(added), believed)
    return max(0.0, after_effect), error, _PRIOR_DF_AFTER_EFFECT + degrees


def _evaluation_paces(
    own: Sequence[PilotPart],
    batches: Floats,
    spread: float,
    level: Mapping[int, float],
    paces: Paces,
) -> Paces:
    evaluation_paces = {}
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
            evaluation_paces[process] = (mean(relative), variance + spread**2 / len(relative))
    return evaluation_paces


def _shrunk(paces: Paces) -> dict[int, float]:
    """The processes' paces, each drawn to their mean by as much as it is uncertain."""
    of_runs, _ = shrunk_variance(paces, PRIOR_SD_PACE, PRIOR_DF_PACE)
    return {
        process: pace ** (of_runs / (of_runs + variance))
        for process, (pace, variance) in paces.items()
    }
