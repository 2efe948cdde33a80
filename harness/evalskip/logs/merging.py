"""Several logs of one run are one run: a checkpoint's state, the final one, what was printed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.logs.finished import most
from evalskip.logs.formats import results_file, tensorboard, wandb_summary
from evalskip.logs.sameness import alike, folder_of, have_equal_times, is_same, tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.logs.finished import Evaluation, FinishedRun, TrainingPart

_RESULTS = frozenset({results_file.FORMAT, wandb_summary.FORMAT})
"""Formats that hold what a run came to, not how."""


def merged(runs: Sequence[FinishedRun]) -> list[FinishedRun]:
    """The same runs, each once, in the order in which they were found."""
    groups: list[FinishedRun] = []
    joined: dict[int, int] = {}
    by_token: dict[str, list[int]] = {}
    loose: list[FinishedRun] = []
    for run in runs:
        if _is_result(run):
            loose.append(run)
            continue
        own, sought = tokens(run)
        places = (place for token in sought for place in by_token.get(token, ()))
        near = dict.fromkeys(_end(place, joined) for place in places)
        # one that holds a training from its first part to its last joins what was apart before
        same = [place for place in near if is_same(groups[place], run)]
        target = same[0] if same else len(groups)
        if not same:
            groups.append(run)
        for place in same:
            groups[target] = run = _joined(groups[place], run)
            if place != target:
                joined[place] = target
        for token in own:
            by_token.setdefault(token, []).append(target)
    found = [group for place, group in enumerate(groups) if place not in joined]
    return _with_results(found, loose)


def _end(place: int, joined: dict[int, int]) -> int:
    """Where a group has gone that was joined to another."""
    while place in joined:
        place = joined[place]
    return place


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


def _joined(one: FinishedRun, other: FinishedRun) -> FinishedRun:
    """Both as one: the fuller of them, with what only the other knows."""
    fuller, lesser = (one, other) if _fullness(one) >= _fullness(other) else (other, one)
    if fuller.clock and not lesser.clock and len(lesser.inside) >= len(fuller.inside):
        fuller, lesser = lesser, fuller
    seconds = [part.seconds for part in fuller.parts]
    parts = [p for p in lesser.parts if not any(alike(p.seconds, own) for own in seconds)]
    fuller.parts = sorted([*fuller.parts, *parts], key=lambda p: p.step or p.epoch or 0.0)
    fuller.sources = [*one.sources, *other.sources]
    after = [e for e in fuller.evaluations if e.when == "after"]
    fuller.evaluations += [
        e for e in lesser.evaluations if e.when == "after" and not _is_known(e, after)
    ]
    fuller.best = fuller.best or lesser.best
    if fuller.patience is None:
        fuller.patience = lesser.patience
        fuller.patience_threshold = lesser.patience_threshold
    fuller.steps = most(fuller.steps, lesser.steps)
    fuller.epoch = most(fuller.epoch, lesser.epoch)
    fuller.planned_steps = fuller.planned_steps or lesser.planned_steps
    if fuller.clock is None and not fuller.parts and lesser.ended:
        fuller.clock = lesser.clock
    fuller.ended = fuller.ended or lesser.ended
    fuller.restarted = fuller.restarted or lesser.restarted
    fuller.tells_inside = fuller.tells_inside or lesser.tells_inside
    return fuller


def _is_known(evaluation: Evaluation, others: Sequence[Evaluation]) -> bool:
    return any(
        evaluation.seconds is not None
        and each.seconds is not None
        and alike(evaluation.seconds, each.seconds)
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
        # it is of a training that is over, and tells of nothing inside it
        result.tells_inside = False
        for evaluation in result.evaluations:
            evaluation.when = "after"
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
    return not (run.parts and parts) or have_equal_times(run.parts, parts)


def _add_result(run: FinishedRun, result: FinishedRun) -> None:
    if not run.parts and result.parts and _may_have_ended(run):
        run.parts = list(result.parts)
        run.ended = True
    last = run.inside[-1] if run.inside else None
    known = [e for e in run.evaluations if e.when == "after"]
    for evaluation in result.evaluations:
        is_last = last is not None and _is_known(evaluation, [last])
        if not (is_last or _is_known(evaluation, known)):
            run.evaluations.append(evaluation)
            known.append(evaluation)
    run.sources = [*run.sources, *result.sources]


def _may_have_ended(run: FinishedRun) -> bool:
    """Whether its log goes to the end, as far as that is known."""
    return run.planned_steps is None or run.steps is None or run.steps >= run.planned_steps
