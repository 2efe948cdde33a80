"""What evaluation cost a run that is over, and what other schedules would have taken."""

from __future__ import annotations

import math
from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING

from evalskip.analysis.metrics import metric_of
from evalskip.analysis.past import missed
from evalskip.analysis.recognised import generates, kind_of, occasions, schedule_of
from evalskip.analysis.recommendation import EvaluationShares, recommend, recommend_spacing
from evalskip.analysis.run_times import begins_late, how_far, times_of, trained_samples, whole_steps
from evalskip.analysis.stopped import stopping_of_run
from evalskip.jobs import Keeping
from evalskip.logs import folder_of
from evalskip.notes import note
from evalskip.public import public_map, quantile
from evalskip.summary import AuditedRun, Interval, LogSource, PublicPlace, ScheduleCost

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.analysis.run_times import RunTimes
    from evalskip.logs import Evaluation, FinishedRun
    from evalskip.notes import Note
    from evalskip.summary import EvaluationKind, Recommendation
    from evalskip.targets import Target

_EPOCHS = (1, 2, 5)
"""Of which one is evaluated."""
_LEVEL = 0.95
_FEWEST_PUBLIC = 5
_OWN_NAMES = frozenset(
    {
        "all_results.json",
        "eval_results.json",
        "output.log",
        "predict_results.json",
        "train_results.json",
        "trainer_log.jsonl",
        "trainer_state.json",
        "wandb-summary.json",
    }
)
"""Of files that a training writes into a folder of its own."""


def audited(run: FinishedRun, within: float, target: Target | None = None) -> AuditedRun:
    """The figures of one run.

    Args:
        run: as its logs tell it.
        within: the share that evaluation should keep to.
        target: at which such training stops; None: it does not, but by the run's own patience.
    """
    times = times_of(run)
    groups = occasions(run)
    after = [each for each in run.evaluations if each.when == "after"]
    evaluation_s = times.evaluation_s
    share = share_with_after = gain = gain_with_after = None
    if times.training_s and evaluation_s is not None and times.share_unknown is None:
        share = evaluation_s / times.training_s
        gain = _gain(times.training_s, evaluation_s)
        if after and times.evaluation_after_s is not None:
            whole = times.training_s + times.evaluation_after_s
            share_with_after = (evaluation_s + times.evaluation_after_s) / whole
            gain_with_after = _gain(whole, evaluation_s + times.evaluation_after_s)
    first_s = _first_s(groups)
    trained = trained_samples(run)
    evaluated = _evaluated(run)
    ratio = None
    if times.training_s and trained and evaluated and evaluation_s:
        ratio = (times.training_s - evaluation_s) / evaluation_s * evaluated / trained
        ratio = ratio if math.isfinite(ratio) else None
    generating = generates(run, ratio)
    kind = kind_of(run, generating)
    recommendation = _recommendation(run, times, groups, within)
    stopping = stopping_of_run(run, times, groups, target)
    if stopping and stopping.is_of_the_run:  # then a share is not what it should keep to
        found = stopping.spacing
        recommendation = recommend_spacing(found, within, [], _keeping(run)) if found else None
    return AuditedRun(
        name=name_of(run),
        sources=[LogSource(path=each.path, format=each.format) for each in run.sources],
        training_s=times.training_s,
        share_unknown=times.share_unknown,
        evaluations=len(groups),
        sets=max(map(len, groups), default=0),
        evaluation_s=evaluation_s,
        evaluation_error_s=times.error_s,
        evaluations_after=len(after),
        evaluation_after_s=times.evaluation_after_s if after else None,
        share=share,
        share_with_after=share_with_after,
        gain=gain,
        gain_with_after=gain_with_after,
        first_evaluation_s=first_s,
        first_share=first_s / evaluation_s if first_s is not None and evaluation_s else None,
        trained_samples=trained,
        evaluated_samples=evaluated,
        train_over_evaluation=ratio,
        generates=generating,
        kind=kind,
        schedule=schedule_of(run),
        steps=run.steps or whole_steps(run),
        planned_steps=run.planned_steps if run.steps else None,
        epochs=run.epoch,
        place=_place(ratio, kind),
        schedules=_schedules(run, times, len(groups), share),
        recommendation=recommendation,
        stopping=stopping,
        missed=missed(run),
        warnings=_warnings(run),
    )


def name_of(run: FinishedRun) -> str:
    """The file, or the folder of a run's own files."""
    paths = [source.path for source in run.sources]
    folders = {folder_of(path) for path in paths}
    # a folder with logs of many runs, under names of their own, names none of them
    is_own = any(PurePath(path).name in _OWN_NAMES for path in paths)
    if len(paths) > 1 and len(folders) == 1 and is_own:
        return folders.pop()
    return paths[0]


