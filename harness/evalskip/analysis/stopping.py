"""Training that stops at a target or by patience: when, and how often it should evaluate.

What sparser evaluation costs it is replayed from runs that are over: they make every second, third
or fourth of their evaluations, begun at each of the first ones. Beyond the end of the log the next
evaluation that is due is taken to meet the target, or to show no new best: training stops there at
the soonest, so what is said to be lost is a lower bound.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from statistics import mean, median
from typing import TYPE_CHECKING

import numpy as np

from evalskip.analysis.curves import replay
from evalskip.analysis.past import starts
from evalskip.analysis.recommendation import rounded_up
from evalskip.notes import note
from evalskip.spacing import NEAR, SpacingLaw
from evalskip.summary import Spacing, SpacingCost, SparserLook, Stopping

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from evalskip.analysis.curves import LossCurve
    from evalskip.notes import Note

EVERY = (2, 3, 4)
"""Evaluations of which one is made."""
_UNKNOWN = (0.25, 0.5, 1.0)
"""Of the planned steps, the work where nobody knows it: least, taken, most."""
_FACTORS = (0.25, 0.5, 1, 2, 4)
"""Of the best spacing, those that are told of."""


@dataclass(frozen=True)
class Stretch:
    """What was trained up to an evaluation, and that evaluation, in seconds."""

    train_s: float
    evaluation_s: float


@dataclass(frozen=True)
class StoppedRun:
    """A run whose evaluations say when it stops.

    ``readings`` are what they said, less being better; it stops at the first that is at most
    ``target``, or with ``patience``, which one that is better by more than ``threshold`` restores
    (``EarlyStoppingCallback``).
    """

    stretches: Sequence[Stretch]
    readings: Sequence[float]
    target: float | None = None
    patience: int | None = None
    threshold: float = 0.0

    def seconds(self, every: int, begin: int) -> tuple[float, int, bool]:
        """Until it stops if it makes one evaluation in so many.

        Args:
            every: evaluations of which one is made.
            begin: the first that is made, from 0.

        Returns:
            Seconds, how many evaluations were made, and whether the log ends before.
        """
        looks, beyond = self._looks(every, begin)
        known = len(self.stretches)
        trained = known if beyond else looks[-1] + 1
        seconds = sum(each.train_s for each in self.stretches[:trained])
        seconds += sum(self.stretches[look].evaluation_s for look in looks)
        if beyond:
            next_look = looks[-1] + every if looks else begin
            last = next_look + every * (beyond - 1)
            # a first stretch may be longer, and a first evaluation slower, than those that follow
            later = self.stretches[1:] or self.stretches
            seconds += (last + 1 - known) * mean(each.train_s for each in later)
            seconds += beyond * mean(each.evaluation_s for each in later)
        return seconds, len(looks) + beyond, bool(beyond)

    def _looks(self, every: int, begin: int) -> tuple[list[int], int]:
        """The evaluations of the log that are made until it stops, and how many beyond it."""
        looks: list[int] = []
        best, waited, patience = math.inf, 0, self.patience or 1
        for place in range(begin, len(self.readings), every):
            looks.append(place)
            reading = self.readings[place]
            if self.target is not None:
                if reading <= self.target:
                    return looks, 0
                continue
            waited = 0 if reading < best - self.threshold else waited + 1
            best = min(best, reading)
            if waited >= patience:
                return looks, 0
        return looks, 1 if self.target is not None else patience - waited


def sparser(run: StoppedRun, policies: Sequence[int] = EVERY) -> Iterator[SparserLook]:
    """What fewer evaluations would have made of a run, against all that it made."""
    whole, _, _ = run.seconds(1, 0)
    for every in policies:
        if every > len(run.stretches):
            return
        replays = [run.seconds(every, begin) for begin in range(every)]
        longer = [seconds / whole - 1 for seconds, _, _ in replays]
        yield SparserLook(
            policy=note("every_n_evaluations", count=every),
            evaluations=mean(made for _, made, _ in replays),
            longer=mean(longer),
            longer_least=min(longer),
            longer_most=max(longer),
            beyond=any(is_beyond for _, _, is_beyond in replays),
        )


def reached_step(curve: LossCurve, target: float | None, threshold: float = 0.0) -> float | None:
    """The step by which training could have ended; None: it never did.

    A target was met between two evaluations, half-way for all that is known. With patience it is
    the last evaluation that restored it.

    Args:
        curve: of a run that is over, less being better.
        target: on the same scale; None: patience ends it.
        threshold: see :class:`StoppedRun`.
    """
    before, best, reached = 0, math.inf, None
    for step, reading in zip(curve.steps, curve.loss, strict=True):
        if target is not None and reading <= target:
            return (before + step) / 2
        if target is None and reading < best - threshold:
            reached = float(step)
        before, best = step, min(best, float(reading))
    return reached


@dataclass(frozen=True)
class Work:
    """Steps until training could end, and who says so."""

    steps: float
    source: Note
    low: float | None = None
    high: float | None = None


def work_of_runs(reached: Sequence[float]) -> Work | None:
    """As other runs had it; None: there are none."""
    if not reached:
        return None
    source = note("work_of_runs", count=len(reached))
    if len(reached) == 1:
        return Work(reached[0], source)
    return Work(median(reached), source, min(reached), max(reached))


def work_unknown(planned_steps: float) -> Work:
    """Where nobody says: a part of the plan, with room on both sides."""
    low, middle, high = (part * planned_steps for part in _UNKNOWN)
    return Work(middle, note("work_unknown"), low, high)


def with_spacing(
    stopping: Stopping,
    work: Work,
    *,
    step_s: float,
    evaluation_s: float,
    planned_steps: float | None = None,
    curves: Sequence[LossCurve] = (),
    metric: str | None = None,
) -> Stopping:
    """Add the spacing of evaluations that costs least until training stops; or why there is none.

    Args:
        stopping: how training stops, and how often it evaluates.
        work: steps until training could end.
        step_s: seconds of a step.
        evaluation_s: seconds of an evaluation.
        planned_steps: after which training ends anyhow; None: not known.
        curves: of past runs, from which regret is told.
        metric: of theirs.
    """
    patience, own_every = stopping.condition.patience, stopping.own_every
    if work.steps <= 0:
        return stopping.model_copy(update={"why_none": note("reached_at_start")})
    if step_s <= 0 or evaluation_s <= 0:
        return stopping.model_copy(update={"why_none": note("spacing_needs_costs")})
    law = SpacingLaw(work.steps, step_s, evaluation_s, patience)
    every = _written(law)
    why_none = _why_none(law, every, planned_steps)
    if why_none is not None:
        return stopping.model_copy(update={"why_none": why_none})
    found = _spacing(law, work, every, own_every)
    if patience is not None and curves:
        update = {"regret": _regret(curves, every), "regret_metric": metric}
        found = found.model_copy(update=update)
    gain = None
    if own_every is not None and own_every <= work.steps:
        gain = law.seconds(own_every) / law.seconds(every) - 1
    return stopping.model_copy(update={"spacing": found, "gain": gain})


def _why_none(law: SpacingLaw, every: int, planned_steps: float | None) -> Note | None:
    """Why no spacing stops training sooner than any other; None: one does."""
    if law.best >= law.work:
        return note("spacing_beyond_work", work=max(1, round(law.work)))
    if planned_steps is not None and law.stops_after(every) > planned_steps:
        return note("spacing_beyond_plan", stops=round(law.stops_after(every)))
    return None


def _spacing(law: SpacingLaw, work: Work, every: int, own_every: float | None) -> Spacing:
    low, high = law.near()
    candidates = {max(1, rounded_up(round(law.best * factor))) for factor in _FACTORS} | {every}
    if own_every is not None:
        candidates.add(max(1, round(own_every)))
    least = law.seconds(law.best)
    return Spacing(
        work_steps=work.steps,
        work_from=work.source,
        work_low=work.low,
        work_high=work.high,
        step_s=law.step_s,
        evaluation_s=law.evaluation_s,
        every_steps=every,
        near_low=min(every, max(1, math.ceil(low))),
        near_high=max(every, math.floor(high)),
        near=NEAR,
        at_most_longer=_at_most_longer(law, work, every),
        costs=[
            SpacingCost(
                every_steps=each,
                evaluations=law.evaluations(each),
                stops_after=law.stops_after(each),
                training_s=law.seconds(each),
                longer=law.seconds(each) / least - 1,
            )
            for each in sorted(candidates)
            if each <= work.steps or each == every
        ],
    )


def _written(law: SpacingLaw) -> int:
    """The best spacing as people write it: two digits, whichever neighbour costs less."""
    steps = math.floor(law.best)
    near = {max(1, rounded_up(each)) for each in (steps, steps + 1)}
    return min(near, key=law.seconds)


def _at_most_longer(law: SpacingLaw, work: Work, every: int) -> float | None:
    if work.low is None or work.high is None:
        return None
    longer = []
    for steps in (work.low, work.high):
        other = SpacingLaw(max(1.0, steps), law.step_s, law.evaluation_s, law.patience)
        longer.append(other.seconds(every) / other.seconds(other.best) - 1)
    return max(longer)


def _regret(curves: Sequence[LossCurve], every: int) -> float | None:
    """What is kept at about a spacing, against the best; mean over runs and where it begins."""
    lost = []
    for curve in curves:
        apart = float(np.median(np.diff(curve.steps))) if len(curve.steps) > 1 else every
        nth = round(every / apart)
        # what lies between its own evaluations nobody saw
        if not 1 <= nth <= len(curve.steps) // 2 or not np.isfinite(curve.loss).all():
            continue
        kept = [replay(curve, places).kept_at for places in starts(curve, nth)]
        lost.append(mean(float(curve.loss[place] - curve.loss.min()) for place in kept))
    return mean(lost) if lost else None


def spacing_of(evaluated_after: Sequence[float] | None) -> float | None:
    """Steps from one evaluation of a job to the next; None: it has fewer than two, or is uneven."""
    if evaluated_after is None or len(evaluated_after) < 2:
        return None
    gaps = [after - before for before, after in pairwise(evaluated_after) if after > before]
    # the last one may come sooner, at the end
    if not gaps or any(gap != gaps[0] for gap in gaps[:-1]) or gaps[-1] > gaps[0]:
        return None
    return float(gaps[0])
