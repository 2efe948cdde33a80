"""When two logs are of one run.

Of one run, an evaluation took the same seconds in every log. Losses alone say less: a run that was
made again with the same seed, under another schedule, has the same ones. So logs without times in
common have to lie in one folder, or to say the same of the whole training; and where one evaluated,
the other must have too.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from itertools import product
from pathlib import PurePath
from typing import TYPE_CHECKING

from evalskip.logs.finished import PRINTED_EPOCH

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from evalskip.logs.finished import Evaluation, FinishedRun, TrainingPart

_CHECKPOINT = re.compile(r"checkpoint-\d+")
_PRINTED = 2e-3
"""Relative difference that four printed digits may make."""
_PRINTED_TIME, _LEAST_TIME = 5.1e-4, 5.1e-5
"""The same of seconds, which are logged to four places after the point."""
_LONG = 1.0
"""Seconds that are logged to five digits or more."""
_FEW, _FEW_LOSSES = 6, 3
"""First evaluations, and losses, by which other logs of a run are looked for."""
_COMPARED = 24
_MOST = 2_000
_CLOCK = 2.0
"""Seconds by which a clock of whole ones, and what closes a training, may differ from it."""


def folder_of(path: str) -> str:
    """The folder of the run that a file is of; that of a checkpoint or reporter is the run's."""
    place = PurePath(path)
    folder = place.parent
    if "tfevents" in place.name and "runs" in folder.parts[-2:]:
        folder = folder.parent if folder.name == "runs" else folder.parent.parent
    if _CHECKPOINT.fullmatch(folder.name):
        folder = folder.parent
    return str(folder)


def _is_checkpoint(run: FinishedRun) -> bool:
    return all(_CHECKPOINT.fullmatch(PurePath(each.path).parent.name) for each in run.sources)


def _folders(run: FinishedRun) -> set[str]:
    return {folder_of(each.path) for each in run.sources}


def is_same(one: FinishedRun, other: FinishedRun) -> bool:
    """Whether two logs are of one run."""
    if _times_differ(one, other):
        return False
    twins = list(_twins(one, other))
    if not _same_schedule(one, other):
        return False
    losses = list(_shared_losses(one, other))
    are_near = bool(_folders(one) & _folders(other))
    if timed := [pair for pair in twins if _are_timed(one, other, *pair)]:
        agreeing = [pair for pair in timed if _agree(*pair)]
        # one short time may be equal by chance, above all in trainings of one seed
        is_sure = are_near or len(agreeing) > 1 or (timed[0][0].seconds or 0.0) >= _LONG
        # a training that was resumed may evaluate a step again, its last ones
        begins_so = timed[0] in agreeing and 2 * len(agreeing) >= len(timed)
        return is_sure and begins_so and _most_alike(losses)
    pairs = [
        (mine.metrics[name], theirs.metrics[name])
        for mine, theirs in twins
        for name in mine.metrics.keys() & theirs.metrics.keys()
    ]
    evaluated = len(pairs)
    pairs += losses
    if not _most_alike(pairs):
        return False
    if are_near:
        is_partial = _is_checkpoint(one) or _is_checkpoint(other)
        planned = {one.planned_steps, other.planned_steps} - {None}
        return len(pairs) >= 2 or (is_partial and len(planned) == 1)
    return len(pairs) >= 2 and (bool(evaluated) or _times_equal(one, other))


def _are_timed(one: FinishedRun, other: FinishedRun, mine: Evaluation, theirs: Evaluation) -> bool:
    return bool(mine.seconds and theirs.seconds) and one.clock is None and other.clock is None


def _agree(one: Evaluation, other: Evaluation) -> bool:
    """Whether two took the same seconds and gave the same figures."""
    shared = one.metrics.keys() & other.metrics.keys()
    mine, theirs = one.seconds or 0.0, other.seconds or 0.0
    is_equal = math.isclose(mine, theirs, rel_tol=_PRINTED_TIME, abs_tol=_LEAST_TIME)
    return is_equal and all(alike(one.metrics[name], other.metrics[name]) for name in shared)