def _gain(training_s: float, evaluation_s: float) -> float | None:
    rest = training_s - evaluation_s
    return evaluation_s / rest if rest > 0 else None


def _first_s(groups: Sequence[Sequence[Evaluation]]) -> float | None:
    seconds = [each.seconds for each in groups[0]] if groups else [None]
    return None if None in seconds else sum(second or 0.0 for second in seconds)


def _evaluated(run: FinishedRun) -> float | None:
    samples = [each.samples for each in run.inside]
    return None if not samples or None in samples else sum(count or 0.0 for count in samples)


def _place(ratio: float | None, kind: EvaluationKind | None) -> PublicPlace | None:
    """Among public repositories whose evaluation generates as well, or does not as well."""
    if ratio is None or kind is None:
        return None
    others = [
        each.train_over_evaluation
        for each in public_map().costs
        if (each.kind == "generate") == (kind == "generate")
    ]
    if len(others) < _FEWEST_PUBLIC:
        return None
    return PublicPlace(
        repositories=len(others),
        dearer_than=sum(each > ratio for each in others),
        low=quantile(others, 0.25),
        high=quantile(others, 0.75),
    )


def _schedules(
    run: FinishedRun, times: RunTimes, count: int, share: float | None
) -> list[ScheduleCost]:
    """What schedules would have taken, the run's own first; empty where costs are not known."""
    if not (count and times.training_s and times.evaluation_s is not None and share):
        return []
    each_s = times.evaluation_s / count
    rest_s = times.training_s - times.evaluation_s
    # the last part of a resumed training has other epochs than its log has figures of
    epochs = int(run.epoch + 1e-3) if run.epoch and not begins_late(run) else 0

    def cost(schedule: Note, evaluations: int) -> ScheduleCost:
        seconds = rest_s + evaluations * each_s
        share = evaluations * each_s / seconds if seconds > 0 else 1.0
        return ScheduleCost(
            schedule=schedule, evaluations=evaluations, training_s=seconds, share=share
        )

    others = {
        n: note("every_n_epochs", count=n) if n > 1 else note("every_epoch")
        for n in _EPOCHS
        if epochs >= 2 * n and epochs // n != count
    }
    return [
        cost(note("as_it_was"), count),
        *(cost(schedule, epochs // n) for n, schedule in others.items()),
        cost(note("final_only"), 1),
        cost(note("off"), 0),
    ]


def _recommendation(
    run: FinishedRun,
    times: RunTimes,
    groups: Sequence[Sequence[Evaluation]],
    within: float,
) -> Recommendation | None:
    """The densest schedule within the share, evaluations inside training alone counted."""
    steps = whole_steps(run)
    if not (steps and groups and times.training_s and times.evaluation_s):
        return None
    if times.share_unknown or begins_late(run):
        return None
    before = int(groups[0][0].place == 0)
    each_s = times.evaluation_s / len(groups)
    rest_s = times.training_s - times.evaluation_s
    own = [group[0].step for group in groups]
    scale = steps / run.epoch if run.epoch else 0.0
    own_steps = [
        round(step if step is not None else (group[0].epoch or 0.0) * scale)
        for step, group in zip(own, groups, strict=True)
    ]
    shares = EvaluationShares([], steps, partial(_share, each_s, rest_s))
    return recommend(
        shares, within, before=before, closing=0, keeping=_keeping(run), own_steps=own_steps
    )


def _keeping(run: FinishedRun) -> Keeping:
    return Keeping(loads_best=run.best is not None, patience=run.patience)


def _share(each_s: float, rest_s: float, evaluations: int, _: int) -> Interval:
    spent = evaluations * each_s
    return Interval(estimate=spent / (rest_s + spent) if spent else 0.0, level=_LEVEL)


def _warnings(run: FinishedRun) -> list[Note]:
    warnings = list(run.warnings)
    warnings += how_far(run)
    before = sum(each.when == "before" for each in run.evaluations)
    if before:
        warnings.append(note("evaluated_before_training", count=before))
    metric = metric_of(run)
    values = [e.metrics[metric.name] for e in run.inside if metric and metric.name in e.metrics]
    if metric and (unfit := sum(not math.isfinite(value) for value in values)):
        warnings.append(note("no_number", metric=metric.name, count=unfit))
    if not run.tells_inside:
        warnings.append(note("inside_not_told"))
    untimed = sum(each.seconds is None for each in run.inside)
    if untimed:
        warnings.append(note("evaluations_untimed", count=untimed))
    return warnings
