"""From what a run said to its record, and to what is kept of its steps."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from evalskip.machine.activity import means_of
from evalskip.machine.disturbance import disturbance_of
from evalskip.probe.memory import train_peaks
from evalskip.records import SCHEMA, RunRecord, Steps
from evalskip.slices import extrapolated, is_cut, sets_of

if TYPE_CHECKING:
    from evalskip.jobs import RunRequest
    from evalskip.launch import Outcome
    from evalskip.probe.measured import EvaluatedTimes, FullRun, Measured, Prepared

_COPIED = (
    "phases_ns",
    "ranks",
    "train_tokens",
    "work_digest",
    "losses_digest",
    "weights_digest",
    "weights_sketch",
    "evaluation_losses",
    "beside",
    "peak_bytes",
    "environment",
)


def record_of(
    request: RunRequest, outcome: Outcome, *, prepared: Prepared, window: int, **other_fields: Any
) -> RunRecord:
    """The record of a run.

    Args:
        request: what was asked for.
        outcome: how it ended, and what it measured.
        prepared: what its parent prepared.
        window: steps in a piece of the design, for a run that is extrapolated.
        **other_fields: the fields of the record that the run does not tell.
    """
    measured, tried = outcome.measured, outcome.tried
    # a pilot's pieces stand for themselves
    stands_alone = request.sliced is not None and request.sliced.pilot is not None
    full_run = measured.full_run if measured and not stands_alone else None
    fields = _fields_of(measured, full_run, window) if measured else {}
    if tried:
        fields = {"environment": tried.environment, "tried": replace(tried, environment={})}
    disturbance = disturbance_of(outcome.activity, outcome.gpu_activity)
    return RunRecord(
        schema_version=SCHEMA,
        request=request,
        status=outcome.status,
        error=outcome.error,
        is_extrapolated=bool(measured and full_run and is_cut(measured.timeline, full_run)),
        may_stop_early=bool(measured and measured.full_run and measured.full_run.may_stop_early),
        setup_ns=_setup(prepared.setup_ns, request, measured.setup_ns if measured else {}),
        usage=outcome.usage,
        activity=means_of(outcome.activity),
        disturbed_s=disturbance.disturbed_s if disturbance else None,
        observed_s=disturbance.observed_s if disturbance else 0.0,
        **fields,
        **other_fields,
    )


def steps_of(outcome: Outcome) -> Steps | None:
    """What is kept of a run's steps; None: it did not end well."""
    measured = outcome.measured
    if measured is None:
        return None
    return Steps(
        timeline=measured.timeline,
        full_run=measured.full_run,
        losses=measured.losses,
        batch_digests=measured.batch_digests,
        curve=measured.curve,
        activity=outcome.activity,
        gpu_activity=outcome.gpu_activity,
    )


def _fields_of(measured: Measured, full_run: FullRun | None, window: int) -> dict[str, Any]:
    """The fields of a record that are of what the run measured, for the whole of the job."""
    timeline = measured.timeline
    evaluations = timeline.evaluations
    after = [each.after_step for each in evaluations]
    if measured.beside:
        after += [each.after_step for each in measured.beside.evaluations]
    fields: dict[str, Any] = {
        **{name: getattr(measured, name) for name in _COPIED},
        "wall_ns": timeline.wall_ns,
        "steps": len(timeline.steps_ns),
        "evaluations": len(after),
        "evaluated_after": sorted(after),
        "evaluation_samples": evaluations[0].samples if evaluations else None,
        "first_evaluation_ns": sum(evaluations[0].pieces_ns) if evaluations else None,
        "evaluation_tokens": sum(evaluation.tokens for evaluation in evaluations),
        "waits_ns": timeline.waits_ns,
        "evaluation_sets": sets_of(timeline, full_run, window),
        "train_peaks": train_peaks(timeline.peaks),
    }
    if full_run:
        run = fields["steps"]
        fields |= extrapolated(timeline, full_run, window)
        fields["train_tokens"] = round(fields["train_tokens"] * fields["steps"] / max(1, run))
    if full_run and is_cut(timeline, full_run):
        # times of the slice, beside which those of the whole would look wrong
        fields.pop("ranks")
    if measured.evaluated_times:
        _count_all_ranks(fields, measured.evaluated_times)
    return fields


def _count_all_ranks(counted: dict[str, Any], times: EvaluatedTimes) -> None:
    """Count what all ranks evaluate, in place of what the one does whose timeline it is."""
    if counted["evaluation_samples"]:
        counted["evaluation_samples"] = round(counted["evaluation_samples"] * times.samples)
    counted["evaluation_tokens"] = round(counted["evaluation_tokens"] * times.tokens)
    for evaluation_set in counted["evaluation_sets"].values():
        evaluation_set["samples"] = round(evaluation_set["samples"] * times.samples)


def _setup(shared: dict[str, int], request: RunRequest, own: dict[str, int]) -> dict[str, int]:
    """Set-up as a process of its own would have it: only its own evaluation set, if any."""
    own_set = f"evaluation_data:{request.evaluation_samples}"
    common = {
        name.partition(":")[0]: ns
        for name, ns in shared.items()
        if not name.startswith("evaluation_data:") or name == own_set
    }
    return {**common, **own}
