"""What each schedule, and each substitute for evaluation, would have missed: over seeds."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Literal

import numpy as np

from evalskip.analysis.curves import ranks_alike, replay
from evalskip.analysis.intervals import crossed_interval, mean_interval
from evalskip.analysis.verdicts import unseen_probability
from evalskip.notes import note
from evalskip.summary import ScheduleRegret

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from evalskip.analysis.curves import LossCurve, Replay
    from evalskip.analysis.pieces import Floats
    from evalskip.notes import Note
    from evalskip.summary import Interval

SUBSET = 0.1
"""Of the evaluation rows, the share of a random subset."""
HELD_BACK = (1.0, 0.5, 0.1)
"""Of the training rows that are held back, those that may stand for an evaluation set."""


@dataclass(frozen=True)
class ReplayCosts:
    """Of one run, in seconds: a step, the start of an evaluation, and each of its batches."""

    step_s: float
    loader_s: float
    batch_s: float
    batch: int
    """Rows."""
    evaluation_rows: int

    def wall_s(self, steps: int, evaluations: float, rows: int) -> float:
        """T without what is saved and logged, of so many evaluations of so many rows."""
        each = self.loader_s + math.ceil(rows / self.batch) * self.batch_s if rows else 0.0
        return steps * self.step_s + evaluations * each


@dataclass(frozen=True)
class CheckpointPolicy:
    """When, or by what, a checkpoint of a curve is chosen.

    Args:
        name: of the row.
        kind: of the row.
        note: what it evaluates, or when.
        places: the points that it sees.
        signal: what it sees there; None: the evaluation.
        rows: how many it evaluates each time; None: all.
        shifts: the points that it would see if it began elsewhere; None: it begins where it does.
        unit: what differs between runs that share nothing by chance: their seeds, or the training
            samples that they held back.
    """

    name: str
    kind: Literal["schedule", "substitute"]
    note: Note
    places: Callable[[LossCurve], Sequence[int]]
    signal: Callable[[LossCurve], Floats] | None = None
    rows: Callable[[LossCurve], int] | None = None
    shifts: Callable[[LossCurve], Sequence[Sequence[int]]] | None = None
    unit: Callable[[LossCurve], int] = attrgetter("seed")


def substitutes(
    as_written: CheckpointPolicy, train_rows: int, held_back: int
) -> list[CheckpointPolicy]:
    """What is proposed in place of an evaluation set, where the job as written evaluates.

    Args:
        as_written: the job's own policy.
        train_rows: with those that are held back.
        held_back: of them, so many.
    """
    every = as_written.places

    def held(count: int) -> CheckpointPolicy:
        def signal(curve: LossCurve) -> Floats:
            means: Floats = _known(curve.holdout)[:, :count].mean(axis=1)
            return means

        return CheckpointPolicy(
            f"holdout:{count}",
            "substitute",
            note("rows_held_back", count=count, part=100 * count / train_rows),
            every,
            signal,
            lambda _: count,
            unit=attrgetter("holdout_set"),
        )

    return [
        *(held(count) for count in dict.fromkeys(max(1, round(h * held_back)) for h in HELD_BACK)),
        CheckpointPolicy(
            f"subset:{SUBSET:g}",
            "substitute",
            note("random_rows", part=100 * SUBSET),
            every,
            _of_random_subsets,
            _subset,
        ),
        CheckpointPolicy(
            "train_loss",
            "substitute",
            note("training_loss"),
            every,
            lambda curve: _known(curve.train),
            lambda _: 0,
        ),
    ]


def rows_of(
    policies: Sequence[CheckpointPolicy],
    curves: Sequence[LossCurve],
    costs: Sequence[ReplayCosts] | None,
    *,
    margin: float,
    patience: int,
    level: float,
    level_of_verdict: float,
    limit: float,
) -> list[ScheduleRegret]:
    """One row per policy, with what is worth choosing marked.

    Args:
        policies: schedules and substitutes; the first is the job as written, which all are held to.
        curves: one per seed.
        costs: of the same runs; None: not known.
        margin: see :func:`evalskip.analysis.curves.replay`.
        patience: the same.
        level: of the intervals over seeds.
        level_of_verdict: of those on which verdicts and recommendations rest.
        limit: nats that may be lost.
    """
    as_written = policies[0].places
    found = [
        _row(
            policy,
            as_written,
            curves,
            margin=margin,
            levels=(level, level_of_verdict),
            limit=limit,
        )
        for policy in policies
    ]
    if costs is None:
        return found
    found = [
        row.model_copy(
            update=_times(policy, as_written, curves, costs, patience=patience, level=level)
        )
        for policy, row in zip(policies, found, strict=True)
    ]
    return [row.model_copy(update={"worth_choosing": _is_worth(row, found)}) for row in found]


def _row(
    policy: CheckpointPolicy,
    as_written: Callable[[LossCurve], Sequence[int]],
    curves: Sequence[LossCurve],
    *,
    margin: float,
    levels: tuple[float, float],
    limit: float,
) -> ScheduleRegret:
    level, level_of_verdict = levels
    replays: list[Replay] = []
    chosen, delays = list[float](), list[float]()
    # per seed, sample by sample
    lost, shifted = list["Floats"](), list["Floats"]()
    for curve in curves:
        signal = policy.signal(curve) if policy.signal else None
        seen = replay(curve, policy.places(curve), margin=margin, signal=signal)
        usual = replay(curve, as_written(curve), margin=margin)
        replays.append(seen)
        chosen.append(float(curve.loss[seen.kept] - curve.loss[usual.kept]))
        losses = curve.loss[:, None] if curve.test is None else curve.test
        lost.append(losses[seen.kept] - losses[usual.kept])
        if policy.shifts:
            kept = [replay(curve, places).kept for places in policy.shifts(curve)]
            shifted.append(losses[kept].mean(axis=0) - losses[usual.kept])
        if (delay := _delay(curve, seen, usual)) is not None:
            delays.append(delay)
    judged = _by_unit(policy, curves, shifted or lost)
    units, beyond = len(judged), int((judged.mean(axis=1) > limit).sum())
    return ScheduleRegret(
        name=policy.name,
        kind=policy.kind,
        policy=policy.note,
        evaluations=float(np.mean([len(policy.places(curve)) for curve in curves])),
        kept_step=float(np.mean([c.steps[r.kept] for c, r in zip(curves, replays, strict=True)])),
        regret_chosen=mean_interval(chosen, level),
        regret=None
        if any(curve.test is None for curve in curves)
        else crossed_interval(_by_unit(policy, curves, lost), level),
        regret_shifted=crossed_interval(judged, level) if shifted else None,
        judged=crossed_interval(judged, level_of_verdict),
        units=units,
        beyond=beyond,
        beyond_at_most=unseen_probability(units, beyond),
        noticed=sum(seen.noticed is not None for seen in replays),
        delay_steps=mean_interval(delays, level) if len(delays) == len(curves) else None,
        correlation=_correlation(policy, as_written, curves, level),
    )


def _by_unit(
    policy: CheckpointPolicy, curves: Sequence[LossCurve], lost: Sequence[Floats]
) -> Floats:
    """What runs lost, means over those of one unit; of shape (units, samples)."""
    units = [policy.unit(curve) for curve in curves]
    return np.array(
        [
            np.mean([own for own, of in zip(lost, units, strict=True) if of == unit], axis=0)
            for unit in dict.fromkeys(units)
        ]
    )


def _times(
    policy: CheckpointPolicy,
    as_written: Callable[[LossCurve], Sequence[int]],
    curves: Sequence[LossCurve],
    costs: Sequence[ReplayCosts],
    *,
    patience: int,
    level: float,
) -> dict[str, object]:
    """What a policy takes of T, and what stopping by it would save."""
    saved, shares, stopping = list[float](), list[float](), list[float]()
    for curve, cost in zip(curves, costs, strict=True):
        places = policy.places(curve)
        signal = policy.signal(curve) if policy.signal else None
        stops = replay(curve, places, patience=patience, signal=signal)
        rows = policy.rows(curve) if policy.rows else cost.evaluation_rows
        wall = cost.wall_s(curve.all_steps, len(places), rows)
        whole = cost.wall_s(curve.all_steps, len(as_written(curve)), cost.evaluation_rows)
        saved.append(1 - wall / whole)
        shares.append(1 - cost.wall_s(curve.all_steps, 0, 0) / wall)
        part = wall
        if stops.stopped is not None:
            part = cost.wall_s(curve.steps[stops.stopped], stops.evaluations, rows)
        stopping.append(1 - part / wall)
    can_stop = all(len(policy.places(curve)) > patience for curve in curves)
    return {
        "time_saved": mean_interval(saved, level),
        "share": float(np.mean(shares)),
        "stopping_saves": mean_interval(stopping, level) if can_stop else None,
    }


def _delay(curve: LossCurve, replay: Replay, usual: Replay) -> float | None:
    if replay.noticed is None or usual.noticed is None:
        return None
    return float(curve.steps[replay.noticed] - curve.steps[usual.noticed])


def _correlation(
    policy: CheckpointPolicy,
    as_written: Callable[[LossCurve], Sequence[int]],
    curves: Sequence[LossCurve],
    level: float,
) -> Interval | None:
    if policy.signal is None:
        return None
    alike = []
    for curve in curves:
        places = list(as_written(curve))
        alike.append(ranks_alike(policy.signal(curve)[places], curve.loss[places]))
    found = mean_interval(alike, level)
    if found.low is None or found.high is None:
        return found
    return found.model_copy(update={"low": max(-1.0, found.low), "high": min(1.0, found.high)})


def _is_worth(row: ScheduleRegret, rows: Sequence[ScheduleRegret]) -> bool:
    """Whether no other saves at least as much at no more regret, and more of either."""
    own = (row.saved, -row.lost.estimate)
    for other in rows:
        theirs = (other.saved, -other.lost.estimate)
        if theirs != own and theirs[0] >= own[0] and theirs[1] >= own[1]:
            return False
    return True


def recommended(
    rows: Sequence[ScheduleRegret], within_share: float, within_regret: float
) -> ScheduleRegret | None:
    """The cheapest of those whose evaluations, and whose regret at its upper limit, stay within."""
    fit = [
        row
        for row in rows
        if row.share is not None
        and row.share <= within_share
        and (row.judged.estimate if row.judged.high is None else row.judged.high) <= within_regret
    ]
    return max(fit, key=lambda row: row.saved, default=None)


def _subset(curve: LossCurve) -> int:
    rows: int = _known(curve.rows).shape[1]
    return max(1, round(SUBSET * rows))


def _of_random_subsets(curve: LossCurve) -> Floats:
    """At each point the mean over rows drawn anew."""
    rows = _known(curve.rows)
    count, wanted = rows.shape[1], _subset(curve)
    means = []
    for step, point in zip(curve.steps, rows, strict=True):
        source = random.Random(f"{curve.seed} {step}")
        means.append(point[source.sample(range(count), wanted)].mean())
    return np.array(means)


def _known(losses: Floats | None) -> Floats:
    if losses is None:
        raise ValueError("the curve does not hold these losses")
    return losses


def of_others(row: ScheduleRegret) -> Note:
    """What is known of runs that were not made: how often they may lose more."""
    most = 100 * row.beyond_at_most
    if row.beyond:
        return note("some_lost", part=row.beyond, whole=row.units, most=most)
    return note("others_may_lose", whole=row.units, most=most)


def schedule_policies(
    evaluated_after: Mapping[str, tuple[Note, Sequence[int]]],
    shifts: Mapping[str, Sequence[Sequence[int]]] | None = None,
) -> list[CheckpointPolicy]:
    """Schedules as policies.

    Args:
        evaluated_after: by name, each as a note, and the steps after which it evaluates.
        shifts: by name, the steps of the same schedule begun elsewhere.
    """

    def policy(name: str, schedule: Note, steps: Sequence[int]) -> CheckpointPolicy:
        others = (shifts or {}).get(name)
        return CheckpointPolicy(
            name,
            "schedule",
            schedule,
            lambda curve: curve.places(steps),
            shifts=(lambda curve: [curve.places(each) for each in others]) if others else None,
        )

    return [policy(name, schedule, steps) for name, (schedule, steps) in evaluated_after.items()]
