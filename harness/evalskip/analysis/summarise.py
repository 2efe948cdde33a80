"""From the records of an experiment to its summary."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from evalskip.analysis.affordable import affordable
from evalskip.analysis.arms import arm_summary, usual
from evalskip.analysis.beside import beside_summary
from evalskip.analysis.cautions import (
    disagreements,
    ended_otherwise,
    miscounted,
    uncompared,
    unseen,
)
from evalskip.analysis.claimed import claimed_gain
from evalskip.analysis.estimates import attributed, fixed_cost, wall_clock
from evalskip.analysis.frames import frame_of
from evalskip.analysis.interim import simultaneous_level
from evalskip.analysis.matching import match, matched_attempts
from evalskip.analysis.nodes import in_own_pace, of_blocks
from evalskip.analysis.peak_differences import peak_differences
from evalskip.analysis.pieces import pieces_of
from evalskip.analysis.proven import proven_remedies
from evalskip.analysis.step_estimates import compared, replicated
from evalskip.analysis.verdicts import with_verdicts
from evalskip.notes import note
from evalskip.records import latest_attempts
from evalskip.spec import OFF, OFF_AGAIN
from evalskip.summary import BenchEffort, BenchSummary, Extrapolated, RunActivity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalskip.analysis.pieces import Pieces
    from evalskip.notes import Note
    from evalskip.records import Attempt, RecordStore, RunRecord, Steps
    from evalskip.spec import Spec
    from evalskip.summary import Comparison

LEVEL_OF_CHECK = 0.99
"""Of an experiment: how likely matched and whole span agree at all looks and arms, where evaluation
slows no step beyond the window."""


def summarise(
    spec: Spec,
    attempts: Mapping[Attempt, Sequence[RunRecord]],
    store: RecordStore,
    *,
    seconds: float,
    stopped: Note,
) -> BenchSummary:
    """All figures of a ``bench`` experiment, verdicts on the claimed gain included.

    All intervals of gains have the level at which the judged arms hold over all looks.

    Args:
        spec: what was asked for.
        attempts: records of whole blocks, repeated ones and the memory block among them.
        store: where the runs' steps are.
        seconds: what the experiment took.
        stopped: why no further block was run.
    """
    timed = {
        attempt: records
        for attempt, records in attempts.items()
        if any(record.measure == "time" for record in records)
    }
    job = spec.job
    coupled = {arm.name: job.coupled(arm.schedule) for arm in spec.all_arms()}
    steps = _steps_of_off(timed)
    expected = {
        arm.name: job.evaluated_steps(arm.schedule, steps)
        for arm in spec.all_arms()
        if not coupled[arm.name]
    }
    matching = match(timed, expected, lambda run: _losses_of(store.steps_of(run)))
    usable = matched_attempts(matching, timed)
    records = [record for runs in attempts.values() for record in runs]
    runs = frame_of(record for runs in timed.values() for record in runs)
    good = runs[runs["status"] == "ok"]
    keys = pd.MultiIndex.from_frame(good[["block", "attempt"]])
    paired = good.loc[keys.isin([attempt[1:] for attempt in usable])] if usable else good.iloc[:0]
    pieces, left_out = _pieces(spec, timed, usable, store)
    offs = [pieces[off] for off in (OFF, OFF_AGAIN) if off in pieces]
    design = spec.design
    arm_names = [arm.name for arm in spec.all_arms()]
    level = simultaneous_level(design.level, design.looks, len(spec.every_epoch_arms()))
    by_clock = [arm.name for arm in spec.all_arms() if arm.schedule.decides_by_the_clock]
    apart = {OFF, OFF_AGAIN, *(arm.name for arm in spec.all_arms() if arm.is_known_whole)}
    compares = {
        arm.name: pieces[arm.name]
        for arm in spec.all_arms()
        if arm.name in pieces and arm.name not in apart and not coupled[arm.name]
    }
    level_of_check = simultaneous_level(LEVEL_OF_CHECK, design.looks, len(compares))
    by_steps = [
        comparison
        for gains in replicated(compares, offs, design.window)
        for comparison in compared(gains, level=level, level_of_check=level_of_check)
    ]
    comparisons: list[Comparison] = []
    for arm in spec.all_arms():
        if arm.name in (OFF, OFF_AGAIN):
            continue
        has_own = not coupled[arm.name] and arm.place.is_inside
        estimates = (wall_clock, attributed) if has_own else (wall_clock,)
        whole_runs = (estimate(paired, arm.name, level) for estimate in estimates)
        comparisons += [comparison for comparison in whole_runs if comparison]
        comparisons += [comparison for comparison in by_steps if comparison.arm == arm.name]
    if spec.claimed_gain:
        comparisons = with_verdicts(comparisons, spec.judged_arms(), spec.claimed_gain)
    floor = wall_clock(paired, OFF_AGAIN, level)
    overhead = block_start = cost = None
    part = _extrapolated(records)
    # neither a virtual clock nor a T that was not run has an overhead
    if not spec.job.is_virtual and len(good) and part is None:
        overhead = float((good["turnaround_s"] - good["wall_s"]).median())
        block_start = float(good["block_start_s"].median())
        cost = fixed_cost(good, spec.design.level)
    arms = {
        arm.name: arm_summary(
            arm,
            spec,
            paired if usable else good,
            records,
            expected.get(arm.name),
            pieces.get(arm.name),
            offs,
            beside_summary(arm, timed, level),
        )
        for arm in spec.all_arms()
    }
    return BenchSummary(
        claimed=claimed_gain(spec.claimed_gain, arms, comparisons) if spec.claimed_gain else None,
        matched=matching,
        extrapolated=part,
        arms=arms,
        comparisons=comparisons,
        noise_floor=floor.throughput_gain if floor else None,
        peak_differences=sorted(
            peak_differences(_metered(records), design.level),
            key=lambda difference: arm_names.index(difference.arm),
        ),
        activity=_activity(records, runs),
        proven=proven_remedies(spec, arms, timed, usable),
        changes=job.changes(),
        recommendations=affordable(spec, arms, comparisons, expected, steps),
        effort=BenchEffort(
            blocks=len(latest_attempts(timed)),
            runs=len(records),
            nodes=len({record.node.name for record in records if record.node}) or 1,
            seconds=seconds,
            run_overhead_s=overhead,
            block_start_s=block_start,
            fixed_cost=cost,
            stopped=stopped,
        ),
        warnings=[
            *disagreements(comparisons, design.window),
            *store.warnings,
            *uncompared(coupled),
            *(note("clock_decides", arm=arm) for arm in by_clock),
            *ended_otherwise(records, matching, len(timed)),
            *miscounted(records, expected),
            *left_out,
            *unseen(records),
        ],
    )


def _pieces(
    spec: Spec,
    timed: Mapping[Attempt, Sequence[RunRecord]],
    usable: Sequence[Attempt],
    store: RecordStore,
) -> tuple[dict[str, Pieces], list[Note]]:
    """Per arm, the pieces of the latest attempt at each block; and what was left out.

    Where the clock decides, runs differ in how many pieces they have, and are not cut; where
    another process evaluates, it may slow every step, and there is no piece of its own.
    """
    whole = {arm.name for arm in spec.all_arms() if arm.is_known_whole}
    good = set(usable)
    by_arm: dict[str, dict[int, RunRecord]] = {}
    for attempt in latest_attempts(timed):
        if attempt in good:
            for run in timed[attempt]:
                if run.status == "ok" and run.arm not in whole:
                    by_arm.setdefault(run.arm, {})[run.block] = run
    pieces: dict[str, Pieces] = {}
    warnings: list[Note] = []
    for arm, runs in by_arm.items():
        arm_pieces, left_out = pieces_of(runs, store.steps_of, spec.design.window)
        warnings += left_out
        if arm_pieces is not None:
            pieces[arm] = arm_pieces
    nodes = of_blocks([run for runs in by_arm.values() for run in runs.values()])
    return in_own_pace(pieces, nodes), warnings


def _activity(records: Sequence[RunRecord], runs: pd.DataFrame) -> list[RunActivity]:
    flags = runs.set_index(["block", "attempt"])["disturbed"].to_dict() if len(runs) else {}
    timed = [record for record in records if record.measure == "time" and record.activity]
    return [
        RunActivity(
            block=record.block,
            attempt=record.attempt,
            arm=record.arm,
            disturbed_share=None
            if record.disturbance is None
            else record.disturbance.disturbed_s / record.disturbance.observed_s,
            disturbed=flags.get((record.block, record.attempt)),
            **record.activity,
        )
        for record in sorted(timed, key=lambda record: record.started_at)
    ]


def _metered(records: Sequence[RunRecord]) -> Sequence[RunRecord]:
    """Runs whose peaks say something: where memory has runs of its own, only these."""
    return [record for record in records if record.measure == "memory"] or records


def _extrapolated(records: Sequence[RunRecord]) -> Extrapolated | None:
    for record in records:
        if record.extrapolated is not None:
            return Extrapolated(
                steps=min(record.steps, record.extrapolated.steps),
                of_steps=record.steps,
                evaluation_batches=record.extrapolated.evaluation_batches,
            )
    return None


def _losses_of(steps: Steps | None) -> list[float]:
    return steps.losses if steps else []


def _steps_of_off(attempts: Mapping[Attempt, Sequence[RunRecord]]) -> int:
    """Optimizer steps that runs without evaluation were seen to take."""
    runs = (run for records in attempts.values() for run in records)
    return usual(run.steps for run in runs if run.arm == OFF and run.status == "ok") or 0
