"""From the records of an experiment to its summary."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from evalskip.analysis.estimates import attributed, direct
from evalskip.analysis.frames import frame_of
from evalskip.analysis.matching import match, matched_blocks
from evalskip.probe.phases import PHASES
from evalskip.spec import OFF, OFF_AGAIN
from evalskip.summary import ArmSummary, Effort, Scope, Summary

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from evalskip.records import RecordStore, RunRecord
    from evalskip.spec import Arm, Spec

BENCH_SECTIONS = {
    "name",
    "scope",
    "machine",
    "effort",
    "matched",
    "arms",
    "comparisons",
    "noise_floor",
    "warnings",
}
"""The sections of the summary that ``bench`` owns."""


def summarise(
    spec: Spec,
    blocks: Mapping[int, Sequence[RunRecord]],
    store: RecordStore,
    *,
    name: str,
    environment: Mapping[str, Any],
    seconds: float,
    stopped: str,
) -> Summary:
    """All figures of a ``bench`` experiment.

    Args:
        spec: what was asked for.
        blocks: records of whole blocks by index, the memory block among them.
        store: where the runs' steps are.
        name: of the experiment.
        environment: as ``environment.json`` holds it.
        seconds: what the experiment took.
        stopped: why no further block was run.

    """
    timed = {
        index: records
        for index, records in blocks.items()
        if any(record.measure == "time" for record in records)
    }
    job = spec.job
    expected = {
        arm.name: arm.schedule.evaluated_steps(job.epochs, job.steps_per_epoch)
        for arm in spec.all_arms()
    }
    matched = match(timed, expected, lambda run: store.steps_of(run).get("losses", []))
    records = [record for block in blocks.values() for record in block]
    runs = frame_of(record for block in timed.values() for record in block)
    good = runs[runs["status"] == "ok"]
    usable = good[good["block"].isin(matched_blocks(matched, timed))]
    comparisons = [
        comparison
        for arm in spec.all_arms()
        if arm.name not in (OFF, OFF_AGAIN)
        for estimate in (direct, attributed)
        if (comparison := estimate(usable, arm.name, spec.design.level))
    ]
    floor = direct(usable, OFF_AGAIN, spec.design.level)
    overhead = None
    if spec.job.launch != "inline" and len(good):  # a virtual clock has no overhead
        overhead = float((good["turnaround_s"] - good["wall_s"]).median())
    return Summary(
        name=name,
        scope=_scope(spec, environment),
        machine=dict(environment.get("machine", {})),
        effort=Effort(
            blocks=len(blocks),
            runs=len(records),
            seconds=seconds,
            run_overhead_s=overhead,
            stopped=stopped,
        ),
        matched=matched,
        arms={arm.name: _arm(arm, expected[arm.name], good, records) for arm in spec.all_arms()},
        comparisons=comparisons,
        noise_floor=floor.throughput_gain if floor else None,
        warnings=[*store.warnings, *_warnings(records, matched.blocks, len(timed))],
    )


def _scope(spec: Spec, environment: Mapping[str, Any]) -> Scope:
    described = spec.job.describe()
    device = environment.get("device", {}).get("gpu") or described["device"]
    return Scope(
        job=described["job"],
        model=described["model"],
        parameters=environment.get("parameters", 0),
        device=device,
        versions=dict(environment.get("software", {})),
    )


def _arm(
    arm: Arm, expected: Sequence[int], good: pd.DataFrame, records: Sequence[RunRecord]
) -> ArmSummary:
    own = [record for record in records if record.arm == arm.name]
    ended_well = [record for record in own if record.status == "ok"]
    times = good[good["arm"] == arm.name]
    phases = {phase: float(times[f"{phase}_s"].mean()) for phase in PHASES} if len(times) else {}
    wall = _mean(times["wall_s"])
    trained = sum(record.train_tokens for record in ended_well)
    evaluated = sum(record.evaluation_tokens for record in ended_well)
    return ArmSummary(
        schedule=arm.schedule.phrase,
        evaluation_rows=arm.evaluation_rows,
        evaluation_load=evaluated / trained if trained else 0.0,
        runs=len(times),
        failed_runs=dict(Counter(record.status for record in own if record.status != "ok")),
        wall_s=wall,
        setup_s=_mean(times["setup_s"]),
        phases_s=phases,
        evaluations=len(expected),
        first_evaluation_s=_mean(times["first_evaluation_s"]),
        share=phases["evaluate"] / wall if wall else None,
        peak_bytes=_peaks(ended_well),
    )


def _mean(values: pd.Series) -> float | None:
    known = values.dropna()
    return float(known.mean()) if len(known) else None


def _peaks(records: Sequence[RunRecord]) -> dict[str, dict[str, int]]:
    peaks: dict[str, dict[str, int]] = {}
    for record in records:
        for phase, quantities in record.peak_bytes.items():
            peak = peaks.setdefault(phase, {})
            for quantity, value in quantities.items():
                peak[quantity] = max(value, peak.get(quantity, 0))
    return peaks


def _warnings(records: Sequence[RunRecord], matched: int, timed: int) -> list[str]:
    warnings = []
    if matched < timed:
        warnings.append(f"{timed - matched} of {timed} blocks do not match and enter no estimate")
    endings = Counter((record.arm, record.status) for record in records if record.status != "ok")
    for (arm, status), count in sorted(endings.items()):
        error = next(r.error for r in records if (r.arm, r.status) == (arm, status))
        warnings.append(f"{arm}: {count} of its runs ended {status}: {error}")
    return warnings
