"""What a summary holds of one arm: means over its runs, and what its pieces say."""

from __future__ import annotations

from collections import Counter
from statistics import fmean
from typing import TYPE_CHECKING

from evalskip.analysis.around import around_evaluation
from evalskip.analysis.estimates import undisturbed_time
from evalskip.probe.measured import PHASES
from evalskip.probe.memory import highest
from evalskip.summary import ArmSummary, RankSummary, SetSummary

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd

    from evalskip.analysis.pieces import Pieces
    from evalskip.records import RunRecord
    from evalskip.spec import Arm, Spec
    from evalskip.summary import BesideSummary


def arm_summary(
    arm: Arm,
    spec: Spec,
    runs: pd.DataFrame,
    records: Sequence[RunRecord],
    expected: Sequence[int] | None,
    own: Pieces | None,
    offs: Sequence[Pieces],
    beside: BesideSummary | None,
) -> ArmSummary:
    """All that is told of one arm.

    Args:
        arm: of the spec.
        spec: what was asked for.
        runs: those that enter estimates, of all arms, as a frame.
        records: of all runs, of all arms.
        expected: steps after which the arm evaluates, where that is known.
        own: the arm's pieces.
        offs: those of the arms without evaluation.
        beside: what a second process evaluated; None: nothing.
    """
    all_runs = [record for record in records if record.arm == arm.name]
    ended_well = [record for record in all_runs if record.status == "ok"]
    times = runs[runs["arm"] == arm.name]
    phases = {phase: float(times[f"{phase}_s"].mean()) for phase in PHASES} if len(times) else {}
    wall = _mean(times["wall_s"])
    trained = sum(record.train_tokens for record in ended_well)
    evaluated = sum(record.evaluation_tokens for record in ended_well)
    usual_count = usual(record.evaluations for record in ended_well)
    flags = times["disturbed"].dropna()
    return ArmSummary(
        schedule=arm.schedule.note,
        settings=arm.settings,
        evaluation_samples=arm.evaluation_samples
        or usual(run.evaluation_samples for run in ended_well),
        evaluation_load=evaluated / trained if trained else 0.0,
        train_tokens=usual(record.train_tokens or None for record in ended_well),
        evaluation_tokens=usual(record.evaluation_tokens or None for record in ended_well),
        evaluation_sets=_sets(ended_well),
        runs=len(times),
        failed_runs=dict(Counter(record.status for record in all_runs if record.status != "ok")),
        wall_s=wall,
        setup_s=_mean(times["setup_s"]),
        phases_s=phases,
        evaluations=len(expected or ()) if usual_count is None else usual_count,
        first_evaluation_s=_mean(times["first_evaluation_s"]),
        share=(phases["evaluate"] + float(times["evaluation_wait_s"].mean())) / wall
        if wall and arm.place.is_inside
        else None,
        ranks=_ranks(ended_well),
        peak_bytes=highest(record.peak_bytes for record in ended_well),
        train_peaks=highest(record.train_peaks for record in ended_well),
        disturbed=int(flags.sum()) if len(flags) else None,
        undisturbed_s=undisturbed_time(times, spec.design.level),
        around_evaluation=around_evaluation(own, offs, spec.design.window) if own else [],
        beside=beside,
    )


def usual(values: Iterable[int | None]) -> int | None:
    """The most frequent value, if any is known."""
    counts = Counter(value for value in values if value is not None)
    return counts.most_common(1)[0][0] if counts else None


def _sets(records: Sequence[RunRecord]) -> dict[str, SetSummary]:
    timed = [record for record in records if record.measure == "time" and record.evaluation_sets]
    names = timed[0].evaluation_sets if timed else {}
    return {
        name: SetSummary(
            samples=evaluation_set.samples,
            seconds=sum(r.evaluation_sets[name].ns for r in timed) / 1e9 / len(timed),
        )
        for name, evaluation_set in names.items()
    }


def _ranks(records: Sequence[RunRecord]) -> list[RankSummary]:
    timed = [record.ranks for record in records if record.measure == "time" and record.ranks]
    return [
        RankSummary(
            rank=own[0].rank,
            wall_s=fmean(each.wall_ns for each in own) / 1e9,
            phases_s={
                phase: fmean(each.phases_ns.get(phase, 0) for each in own) / 1e9 for phase in PHASES
            },
            peak_bytes=highest(
                record.ranks[own[0].rank].peak_bytes for record in records if record.ranks
            ),
        )
        for own in zip(*timed, strict=True)
    ]


def _mean(values: pd.Series) -> float | None:
    numbers = values.dropna()
    return float(numbers.mean()) if len(numbers) else None
