"""What each schedule, and each substitute for evaluation, would have missed: over seeds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalskip.analysis.curves import ranks_alike, replay
from evalskip.analysis.intervals import crossed_interval, mean_interval
from evalskip.analysis.verdicts import unseen_probability
from evalskip.notes import note
from evalskip.summary import ScheduleRegret

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from evalskip.analysis.curves import LossCurve, Replay
    from evalskip.analysis.pieces import Floats
    from evalskip.analysis.policies import CheckpointPolicy
    from evalskip.notes import Note
    from evalskip.summary import Interval


@dataclass(frozen=True)
class ReplayCosts:
    """Of one run, in seconds: a step, the start of an evaluation, and each of its batches."""

    step_s: float
    loader_s: float
    batch_s: float
    batch: int
    """Samples."""
    evaluation_samples: int

    def wall_s(self, steps: int, evaluations: float, samples: int, cost: float = 1.0) -> float:
        """T without what is saved and logged, of so many evaluations of so many samples.

        Args:
            steps: of the run.
            evaluations: of the run.
            samples: of each.
            cost: of an evaluation, over what one of as many samples was seen to take.
        """
        each = self.loader_s + math.ceil(samples / self.batch) * self.batch_s if samples else 0.0
        return steps * self.step_s + evaluations * cost * each


def regrets_of(
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
    rows = [
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
        return rows
    rows = [
        row.model_copy(
            update=_times(policy, as_written, curves, costs, patience=patience, level=level)
        )
        for policy, row in zip(policies, rows, strict=True)
    ]
    return [row.model_copy(update={"worth_choosing": _is_worth(row, rows)}) for row in rows]


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
        outcome = replay(curve, policy.places(curve), margin=margin, signal=signal)
        usual = replay(curve, as_written(curve), margin=margin)
        replays.append(outcome)
        chosen.append(float(curve.loss[outcome.kept_at] - curve.loss[usual.kept_at]))
        losses = curve.loss[:, None] if curve.test is None else curve.test
        lost.append(losses[outcome.kept_at] - losses[usual.kept_at])
        if policy.shifts:
            checkpoints = [replay(curve, places).kept_at for places in policy.shifts(curve)]
            shifted.append(losses[checkpoints].mean(axis=0) - losses[usual.kept_at])
        if (delay := _delay(curve, outcome, usual)) is not None:
            delays.append(delay)
    judged = _by_unit(policy, curves, shifted or lost)
    units, beyond = len(judged), int((judged.mean(axis=1) > limit).sum())
    return ScheduleRegret(
        name=policy.name,
        kind=policy.kind,
        policy=policy.note,
        evaluations=float(np.mean([len(policy.places(curve)) for curve in curves])),
        kept_step=float(
            np.mean([c.steps[r.kept_at] for c, r in zip(curves, replays, strict=True)])
        ),
        regret_chosen=mean_interval(chosen, level),
        regret=None
        if any(curve.test is None for curve in curves)
        else crossed_interval(_by_unit(policy, curves, lost), level),
        regret_shifted=crossed_interval(judged, level) if shifted else None,
        judged=crossed_interval(judged, level_of_verdict),
        units=units,
        beyond=beyond,
        beyond_at_most=unseen_probability(units, beyond),
        noticed=sum(outcome.noticed_at is not None for outcome in replays),
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
            np.mean(
                [own for own, run_unit in zip(lost, units, strict=True) if run_unit == unit], axis=0
            )
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
        samples = policy.samples(curve) if policy.samples else cost.evaluation_samples
        wall = cost.wall_s(curve.all_steps, len(places), samples, policy.cost)
        usual_wall = cost.wall_s(curve.all_steps, len(as_written(curve)), cost.evaluation_samples)
        saved.append(1 - wall / usual_wall)
        shares.append(1 - cost.wall_s(curve.all_steps, 0, 0) / wall)
        part = wall
        if stops.stopped_at is not None:
            steps = curve.steps[stops.stopped_at]
            part = cost.wall_s(steps, stops.evaluations, samples, policy.cost)
        stopping.append(1 - part / wall)
    can_stop = all(len(policy.places(curve)) > patience for curve in curves)
    return {
        "time_saved": mean_interval(saved, level),
        "share": float(np.mean(shares)),
        "stopping_saves": mean_interval(stopping, level) if can_stop else None,
    }


def _delay(curve: LossCurve, replay: Replay, usual: Replay) -> float | None:
    if replay.noticed_at is None or usual.noticed_at is None:
        return None
    return float(curve.steps[replay.noticed_at] - curve.steps[usual.noticed_at])


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
    interval = mean_interval(alike, level)
    if interval.low is None or interval.high is None:
        return interval
    return interval.model_copy(
        update={"low": max(-1.0, interval.low), "high": min(1.0, interval.high)}
    )


def _is_worth(row: ScheduleRegret, rows: Sequence[ScheduleRegret]) -> bool:
    """Whether no other saves at least as much at no more regret, and more of either."""
    own = (row.saved, -row.lost.estimate)
    for other in rows:
        theirs = (other.saved, -other.lost.estimate)
        if theirs != own and theirs[0] >= own[0] and theirs[1] >= own[1]:
            return False
    return True


def recommended(
    policies: Sequence[ScheduleRegret], within_share: float, within_regret: float
) -> ScheduleRegret | None:
    """The cheapest of those whose evaluations, and whose regret at its upper limit, stay within."""
    fit = [
        policy
        for policy in policies
        if policy.share is not None
        and policy.share <= within_share
        and policy.judged.most <= within_regret
    ]
    return max(fit, key=lambda policy: policy.saved, default=None)


def closest(policies: Sequence[ScheduleRegret], within_regret: float) -> ScheduleRegret | None:
    """Of those that evaluate and lose no more than they may, the one that takes the least time.

    None where that is the first, the job as written.
    """
    fit = [
        policy for policy in policies[1:] if policy.share and policy.judged.most <= within_regret
    ]
    return min(fit, key=lambda policy: policy.share or 0.0, default=None)


def of_others(row: ScheduleRegret) -> Note:
    """What is known of runs that were not made: how often they may lose more."""
    most = row.beyond_at_most
    if row.beyond:
        return note("some_lost", part=row.beyond, whole=row.units, most=most)
    return note("others_may_lose", whole=row.units, most=most)
