"""What each schedule, and each substitute for evaluation, would have missed: over seeds."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from evalskip.analysis.curves import ranks_alike, replay
from evalskip.analysis.intervals import mean_interval
from evalskip.messages import counted, say
from evalskip.summary import ScheduleRegret

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from evalskip.analysis.curves import Curve, Replay
    from evalskip.analysis.pieces import Floats
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
class Look:
    """A way to look at a curve.

    Args:
        name: of the row.
        kind: of the row.
        says: in words.
        places: the points that it sees.
        signal: what it sees there; None: the evaluation.
        rows: how many it evaluates each time; None: all.
        shifts: the points that it would see if it began elsewhere; None: it begins where it does.
    """

    name: str
    kind: Literal["schedule", "substitute"]
    says: str
    places: Callable[[Curve], Sequence[int]]
    signal: Callable[[Curve], Floats] | None = None
    rows: Callable[[Curve], int] | None = None
    shifts: Callable[[Curve], Sequence[Sequence[int]]] | None = None


def substitutes(train_rows: int, held_back: int) -> list[Look]:
    """What is proposed in place of an evaluation set.

    Args:
        train_rows: with those that are held back.
        held_back: of them, so many.
    """

    def held(count: int) -> Look:
        def signal(curve: Curve) -> Floats:
            means: Floats = _known(curve.holdout)[:, :count].mean(axis=1)
            return means

        return Look(
            f"holdout:{count}",
            "substitute",
            counted(
                "{count} training row, {part:.2g} %, held back",
                "{count} training rows, {part:.2g} %, held back",
                count,
                part=100 * count / train_rows,
            ),
            _every,
            signal,
            lambda _: count,
        )

    return [
        *(held(count) for count in dict.fromkeys(max(1, round(h * held_back)) for h in HELD_BACK)),
        Look(
            f"subset:{SUBSET:g}",
            "substitute",
            say("a random {part:g} % of the evaluation rows each time", part=100 * SUBSET),
            _every,
            _of_random_subsets,
            _subset,
        ),
        Look(
            "train_loss",
            "substitute",
            say("the training loss alone"),
            _every,
            lambda curve: _known(curve.train),
            lambda _: 0,
        ),
    ]


def rows_of(
    looks: Sequence[Look],
    curves: Sequence[Curve],
    costs: Sequence[ReplayCosts] | None,
    *,
    margin: float,
    patience: int,
    level: float,
    level_of_verdict: float,
) -> list[ScheduleRegret]:
    """One row per way to look, with what is worth choosing marked.

    Args:
        looks: schedules and substitutes.
        curves: one per seed.
        costs: of the same runs; None: not known.
        margin: see :func:`evalskip.analysis.curves.replay`.
        patience: the same.
        level: of the intervals over seeds.
        level_of_verdict: of those on which verdicts and recommendations rest.
    """
    found = [
        _row(look, curves, margin=margin, level=level, level_of_verdict=level_of_verdict)
        for look in looks
    ]
    if costs is None:
        return found
    found = [
        row.model_copy(update=_times(look, curves, costs, patience=patience, level=level))
        for look, row in zip(looks, found, strict=True)
    ]
    return [row.model_copy(update={"worth_choosing": _is_worth(row, found)}) for row in found]


def _row(
    look: Look, curves: Sequence[Curve], *, margin: float, level: float, level_of_verdict: float
) -> ScheduleRegret:
    replays: list[Replay] = []
    chosen, lost, shifted, delays = list[float](), list[float](), list[float](), list[float]()
    for curve in curves:
        signal = look.signal(curve) if look.signal else None
        seen = replay(curve, list(look.places(curve)), margin=margin, signal=signal)
        dense = replay(curve, range(len(curve.steps)), margin=margin)
        replays.append(seen)
        chosen.append(float(curve.loss[seen.kept] - curve.loss.min()))
        if curve.test is not None:
            lost.append(float(curve.test[seen.kept] - curve.test[dense.kept]))
        if look.shifts:
            shifted.append(_mean_regret(curve, look.shifts(curve), dense.kept))
        if (delay := _delay(curve, seen, dense)) is not None:
            delays.append(delay)
    return ScheduleRegret(
        name=look.name,
        kind=look.kind,
        says=look.says,
        evaluations=float(np.mean([len(list(look.places(curve))) for curve in curves])),
        kept_step=float(np.mean([c.steps[r.kept] for c, r in zip(curves, replays, strict=True)])),
        regret_chosen=mean_interval(chosen, level),
        regret=mean_interval(lost, level) if lost else None,
        regret_shifted=mean_interval(shifted, level) if shifted else None,
        judged=mean_interval(shifted or lost or chosen, level_of_verdict),
        noticed=sum(seen.noticed is not None for seen in replays),
        delay_steps=mean_interval(delays, level) if len(delays) == len(curves) else None,
        correlation=_correlation(look, curves, level),
    )


def _times(
    look: Look,
    curves: Sequence[Curve],
    costs: Sequence[ReplayCosts],
    *,
    patience: int,
    level: float,
) -> dict[str, object]:
    """What a way to look takes of T, and what stopping by it would save."""
    saved, shares, stopping = list[float](), list[float](), list[float]()
    for curve, cost in zip(curves, costs, strict=True):
        places = list(look.places(curve))
        signal = look.signal(curve) if look.signal else None
        stops = replay(curve, places, patience=patience, signal=signal)
        rows = look.rows(curve) if look.rows else cost.evaluation_rows
        wall = cost.wall_s(curve.all_steps, len(places), rows)
        whole = cost.wall_s(curve.all_steps, len(curve.steps), cost.evaluation_rows)
        saved.append(1 - wall / whole)
        shares.append(1 - cost.wall_s(curve.all_steps, 0, 0) / wall)
        part = wall
        if stops.stopped is not None:
            part = cost.wall_s(curve.steps[stops.stopped], stops.evaluations, rows)
        stopping.append(1 - part / wall)
    can_stop = all(len(list(look.places(curve))) > patience for curve in curves)
    return {
        "time_saved": mean_interval(saved, level),
        "share": float(np.mean(shares)),
        "stopping_saves": mean_interval(stopping, level) if can_stop else None,
    }


def _mean_regret(curve: Curve, shifts: Sequence[Sequence[int]], best: int) -> float:
    """Of what is kept by each of several ways to look, on rows that chose nothing if there are."""
    losses = curve.loss if curve.test is None else curve.test
    kept = [replay(curve, places).kept for places in shifts]
    return float(np.mean([losses[place] - losses[best] for place in kept]))


def _delay(curve: Curve, seen: Replay, dense: Replay) -> float | None:
    if seen.noticed is None or dense.noticed is None:
        return None
    return float(curve.steps[seen.noticed] - curve.steps[dense.noticed])


def _correlation(look: Look, curves: Sequence[Curve], level: float) -> Interval | None:
    if look.signal is None:
        return None
    return mean_interval([ranks_alike(look.signal(curve), curve.loss) for curve in curves], level)


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


def _every(curve: Curve) -> Sequence[int]:
    return range(len(curve.steps))


def _subset(curve: Curve) -> int:
    rows: int = _known(curve.rows).shape[1]
    return max(1, round(SUBSET * rows))


def _of_random_subsets(curve: Curve) -> Floats:
    """At each point the mean over rows drawn anew."""
    rows = _known(curve.rows)
    source = random.Random(curve.seed)
    count = rows.shape[1]
    means = [point[source.sample(range(count), _subset(curve))].mean() for point in rows]
    return np.array(means)


def _known(losses: Floats | None) -> Floats:
    if losses is None:
        raise ValueError("the curve does not hold these losses")
    return losses


def looks_of(
    evaluated_after: Mapping[str, tuple[str, Sequence[int]]],
    shifts: Mapping[str, Sequence[Sequence[int]]] | None = None,
) -> list[Look]:
    """Schedules as ways to look.

    Args:
        evaluated_after: by name, each in words, and the steps after which it evaluates.
        shifts: by name, the steps of the same schedule begun elsewhere.
    """

    def look(name: str, says: str, steps: Sequence[int]) -> Look:
        others = (shifts or {}).get(name)
        return Look(
            name,
            "schedule",
            says,
            lambda curve: curve.places(steps),
            shifts=(lambda curve: [curve.places(each) for each in others]) if others else None,
        )

    return [look(name, says, steps) for name, (says, steps) in evaluated_after.items()]
