"""What evaluating beside training, or afterwards, cost it, and when its metrics were known."""

from __future__ import annotations

from statistics import fmean, median
from typing import TYPE_CHECKING

import numpy as np

from evalskip.analysis.estimates import ratio_of_means
from evalskip.analysis.intervals import throughput_gain
from evalskip.spec import OFF
from evalskip.summary import BesideSummary

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalskip.records import Attempt, RunRecord
    from evalskip.spec import Arm
    from evalskip.summary import Interval


def beside_summary(
    arm: Arm, timed: Mapping[Attempt, Sequence[RunRecord]], level: float
) -> BesideSummary | None:
    """Of one arm; None: it evaluates inside training, or no run of it ended well.

    Args:
        arm: of the spec.
        timed: records of whole, timed blocks.
        level: of the interval.
    """
    if arm.place.where == "inside":
        return None
    blocks = [{run.arm: run for run in runs if run.status == "ok"} for runs in timed.values()]
    runs = [block[arm.name] for block in blocks if arm.name in block]
    told = [run.beside for run in runs if run.beside is not None]
    if not told:
        return None
    evaluations = [each for beside in told for each in beside.evaluations]
    snapshots = [each.snapshot_ns / 1e9 for each in evaluations]
    stops = [
        each.lag_steps
        for beside in told
        for each in beside.evaluations
        if each.after_step == beside.stopped_by
    ]
    pairs = [
        (run.wall_ns - _ours_ns(run), off.wall_ns)
        for block in blocks
        for run, off in [(block.get(arm.name), block.get(OFF))]
        if run is not None and off is not None and run.wall_ns and off.wall_ns
    ]
    return BesideSummary(
        where=arm.place.where,
        device=arm.place.device,
        cores=arm.place.cores,
        slow_down=_slow_down(pairs, level),
        snapshot_s=fmean(snapshots) if snapshots else None,
        snapshot_share=_snapshot_share(runs),
        evaluation_s=fmean(e.evaluation_ns for e in evaluations) / 1e9 if evaluations else None,
        lag_s=median(e.lag_ns for e in evaluations) / 1e9 if evaluations else None,
        lag_steps=median(e.lag_steps for e in evaluations) if evaluations else None,
        waited_s=fmean(beside.waited_ns for beside in told) / 1e9,
        overshoot_steps=max(stops) if stops else None,
        evaluated=len(evaluations),
        dropped=sum(len(beside.dropped) for beside in told),
        unseen=sum(len(beside.unseen) for beside in told),
        restarts=sum(beside.restarts for beside in told),
        went_inside=sum(beside.is_inline for beside in told),
        peak_bytes=max(beside.peak_bytes for beside in told),
    )


def _ours_ns(run: RunRecord) -> int:
    """What of T was spent at snapshots, and on waiting for the second process."""
    beside = run.beside
    if beside is None:
        return 0
    return beside.waited_ns + sum(each.snapshot_ns for each in beside.evaluations)


def _slow_down(pairs: Sequence[tuple[int, int]], level: float) -> Interval | None:
    if not pairs:
        return None
    return throughput_gain(ratio_of_means(np.array(pairs, dtype=float), level))


def _snapshot_share(runs: Sequence[RunRecord]) -> float | None:
    """Of the time between two of them, which are as far apart as T has room for."""
    shares = []
    for run in runs:
        snapshots = run.beside.evaluations if run.beside else []
        if len(snapshots) > 1 and run.wall_ns and run.steps:
            between = run.wall_ns - _ours_ns(run)
            shares.append(sum(each.snapshot_ns for each in snapshots) / between)
    return fmean(shares) if shares else None
