"""What a finished run took, as far as its log says, and why it does not where it does not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalskip.notes import note

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.logs import Evaluation, FinishedRun
    from evalskip.notes import Note

_RATE = 6e-4
"""Of a rate: it is logged to three digits after the point, or printed to four in all."""
_RESUMED = 0.95
"""Of the mean training loss that was logged, what ``train_loss`` is at least where all of the
training was of one piece; what was not logged at its end makes it larger."""
_LOGGED = 0.9


@dataclass(frozen=True)
class RunTimes:
    """Seconds; None: not known."""

    training_s: float | None
    training_unknown: Note | None
    evaluation_s: float | None
    evaluation_after_s: float | None
    error_s: float | None


def times_of(run: FinishedRun) -> RunTimes:
    """What training and evaluations took."""
    inside_s = _sum(run.inside)
    after_s = _sum([each for each in run.evaluations if each.when == "after"])
    error = None
    if run.clock is not None and not run.parts and run.inside:
        error = run.clock.error
    training_s, unknown = _training(run, inside_s)
    return RunTimes(training_s, unknown, inside_s, after_s, error)


def _sum(evaluations: Sequence[Evaluation]) -> float | None:
    """Seconds of all; None where any was not timed."""
    if any(each.seconds is None for each in evaluations):
        return None
    return sum(each.seconds or 0.0 for each in evaluations)


def _training(run: FinishedRun, inside_s: float | None) -> tuple[float | None, Note | None]:
    if run.restarted:
        return None, note("training_restarted")
    if not run.parts:
        if run.clock is not None:
            return run.clock.seconds, None
        return None, note("no_train_runtime")
    if len(run.parts) == 1 and is_resumed(run):
        return None, note("training_resumed", seconds=run.parts[0].seconds)
    seconds = sum(part.seconds for part in run.parts)
    if inside_s is not None and inside_s > seconds:
        return None, note("evaluations_exceed_training", evaluation=inside_s, training=seconds)
    return seconds, None


def is_resumed(run: FinishedRun) -> bool:
    """Whether ``train_runtime`` is of the last part of the training alone.

    transformers 5 counts the steps of that part in ``train_steps_per_second``; before, the sum of
    the losses of that part was divided by all steps in ``train_loss``
    (``Trainer._inner_training_loop``).
    """
    part, steps = run.parts[-1], run.steps
    if not steps:
        return False
    if part.steps_per_second:
        counted = part.steps_per_second * part.seconds
        rounding = max(_RATE * part.seconds, 2 * _RATE * counted, 1.0)
        if counted + rounding < _RESUMED * steps:
            return True
    losses = run.losses
    if part.mean_loss is None or losses.weighted <= 0 or losses.last_step < _LOGGED * steps:
        return False
    return part.mean_loss * steps < _RESUMED * losses.weighted


def trained_samples(run: FinishedRun) -> float | None:
    """Samples that training saw, over all epochs; None: the log does not say."""
    if len(run.parts) != 1 or is_resumed(run):
        return None
    part = run.parts[0]
    if part.samples_per_second:
        planned = part.samples_per_second * part.seconds
        done, total = run.steps, run.planned_steps
        # where training stopped early, the rate is still of what was planned
        return planned * done / total if done and total and done < total else planned
    if part.samples and run.epoch:
        return part.samples * run.epoch
    return None


def whole_steps(run: FinishedRun) -> int | None:
    """Optimizer steps of the run, from its log, its progress bar or its rate."""
    if run.steps:
        return round(run.steps)
    if len(run.parts) != 1 or not run.parts[0].steps_per_second:
        return None
    part = run.parts[0]
    rate = part.steps_per_second or 0.0
    counted, rounding = (
        rate * part.seconds,
        max(_RATE * part.seconds, 2 * _RATE * rate * part.seconds),
    )
    if run.planned_steps and abs(run.planned_steps - counted) <= rounding + 1:
        return round(run.planned_steps)
    return round(counted) if rounding < 0.02 * counted + 1 else None
