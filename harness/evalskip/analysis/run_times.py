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
_FEWEST_LOSSES = 2
_COARSE = 0.5
"""Of what evaluations took, the error of a clock beyond which the share says nothing."""
_LATE = 1.6


@dataclass(frozen=True)
class RunTimes:
    """Seconds; None: not known."""

    training_s: float | None
    share_unknown: Note | None
    evaluation_s: float | None
    evaluation_after_s: float | None
    error_s: float | None


def times_of(run: FinishedRun) -> RunTimes:
    """What training and evaluations took."""
    inside_s = _sum(run.inside) if run.tells_inside else None
    after_s = _sum([each for each in run.evaluations if each.when == "after"])
    error = None
    if run.clock is not None and not run.parts and run.inside:
        error = run.clock.error
    training_s, unknown = _training(run, inside_s)
    if error is not None and inside_s is not None and error > _COARSE * inside_s:
        unknown = note("clock_too_coarse", seconds=inside_s, error=error)
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
        if run.clock is None:
            return None, note("no_train_runtime")
        seconds = run.clock.seconds
    elif len(run.parts) == 1 and is_resumed(run):
        return None, note("training_resumed", seconds=run.parts[0].seconds)
    else:
        seconds = sum(part.seconds for part in run.parts)
    if inside_s is not None and inside_s > seconds:
        return None, note("evaluations_exceed_training", evaluation=inside_s, training=seconds)
    return seconds, None


def is_resumed(run: FinishedRun) -> bool:
    """Whether ``train_runtime`` is of the last part of the training alone.

    transformers 5 counts the steps of that part in ``train_steps_per_second``; before, the sum of
    the losses of that part was divided by all steps in ``train_loss``
    (``Trainer._inner_training_loop``). A log that begins in the middle is of that part itself.
    """
    part, steps = run.parts[-1], run.steps or run.steps_by_bar
    if begins_late(run):
        return False
    if steps and part.steps_per_second:
        counted, rounding = _counted(part.steps_per_second, part.seconds)
        if counted + rounding < _RESUMED * steps:
            return True
    losses, whole = run.losses, run.steps or run.epoch
    if part.mean_loss is None or losses.weighted <= 0 or not whole:
        return False
    if losses.count < _FEWEST_LOSSES or losses.last_place < _LOGGED * whole:
        return False
    return part.mean_loss * whole < _RESUMED * losses.weighted


def begins_late(run: FinishedRun) -> bool:
    """Whether the first loss was logged later than one interval between two of them."""
    places = [epoch if step is None else step for step, epoch, _ in run.losses.first[:2]]
    if len(places) < 2 or places[0] is None or places[1] is None:
        return False
    return places[0] > _LATE * (places[1] - places[0])


def _counted(rate: float, seconds: float) -> tuple[float, float]:
    """Steps or samples that a rate says, and what its rounding makes of them."""
    counted = rate * seconds
    return counted, max(_RATE * seconds, 2 * _RATE * counted, 1.0)


def trained_samples(run: FinishedRun) -> float | None:
    """Samples that training saw, over all epochs; None: the log does not say."""
    if len(run.parts) != 1 or begins_late(run) or is_resumed(run):
        return None
    part = run.parts[0]
    if part.samples_per_second:
        samples = part.samples_per_second * part.seconds
        done = run.steps or run.steps_by_bar
        if not (done and part.steps_per_second):
            return samples
        # rates are of what was planned, where training stopped early and in some versions
        counted, rounding = _counted(part.steps_per_second, part.seconds)
        return samples * done / counted if abs(counted - done) > rounding else samples
    if part.samples and run.epoch:
        return part.samples * run.epoch
    return None


def whole_steps(run: FinishedRun) -> int | None:
    """Optimizer steps of the run, from its log, its progress bar or its rate."""
    if done := run.steps or run.steps_by_bar:
        return round(done)
    if len(run.parts) != 1 or not run.parts[0].steps_per_second or is_resumed(run):
        return None
    counted, rounding = _counted(run.parts[0].steps_per_second, run.parts[0].seconds)
    return round(counted) if rounding < max(1.5, 0.02 * counted) else None


def how_far(run: FinishedRun) -> list[Note]:
    """That it stopped before its plan, or that its log does; empty: neither."""
    done, planned = run.steps or run.steps_by_bar, run.planned_steps
    if not (done and planned and done < planned):
        return []
    code = "stopped_early" if run.parts else "run_cut_off"
    return [note(code, part=round(done), whole=round(planned))]