def _most_alike(pairs: Sequence[tuple[float, float]]) -> bool:
    return sum(alike(*pair) for pair in pairs) >= 0.9 * len(pairs)


def alike(one: float, other: float) -> bool:
    """Whether two figures are one, up to the digits that are printed."""
    if math.isnan(one) or math.isnan(other):
        return math.isnan(one) and math.isnan(other)
    return one == other or math.isclose(one, other, rel_tol=_PRINTED, abs_tol=6e-5)


def have_equal_times(some: Sequence[TrainingPart], others: Sequence[TrainingPart]) -> bool:
    """Whether a part of a training took the same seconds in both."""
    return any(alike(one.seconds, other.seconds) for one in some for other in others)


def _times_equal(one: FinishedRun, other: FinishedRun) -> bool:
    """Whether both say the same of what training took, one by a clock perhaps."""
    if one.parts and other.parts:
        return have_equal_times(one.parts, other.parts)
    times = _whole_times(one, other)
    return len(times) == 2 and abs(times[0] - times[1]) <= _CLOCK + 0.01 * max(times)


def _times_differ(one: FinishedRun, other: FinishedRun) -> bool:
    """Whether both say what their whole training took, and say different things."""
    if not (one.parts and other.parts):
        return len(_whole_times(one, other)) == 2 and not _times_equal(one, other)
    # the first part of a training that was resumed ends before the other does
    ends = [run.parts[-1].step or run.parts[-1].epoch or 0.0 for run in (one, other)]
    return not _times_equal(one, other) and ends[0] == ends[1]


def _whole_times(*runs: FinishedRun) -> list[float]:
    return [
        run.clock.seconds if run.clock else sum(part.seconds for part in run.parts)
        for run in runs
        if run.ended and (run.clock or run.parts)
    ]


def _twins(one: FinishedRun, other: FinishedRun) -> Iterator[tuple[Evaluation, Evaluation]]:
    """Evaluations of one set at one place, as both have them."""
    shorter, longer = sorted((one, other), key=lambda run: len(run.evaluations))
    by_place: dict[tuple[str, int], list[Evaluation]] = defaultdict(list)
    for each in longer.inside:
        for key in _keys(each):
            by_place[key].append(each)
    for each in shorter.inside[:_COMPARED]:
        for twin in _at(by_place, each):
            if not (each.metrics and twin.metrics) or each.metrics.keys() & twin.metrics.keys():
                yield each, twin
                break


def _keys(evaluation: Evaluation) -> Iterator[tuple[str, int]]:
    if evaluation.step is not None:
        yield "step", round(evaluation.step)
    if evaluation.epoch is not None:
        yield "epoch", round(100 * evaluation.epoch)


def _at(
    by_place: dict[tuple[str, int], list[Evaluation]], evaluation: Evaluation
) -> Iterator[Evaluation]:
    """Those at the same step, or where one of both has none, at the same epoch."""
    if evaluation.step is not None:
        yield from by_place.get(("step", round(evaluation.step)), ())
    if evaluation.epoch is None:
        return
    near = round(100 * evaluation.epoch)
    for place in (near, near - 1, near + 1):
        for each in by_place.get(("epoch", place), ()):
            is_by_step = evaluation.step is not None and each.step is not None
            if not is_by_step and abs((each.epoch or 0.0) - evaluation.epoch) <= PRINTED_EPOCH:
                yield each


