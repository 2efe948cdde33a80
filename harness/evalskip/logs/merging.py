"""Several logs of one run are one run: a checkpoint's state, the final one, what was printed.

Runs are told apart by what they hold. Of one run, evaluations at the same place took the same
seconds and gave the same figures, up to the digits that are printed; a run that was made again with
the same seed has the same losses, and other seconds.
"""

from __future__ import annotations

import math
import re
from itertools import product
from pathlib import PurePath
from typing import TYPE_CHECKING

from evalskip.logs.formats import results_file, tensorboard, wandb_summary

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from evalskip.logs.finished import Evaluation, FinishedRun, TrainingPart

_CHECKPOINT = re.compile(r"checkpoint-\d+")
_PRINTED = 2e-3
"""Relative difference that four printed digits may make."""
_EPOCH = 0.011
_RESULTS = frozenset({results_file.FORMAT, wandb_summary.FORMAT})
"""Formats that hold what a run came to, not how."""
_FEW = 6
"""Evaluations that are compared, and losses by which candidates are found."""


def merged(runs: Sequence[FinishedRun]) -> list[FinishedRun]:
    """The same runs, each once, in the order in which they were found."""
    groups: list[FinishedRun | None] = []
    by_token: dict[str, list[int]] = {}
    loose: list[FinishedRun] = []
    for run in runs:
        if _is_result(run):
            loose.append(run)
            continue
        tokens, sought = _tokens(run)
        near = dict.fromkeys(place for token in sought for place in by_token.get(token, ()))
        target = next((p for p in near if (g := groups[p]) is not None and is_same(g, run)), None)
        if target is None:
            target = len(groups)
            groups.append(run)
        else:
            groups[target] = _joined(groups[target] or run, run)
        for token in tokens:
            places = by_token.setdefault(token, [])
            if target not in places:
                places.append(target)
    found = [group for group in groups if group is not None]
    return _with_results(found, loose)


def folder_of(path: str) -> str:
    """The folder of the run that a file is of; that of a checkpoint or reporter is the run's."""
    folder = PurePath(path).parent
    if "runs" in folder.parts[-2:]:  # of TensorBoard
        folder = folder.parent if folder.name == "runs" else folder.parent.parent
    if _CHECKPOINT.fullmatch(folder.name):
        folder = folder.parent
    return str(folder)


def is_same(one: FinishedRun, other: FinishedRun) -> bool:
    """Whether two logs are of one run."""
    return _agree(one, other) and not _contradict(one, other)


def _agree(one: FinishedRun, other: FinishedRun) -> bool:
    """Whether enough of what both hold is equal."""
    compared = equal = 0
    others = {e.place: e for e in other.evaluations if e.when == "inside"}
    for evaluation in [e for e in one.evaluations if e.when == "inside"][:_FEW]:
        twin = _at(others, evaluation)
        if twin is None:
            continue
        shared = evaluation.metrics.keys() & twin.metrics.keys()
        for name in shared:
            compared += 1
            equal += _alike(evaluation.metrics[name], twin.metrics[name])
        if evaluation.seconds and twin.seconds and _is_timed(one) and _is_timed(other):
            if not _alike(evaluation.seconds, twin.seconds):
                return False
            compared, equal = compared + 2, equal + 2
    for loss, twin_loss in _shared_losses(one, other):
        compared += 1
        equal += _alike(loss, twin_loss)
    return compared >= 2 and equal >= 0.9 * compared


def _shared_losses(one: FinishedRun, other: FinishedRun) -> Iterator[tuple[float, float]]:
    """Training losses that both logged at the same step, or else at the same epoch."""
    by_step = {step: loss for step, _, loss in other.losses.first if step is not None}
    by_epoch = {f"{epoch:.2f}": loss for _, epoch, loss in other.losses.first if epoch is not None}
    for step, epoch, loss in one.losses.first:
        if step in by_step:
            yield loss, by_step[step]
        elif (step is None or not by_step) and epoch is not None and f"{epoch:.2f}" in by_epoch:
            yield loss, by_epoch[f"{epoch:.2f}"]


def _contradict(one: FinishedRun, other: FinishedRun) -> bool:
    """Whether both say what their whole training took, and say different things."""
    if not (one.parts and other.parts):
        return False
    if any(_alike(a.seconds, b.seconds) for a in one.parts for b in other.parts):
        return False
    # the first part of a training that was resumed ends before the other does
    ends = [run.parts[-1].step or run.parts[-1].epoch or 0.0 for run in (one, other)]
    return ends[0] == ends[1]


def _is_timed(run: FinishedRun) -> bool:
    """Whether its evaluations were timed, rather than taken from a clock."""
    return run.clock is None


def _at(others: dict[float | None, Evaluation], evaluation: Evaluation) -> Evaluation | None:
    if evaluation.place in others:
        return others[evaluation.place]
    if evaluation.epoch is None:
        return None
    return next(
        (
            each
            for each in list(others.values())[: 4 * _FEW]
            if each.epoch is not None and abs(each.epoch - evaluation.epoch) <= _EPOCH
        ),
        None,
    )


def _alike(one: float, other: float) -> bool:
    if math.isnan(one) or math.isnan(other):
        return math.isnan(one) and math.isnan(other)
    return one == other or math.isclose(one, other, rel_tol=_PRINTED, abs_tol=6e-5)


def _is_result(run: FinishedRun) -> bool:
    """Whether it says what a training came to, not how.

    The Trainer's reporter closes its file of events as training ends, and an evaluation after that
    goes into another one.
    """
    places = {each.place for each in run.evaluations}
    is_evaluation = run.sources[0].format == tensorboard.FORMAT and len(places) == 1
    return run.sources[0].format in _RESULTS or (
        is_evaluation and not run.parts and not run.losses.count
    )


