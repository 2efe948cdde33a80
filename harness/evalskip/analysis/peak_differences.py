"""Whether evaluation raises peaks of memory, from several runs of each arm."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from evalskip.spec import OFF, OFF_AGAIN
from evalskip.summary import Interval, PeakDifference, quantity_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Literal

    from evalskip.records import RunRecord
    from evalskip.summary import Verdict

MATERIAL = 0.02
"""Of the peak without evaluation: a smaller difference makes room for nothing."""
FEWEST_RUNS = 3


def peak_differences(records: Sequence[RunRecord], level: float) -> list[PeakDifference]:
    """The peaks of each arm that evaluates, against those of runs without evaluation.

    Means of runs are compared by Welch's t (1947), at a level that holds over all arms (Dunn 1961).

    Args:
        records: of runs that ended well and whose memory was metered.
        level: of all intervals together.
    """
    by_arm: dict[str, list[RunRecord]] = {}
    for record in records:
        if record.status == "ok" and _highest(record) is not None:
            by_arm.setdefault(record.arm, []).append(record)
    offs = by_arm.pop(OFF, []) + by_arm.pop(OFF_AGAIN, [])
    arms = {arm: runs for arm, runs in by_arm.items() if any(run.evaluations for run in runs)}
    if not offs:
        return []
    each = 1 - (1 - level) / max(1, len(arms))
    differences = []
    for arm, runs in arms.items():
        differences.append(_difference(arm, "peak", _peaks(runs), _peaks(offs), each))
        after = [peak for run in runs if (peak := _train_after(run)) is not None]
        train = [
            peak for run in offs if (peak := _peak_of(run.peak_bytes.get("train", {}))) is not None
        ]
        if after and train:
            differences.append(_difference(arm, "after_evaluation", after, train, each))
    return differences


def _difference(
    arm: str,
    what: Literal["peak", "after_evaluation"],
    peaks: Sequence[int],
    offs: Sequence[int],
    level: float,
) -> PeakDifference:
    off = float(np.mean(offs))
    interval = _welch(peaks, offs, level)
    material = MATERIAL * off
    return PeakDifference(
        arm=arm,
        what=what,
        runs=min(len(peaks), len(offs)),
        off_bytes=off,
        difference=interval,
        material_bytes=material,
        verdict=_verdict(interval, material),
    )


def _verdict(difference: Interval, material: float) -> Verdict:
    if difference.low is None or difference.high is None:
        return "inconclusive"
    if difference.low > material:
        return "supported"
    return "refuted" if difference.high <= material else "inconclusive"


def _welch(one: Sequence[int], other: Sequence[int], level: float) -> Interval:
    estimate = float(np.mean(one) - np.mean(other))
    if min(len(one), len(other)) < FEWEST_RUNS:
        return Interval(estimate=estimate, level=level)
    parts = [(float(np.var(each, ddof=1)) / len(each), len(each) - 1) for each in (one, other)]
    variance = sum(part for part, _ in parts)
    lowest = float(min(runs for _, runs in parts))
    squares = sum(part**2 / runs for part, runs in parts)
    degrees = variance**2 / squares if squares else lowest
    half = float(special.stdtrit(degrees, (1 + level) / 2)) * math.sqrt(variance)
    return Interval(
        estimate=estimate,
        low=estimate - half,
        high=estimate + half,
        level=level,
        degrees=degrees,
    )


def _peaks(runs: Sequence[RunRecord]) -> list[int]:
    return [peak for run in runs if (peak := _highest(run)) is not None]


def _highest(run: RunRecord) -> int | None:
    return max(
        (peak for phase in run.peak_bytes.values() if (peak := _peak_of(phase))), default=None
    )


def _train_after(run: RunRecord) -> int | None:
    return _peak_of(run.train_peaks.get("after_evaluation", {}))


def _peak_of(peaks: Mapping[str, int]) -> int | None:
    quantity = quantity_of(peaks)
    return peaks[quantity] if quantity else None