def _same_schedule(one: FinishedRun, other: FinishedRun) -> bool:
    """Whether both evaluated at the same places, where both logs have evaluations or could."""
    if not (one.tells_inside and other.tells_inside):
        return True
    by_step = all(_has_steps(run) for run in (one, other))
    ends = [run.steps if by_step else run.epoch for run in (one, other)]
    if ends[0] is None or ends[1] is None:
        return not (one.inside or other.inside)
    places = [
        [
            place
            for each in run.inside
            if (place := each.step if by_step else each.epoch) is not None
        ]
        for run in (one, other)
    ]
    # what was printed of a training that was resumed begins late, and the last may be cut off
    firsts = [next(filter(None, own), None) for own in places]
    rounding = 0.0 if by_step else PRINTED_EPOCH
    begin = (max(firsts[0], firsts[1]) if firsts[0] and firsts[1] else 0.0) - rounding
    end = min(ends[0], ends[1]) - rounding
    keys = [
        {round(place if by_step else 100 * place) for place in own if begin <= place < end}
        for own in places
    ]
    slack = 0 if by_step else 1
    return all(
        any(abs(place - twin) <= slack for twin in twins)
        for mine, twins in (keys, keys[::-1])
        for place in mine
    )


def _has_steps(run: FinishedRun) -> bool:
    return run.steps is not None and all(each.step is not None for each in run.inside)


def _shared_losses(one: FinishedRun, other: FinishedRun) -> Iterator[tuple[float, float]]:
    """Training losses that both logged at the same step, or else at the same epoch."""
    by_step = {step: loss for step, _, loss in other.losses.first if step is not None}
    by_epoch = {f"{epoch:.2f}": loss for _, epoch, loss in other.losses.first if epoch is not None}
    for step, epoch, loss in one.losses.first:
        if step in by_step:
            yield loss, by_step[step]
        elif (step is None or not by_step) and epoch is not None and f"{epoch:.2f}" in by_epoch:
            yield loss, by_epoch[f"{epoch:.2f}"]


def tokens(run: FinishedRun) -> tuple[list[str], list[str]]:
    """By which a run is found, and by which it finds others that may be the same.

    They are figures cut to a few digits, and one may be rounded the other way in another log: so
    it looks for both. A log of one figure alone, an early checkpoint's, is found by that; and what
    a checkpoint holds may be nothing, so folders are looked into.
    """
    own, sought = list[str](), list[str]()
    losses = [loss for _, _, loss in run.losses.first[:_FEW_LOSSES]]
    for count in range(1, len(losses) + 1):
        ways = [f"{count} {way}" for way in _cut(losses[:count])]
        own.append(f"losses {ways[0]}")
        if count == len(losses):
            sought += [f"losses {way}" for way in ways]
            own.append(f"alone {ways[0]}")
        else:
            sought += [f"alone {way}" for way in ways]
    timed = [each for each in run.inside[:_MOST] if each.metrics and each.seconds]
    own += [f"evaluation {_marks(each)[0]}" for each in timed]
    sought += [f"evaluation {way}" for each in timed[:_FEW] for way in _marks(each)]
    for folder in _folders(run):
        kind = "checkpoint" if _is_checkpoint(run) else "folder"
        own.append(f"{kind} {folder}")
        sought.append(f"checkpoint {folder}")
        sought += [f"folder {folder}"] if kind == "checkpoint" else []
    return own, sought


def _marks(evaluation: Evaluation) -> list[str]:
    """What a timed evaluation is known by: its seconds and a figure, a loss if there is one."""
    name = min(evaluation.metrics, key=lambda metric: (not metric.endswith("loss"), metric))
    figures = _cut([evaluation.metrics[name]])
    seconds = _cut([evaluation.seconds or 0.0], digits=4, differing=5e-4)
    return [f"{figure} {time}" for figure, time in product(figures, seconds)]


def _cut(figures: Sequence[float], digits: int = 3, differing: float = _PRINTED) -> list[str]:
    """Figures to a few digits, each as it is first, and as it may have been rounded."""
    factors = (1.0, 1 + differing, 1 / (1 + differing))
    ways = (dict.fromkeys(f"{each * by:.{digits}g}" for by in factors) for each in figures)
    return [" ".join(way) for way in product(*ways)]
