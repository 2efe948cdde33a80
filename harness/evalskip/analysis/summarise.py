"""From the records of an experiment to its summary."""

from __future__ import annotations

import math
from collections import Counter
from statistics import fmean
from typing import TYPE_CHECKING, Any

import pandas as pd

from evalskip.analysis.around import around_evaluation
from evalskip.analysis.estimates import attributed, direct, fixed_cost, matched, undisturbed
from evalskip.analysis.frames import frame_of
from evalskip.analysis.matching import match, matched_attempts
from evalskip.analysis.nodes import in_own_pace, of_blocks, said_of_nodes
from evalskip.analysis.pieces import pieces_of
from evalskip.analysis.verdicts import simultaneous_level
from evalskip.messages import say
from evalskip.probe.memory import highest
from evalskip.probe.phases import PHASES
from evalskip.records import latest_attempts
from evalskip.spec import OFF, OFF_AGAIN, written
from evalskip.summary import (
    TOGETHER,
    ArmSummary,
    Effort,
    Extrapolated,
    RankSummary,
    RunActivity,
    Scope,
    SetSummary,
    Summary,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from evalskip.analysis.pieces import Pieces
    from evalskip.records import Attempt, RecordStore, RunRecord
    from evalskip.spec import Arm, Spec
    from evalskip.summary import Comparison, Matched

_ROUNDING = 1e-9
BENCH_SECTIONS = {
    "name",
    "scope",
    "machine",
    "effort",
    "matched",
    "extrapolated",
    "arms",
    "comparisons",
    "noise_floor",
    "activity",
    "changes",
    "claims",
    "warnings",
}
"""The sections of the summary that ``bench`` owns."""


def summarise(
    spec: Spec,
    attempts: Mapping[Attempt, Sequence[RunRecord]],
    store: RecordStore,
    *,
    name: str,
    environment: Mapping[str, Any],
    seconds: float,
    stopped: str,
    level_of_verdict: float,
) -> Summary:
    """All figures of a ``bench`` experiment; claims are judged elsewhere.

    Args:
        spec: what was asked for.
        attempts: records of whole blocks, repeated ones and the memory block among them.
        store: where the runs' steps are.
        name: of the experiment.
        environment: as ``environment.json`` holds it.
        seconds: what the experiment took.
        stopped: why no further block was run.
        level_of_verdict: of the intervals on which verdicts rest.
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
    found = match(timed, expected, lambda run: store.steps_of(run).get("losses", []))
    usable = matched_attempts(found, timed)
    records = [record for runs in attempts.values() for record in runs]
    runs = frame_of(record for runs in timed.values() for record in runs)
    good = runs[runs["status"] == "ok"]
    keys = pd.MultiIndex.from_frame(good[["block", "attempt"]])
    paired = good.loc[keys.isin(usable)] if usable else good.iloc[:0]
    pieces, left_out = _pieces(timed, usable, store, spec.design.window)
    offs = [pieces[off] for off in (OFF, OFF_AGAIN) if off in pieces]
    comparisons: list[Comparison] = []
    for arm in spec.all_arms():
        if arm.name in (OFF, OFF_AGAIN):
            continue
        estimates = (direct,) if coupled[arm.name] else (direct, attributed)
        whole_runs = (estimate(paired, arm.name, spec.design.level) for estimate in estimates)
        comparisons += [comparison for comparison in whole_runs if comparison]
        if arm.name in pieces and offs and not coupled[arm.name]:
            comparisons += matched(
                arm.name,
                pieces[arm.name],
                offs,
                window=spec.design.window,
                level=spec.design.level,
                level_of_verdict=level_of_verdict,
            )
    # at every look the floor asks one question: is off different from itself?
    floor_level = simultaneous_level(spec.design.level, len(spec.design.looks), 1)
    floor = direct(paired, OFF_AGAIN, floor_level)
    overhead = block_start = cost = None
    part = _extrapolated(records)
    # neither a virtual clock nor a T that was not run has an overhead
    if spec.job.launch != "inline" and len(good) and part is None:
        overhead = float((good["turnaround_s"] - good["wall_s"]).median())
        block_start = float(good["block_start_s"].median())
        cost = fixed_cost(good, spec.design.level)
    return Summary(
        name=name,
        scope=scope_of(spec, environment),
        machine=_machine(records) or dict(environment.get("machine", {})),
        effort=Effort(
            blocks=len(latest_attempts(timed)),
            runs=len(records),
            nodes=len({record.node["name"] for record in records if record.node}) or 1,
            seconds=seconds,
            run_overhead_s=overhead,
            block_start_s=block_start,
            fixed_cost=cost,
            stopped=stopped,
        ),
        matched=found,
        extrapolated=part,
        arms={
            arm.name: _arm(
                arm, expected.get(arm.name), paired if usable else good, records
            ).model_copy(update=_of_pieces(pieces.get(arm.name), offs, spec))
            for arm in spec.all_arms()
        },
        comparisons=comparisons,
        noise_floor=floor.throughput_gain if floor else None,
        activity=_activity(records),
        changes=job.changes(),
        warnings=[
            *store.warnings,
            *(
                say("{arm}: only its T is compared, since {told}", arm=arm, told=why)
                for arm, why in coupled.items()
                if why
            ),
            *_warnings(records, found, len(timed)),
            *_miscounted(records, expected),
            *left_out,
            *_disagreements(comparisons),
            *_unseen(records),
        ],
    )


def _pieces(
    timed: Mapping[Attempt, Sequence[RunRecord]],
    usable: Sequence[Attempt],
    store: RecordStore,
    window: int,
) -> tuple[dict[str, Pieces], list[str]]:
    """Per arm, the pieces of the latest attempt at each block; and what was left out."""
    good = set(usable)
    by_arm: dict[str, dict[int, RunRecord]] = {}
    for block, attempt in latest_attempts(timed):
        if (block, attempt) in good:
            for run in timed[block, attempt]:
                if run.status == "ok":
                    by_arm.setdefault(run.arm, {})[block] = run
    pieces: dict[str, Pieces] = {}
    warnings: list[str] = []
    for arm, runs in by_arm.items():
        found, left_out = pieces_of(runs, store.steps_of, window)
        warnings += left_out
        if found is not None:
            pieces[arm] = found
    nodes = of_blocks([run for runs in by_arm.values() for run in runs.values()])
    return in_own_pace(pieces, nodes), warnings


def scope_of(spec: Spec, environment: Mapping[str, Any]) -> Scope:
    """What figures of a spec hold for, where ``environment.json`` holds this."""
    described = spec.job.describe()
    found = environment.get("device", {})
    device = found.get("gpu") or described["device"]
    return Scope(
        job=described["job"],
        model=described["model"],
        parameters=environment.get("parameters") or found.get("parameters", 0),
        device=device,
        versions=dict(environment.get("software", {})),
    )


def _arm(
    arm: Arm, expected: Sequence[int] | None, runs: pd.DataFrame, records: Sequence[RunRecord]
) -> ArmSummary:
    own = [record for record in records if record.arm == arm.name]
    ended_well = [record for record in own if record.status == "ok"]
    times = runs[runs["arm"] == arm.name]
    counted = [record.evaluations for record in ended_well]
    phases = {phase: float(times[f"{phase}_s"].mean()) for phase in PHASES} if len(times) else {}
    wall = _mean(times["wall_s"])
    trained = sum(record.train_tokens for record in ended_well)
    evaluated = sum(record.evaluation_tokens for record in ended_well)
    usual = _usual(counted)
    flags = [record.contaminated for record in own if record.contaminated is not None]
    return ArmSummary(
        schedule=", ".join([arm.schedule.phrase, *written(arm.evaluation)]),
        evaluation_rows=arm.evaluation_rows or _usual(run.evaluation_rows for run in ended_well),
        evaluation_load=evaluated / trained if trained else 0.0,
        train_tokens=_usual(record.train_tokens or None for record in ended_well),
        evaluation_tokens=_usual(record.evaluation_tokens or None for record in ended_well),
        evaluation_sets=_sets(ended_well),
        runs=len(times),
        failed_runs=dict(Counter(record.status for record in own if record.status != "ok")),
        wall_s=wall,
        setup_s=_mean(times["setup_s"]),
        phases_s=phases,
        evaluations=len(expected or ()) if usual is None else usual,
        first_evaluation_s=_mean(times["first_evaluation_s"]),
        share=(phases["evaluate"] + float(times["evaluation_wait_s"].mean())) / wall
        if wall
        else None,
        ranks=_ranks(ended_well),
        peak_bytes=highest(record.peak_bytes for record in ended_well),
        train_peaks=highest(record.train_peaks for record in ended_well),
        contaminated=sum(flags) if flags else None,
    )


def _of_pieces(own: Pieces | None, offs: Sequence[Pieces], spec: Spec) -> dict[str, Any]:
    """What an arm's summary holds of the times of single steps."""
    if own is None:
        return {}
    return {
        "undisturbed_s": undisturbed(own, spec.design.level),
        "around_evaluation": around_evaluation(own, offs, spec.design.window),
    }


def _activity(records: Sequence[RunRecord]) -> list[RunActivity]:
    timed = [record for record in records if record.measure == "time" and record.activity]
    return [
        RunActivity(
            block=record.block,
            attempt=record.attempt,
            arm=record.arm,
            contaminated=record.contaminated,
            **record.activity,
        )
        for record in sorted(timed, key=lambda record: record.started_at)
    ]


def _extrapolated(records: Sequence[RunRecord]) -> Extrapolated | None:
    for record in records:
        if record.extrapolated is not None:
            return Extrapolated(
                steps=min(record.steps, record.extrapolated.steps),
                of_steps=record.steps,
                evaluation_batches=record.extrapolated.evaluation_batches,
            )
    return None


def _usual(values: Iterable[int | None]) -> int | None:
    """The most frequent value, if any is known."""
    counts = Counter(value for value in values if value is not None)
    return counts.most_common(1)[0][0] if counts else None


def _sets(records: Sequence[RunRecord]) -> dict[str, SetSummary]:
    timed = [record for record in records if record.measure == "time" and record.evaluation_sets]
    names = timed[0].evaluation_sets if timed else {}
    return {
        name: SetSummary(
            rows=found.rows,
            seconds=sum(r.evaluation_sets[name].ns for r in timed) / 1e9 / len(timed),
        )
        for name, found in names.items()
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


def _steps_of_off(attempts: Mapping[Attempt, Sequence[RunRecord]]) -> int:
    """Optimizer steps that runs without evaluation were seen to take."""
    runs = (run for records in attempts.values() for run in records)
    return _usual(run.steps for run in runs if run.arm == OFF and run.status == "ok") or 0


def _mean(values: pd.Series) -> float | None:
    known = values.dropna()
    return float(known.mean()) if len(known) else None


def _warnings(records: Sequence[RunRecord], found: Matched, timed: int) -> list[str]:
    warnings = []
    if found.blocks < timed:
        warnings.append(
            say(
                "{part} of {whole} blocks do not match and enter no estimate",
                part=timed - found.blocks,
                whole=timed,
            )
        )
    endings = Counter((record.arm, record.status) for record in records if record.status != "ok")
    for (arm, status), count in sorted(endings.items()):
        error = next(r.error for r in records if (r.arm, r.status) == (arm, status))
        warnings.append(
            say(
                "{arm}: {count} of its runs ended {status}: {error}",
                arm=arm,
                count=count,
                status=status,
                error=error,
            )
        )
    diverged = sorted({r.arm for r in records if not all(map(math.isfinite, r.weights_sketch))})
    if diverged:
        warnings.append(
            say("training diverged: weights that are not numbers: {arms}", arms=", ".join(diverged))
        )
    flagged = sum(record.contaminated is True for record in records)
    if flagged:
        warnings.append(
            say(
                "{part} of {whole} runs are contaminated: others kept the machine busy",
                part=flagged,
                whole=len(records),
            )
        )
    return warnings + said_of_nodes(records)


def _machine(records: Sequence[RunRecord]) -> dict[str, Any]:
    """The fingerprint of the node that ran the first block, where nodes ran them."""
    node = next((record.node for record in records if record.node), {})
    return {field: value for field, value in node.items() if field != "name"}


def _unseen(records: Sequence[RunRecord]) -> list[str]:
    """What an interval over blocks cannot know of a job that was not run whole."""
    if not any(record.extrapolated for record in records):
        return []
    warnings = [
        say(
            "extrapolated: intervals do not hold what rows that were not run would add, should "
            "they be longer or shorter; --full runs the job whole"
        )
    ]
    if early := sorted({record.arm for record in records if record.may_stop_early}):
        warnings.append(
            say(
                "extrapolated: early stopping may end {arms} before the last step; told as if it "
                "did not",
                arms=", ".join(early),
            )
        )
    return warnings


def _miscounted(
    records: Sequence[RunRecord], expected: Mapping[str, Sequence[int] | None]
) -> list[str]:
    """Runs that metered memory, which no digest is compared of, but evaluated at other steps."""
    return [
        say(
            "{arm}: its memory run evaluated after steps {steps}",
            arm=run.arm,
            steps=run.evaluated_after,
        )
        for run in records
        if (run.measure, run.status) == ("memory", "ok")
        and (steps := expected.get(run.arm)) is not None
        and run.evaluated_after != list(steps)
    ]


def _disagreements(comparisons: Sequence[Comparison]) -> list[str]:
    """Where matched steps plus hidden cost and the direct estimate exclude each other."""
    found = {(c.arm, c.estimator): c.throughput_gain for c in comparisons}
    warnings = []
    for (arm, estimator), one in found.items():
        other = found.get((arm, "direct"))
        if estimator != TOGETHER or other is None:
            continue
        # without any noise intervals have no width, and sums are rounded
        if one.excludes(other) and abs(one.estimate - other.estimate) > _ROUNDING:
            warnings.append(say("{arm}: matched steps and the direct estimate disagree", arm=arm))
    return warnings