def _tokens(run: FinishedRun) -> tuple[list[str], list[str]]:
    """By which a run is found, and by which it finds others: figures that follow each other.

    Figures are cut to three digits, and one may be rounded the other way in another log. A log of
    one figure alone, an early checkpoint's, is found by that.
    """
    own, sought = list[str](), list[str]()
    losses = [loss for _, _, loss in run.losses.first[:_FEW]]
    evaluated = [
        each.metrics[min(each.metrics, key=_order)] for each in run.inside[:_FEW] if each.metrics
    ]
    for kind, figures in (("loss", losses), ("evaluation", evaluated)):
        if figures:
            first = _cut(figures[:1])
            is_short = len(figures) == 1
            own += [f"{kind} first {token}" for token in first]
            own += [f"{kind} alone {token}" for token in first if is_short]
            sought += [f"{kind} {'first' if is_short else 'alone'} {token}" for token in first]
        for place in range(0, len(figures) - 1, 2):
            pair = [f"{kind} {place} {token}" for token in _cut(figures[place : place + 2])]
            own += pair
            sought += pair
    return own, sought


def _cut(figures: Sequence[float]) -> list[str]:
    """Figures to three digits, each as it is and as it may have been rounded."""
    ways = ({f"{each:.3g}", f"{each * (1 + _PRINTED):.3g}"} for each in figures)
    return [" ".join(way) for way in product(*ways)]


def _order(metric: str) -> tuple[bool, str]:
    """A loss first, since every log has it."""
    return not metric.endswith("loss"), metric


def _joined(one: FinishedRun, other: FinishedRun) -> FinishedRun:
    """Both as one: the fuller of them, with what only the other knows."""
    fuller, lesser = (one, other) if _fullness(one) >= _fullness(other) else (other, one)
    if not _is_timed(fuller) and _is_timed(lesser) and len(lesser.inside) >= len(fuller.inside):
        fuller, lesser = lesser, fuller
    seconds = [part.seconds for part in fuller.parts]
    parts = [p for p in lesser.parts if not any(_alike(p.seconds, own) for own in seconds)]
    fuller.parts = sorted([*fuller.parts, *parts], key=lambda p: p.step or p.epoch or 0.0)
    fuller.sources = [*one.sources, *other.sources]
    after = [e for e in fuller.evaluations if e.when == "after"]
    fuller.evaluations += [
        e for e in lesser.evaluations if e.when == "after" and not _is_known(e, after)
    ]
    fuller.best = fuller.best or lesser.best
    fuller.patience = fuller.patience or lesser.patience
    fuller.steps = fuller.steps or lesser.steps
    fuller.planned_steps = fuller.planned_steps or lesser.planned_steps
    fuller.planned_epochs = fuller.planned_epochs or lesser.planned_epochs
    fuller.clock = fuller.clock if fuller.clock or not lesser.ended else lesser.clock
    fuller.ended = fuller.ended or lesser.ended
    fuller.restarted = fuller.restarted or lesser.restarted
    fuller.tells_inside = fuller.tells_inside or lesser.tells_inside
    return fuller


def _is_known(evaluation: Evaluation, others: Sequence[Evaluation]) -> bool:
    return any(
        evaluation.seconds is not None
        and each.seconds is not None
        and _alike(evaluation.seconds, each.seconds)
        for each in others
    )


def _fullness(run: FinishedRun) -> tuple[float, ...]:
    has_steps = run.steps is not None
    return (
        run.last_place is not None,
        len(run.evaluations),
        run.losses.count,
        has_steps,
        len(run.parts),
    )


def _with_results(runs: list[FinishedRun], loose: Sequence[FinishedRun]) -> list[FinishedRun]:
    """Results files put to the run of their folder, or to each other."""
    by_folder: dict[str, list[FinishedRun]] = {}
    for run in runs:
        for source in run.sources:
            of_folder = by_folder.setdefault(folder_of(source.path), [])
            if not any(run is each for each in of_folder):
                of_folder.append(run)
    alone: dict[str, list[FinishedRun]] = {}
    for result in loose:
        candidates = by_folder.get(folder_of(result.sources[0].path), [])
        fitting = [run for run in candidates if _fits(run, result.parts)]
        if len(fitting) == 1:
            _add_result(fitting[0], result)
            continue
        twins = alone.setdefault(folder_of(result.sources[0].path), [])
        twin = next((run for run in twins if _fits(run, result.parts)), None)
        if twin is None:
            twins.append(result)
        else:
            _add_result(twin, result)
    return [*runs, *(run for twins in alone.values() for run in twins)]


def _fits(run: FinishedRun, parts: Sequence[TrainingPart]) -> bool:
    """Whether what a results file says of training can be of a run: equal, or not known yet."""
    if not (run.parts and parts):
        return True
    return any(_alike(a.seconds, b.seconds) for a in run.parts for b in parts)


def _add_result(run: FinishedRun, result: FinishedRun) -> None:
    if not run.parts and result.parts and _may_have_ended(run):
        run.parts = list(result.parts)
        run.ended = True
    last = run.inside[-1] if run.inside else None
    known = [e for e in run.evaluations if e.when == "after"]
    for evaluation in result.evaluations:
        evaluation.when = "after"
        is_last = last is not None and _is_known(evaluation, [last])
        if not (is_last or _is_known(evaluation, known)):
            run.evaluations.append(evaluation)
            known.append(evaluation)
    run.sources = [*run.sources, *result.sources]


def _may_have_ended(run: FinishedRun) -> bool:
    """Whether its log goes to the end, as far as that is known."""
    return run.planned_steps is None or run.steps is None or run.steps >= run.planned_steps
