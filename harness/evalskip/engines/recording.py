"""From what a run said to its record, and to what is kept of its steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalskip.machine.activity import means_of
from evalskip.machine.disturbance import disturbance_of
from evalskip.probe.memory import train_peaks
from evalskip.records import RunRecord
from evalskip.slices import Whole, extrapolated, sets_of

if TYPE_CHECKING:
    from evalskip.jobs import RunRequest
    from evalskip.launch import Outcome

_COPIED = (
    "phases_ns",
    "ranks",
    "train_tokens",
    "work_digest",
    "losses_digest",
    "weights_digest",
    "weights_sketch",
    "peak_bytes",
    "environment",
)


def record_of(
    request: RunRequest, outcome: Outcome, *, prepared: dict[str, Any], window: int, **known: Any
) -> RunRecord:
    """The record of a run.

    Args:
        request: what was asked for.
        outcome: how it ended, and what it measured.
        prepared: what its parent prepared.
        window: steps in a piece of the design, for a run that is extrapolated.
        **known: the fields of the record that the run does not tell.
    """
    measured = outcome.measured or {}
    timeline = measured.get("timeline", {})
    evaluations = timeline.get("evaluations", [])
    counted: dict[str, Any] = {
        "wall_ns": timeline.get("wall_ns"),
        "steps": len(timeline.get("steps_ns", [])),
        "evaluations": len(evaluations),
        "evaluated_after": [evaluation["after_step"] for evaluation in evaluations],
        "evaluation_rows": evaluations[0]["rows"] if evaluations else None,
        "first_evaluation_ns": _all_of(evaluations[0]) if evaluations else None,
        "evaluation_tokens": sum(evaluation["tokens"] for evaluation in evaluations),
        "waits_ns": timeline.get("waits_ns", {}),
    }
    copied = {name: measured[name] for name in _COPIED if name in measured}
    whole = Whole.model_validate(measured["whole"]) if "whole" in measured else None
    if timeline:
        counted["evaluation_sets"] = sets_of(timeline, whole, window)
        counted["train_peaks"] = train_peaks(timeline["peaks"])
    if whole:
        run = counted["steps"]
        counted |= extrapolated(timeline, whole, window)
        copied["train_tokens"] = round(copied["train_tokens"] * counted["steps"] / max(1, run))
        if whole.is_cut(timeline):
            # times of the slice, beside which those of the whole would look wrong
            copied.pop("ranks", None)
    if "evaluated_times" in measured:
        _count_all_ranks(counted, measured["evaluated_times"])
    disturbance = disturbance_of(outcome.activity, outcome.gpu_activity)
    return RunRecord(
        block=request.block,
        position=request.position,
        arm=request.arm,
        measure=request.measure,
        seed=request.seed,
        status=outcome.status,
        error=outcome.error,
        extrapolated=request.sliced if whole and whole.is_cut(timeline) else None,
        may_stop_early=whole.may_stop_early if whole else False,
        setup_ns=_setup(prepared["setup_ns"], request, measured.get("setup_ns", {})),
        usage=outcome.usage,
        activity=means_of(outcome.activity),
        disturbed_s=disturbance.disturbed_s if disturbance else None,
        observed_s=disturbance.observed_s if disturbance else 0.0,
        **{**copied, **counted},
        **known,
    )


def steps_of(outcome: Outcome) -> dict[str, Any] | None:
    """What is kept of a run's steps; None: it did not end well."""
    if outcome.measured is None:
        return None
    return {
        "timeline": outcome.measured["timeline"],
        "whole": outcome.measured.get("whole"),
        "losses": outcome.measured["losses"],
        "batch_digests": outcome.measured["batch_digests"],
        "activity": outcome.activity,
        "gpu_activity": outcome.gpu_activity,
    }


def _count_all_ranks(counted: dict[str, Any], times: dict[str, float]) -> None:
    """Count what all ranks evaluate, in place of what the one does whose timeline it is."""
    if counted["evaluation_rows"]:
        counted["evaluation_rows"] = round(counted["evaluation_rows"] * times["rows"])
    counted["evaluation_tokens"] = round(counted["evaluation_tokens"] * times["tokens"])
    for found in counted.get("evaluation_sets", {}).values():
        found["rows"] = round(found["rows"] * times["rows"])


def _all_of(evaluation: dict[str, Any]) -> int:
    parts: list[int] = [*evaluation["batches_ns"], evaluation["loader_ns"]]
    return sum(parts, start=int(evaluation["aggregation_ns"]))


def _setup(shared: dict[str, int], request: RunRequest, own: dict[str, int]) -> dict[str, int]:
    """Set-up as a process of its own would have it: only its own evaluation set, if any."""
    wanted = f"evaluation_data:{request.evaluation_rows}"
    common = {
        name.partition(":")[0]: ns
        for name, ns in shared.items()
        if not name.startswith("evaluation_data:") or name == wanted
    }
    return {**common, **own}
