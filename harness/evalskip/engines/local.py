"""Runs blocks on this machine, one after the other."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from evalskip.launch import launcher_for
from evalskip.machine.contamination import is_contaminated
from evalskip.records import RunRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from evalskip.jobs import RunRequest
    from evalskip.launch import Outcome
    from evalskip.plan import Block
    from evalskip.spec import Spec


class LocalEngine:
    """All arms of a block share this machine and one warm parent.

    Args:
        spec: of the experiment.
        logs: an existing folder for what the runs print.
        on_ready: called with what the parent prepared, once per block.
    """

    def __init__(self, spec: Spec, logs: Path, on_ready: Callable[[dict[str, Any]], None]) -> None:
        self._spec = spec
        self._logs = logs
        self._on_ready = on_ready
        self._digest = spec.digest()

    def run(
        self, block: Block, attempt: int
    ) -> Generator[tuple[RunRecord, dict[str, Any] | None], None, None]:
        """Make the block's runs; of each, its record and what it measured step by step."""
        sizes = [request.evaluation_rows for request in block.runs if request.evaluation_rows]
        asked = time.perf_counter_ns()
        launcher = launcher_for(
            self._spec.job, block.measure, sizes, self._logs, self._spec.limits.start_time
        )
        block_start = time.perf_counter_ns() - asked
        try:
            self._on_ready(launcher.prepared)
            for request in block.runs:
                started_at = datetime.now(UTC).isoformat(timespec="milliseconds")
                began = time.perf_counter_ns()
                outcome = launcher.run(request, self._spec.limits.run_time)
                turnaround = time.perf_counter_ns() - began
                yield (
                    _record(
                        request,
                        outcome,
                        prepared=launcher.prepared,
                        experiment=self._digest,
                        attempt=attempt,
                        started_at=started_at,
                        block_start_ns=block_start,
                        turnaround_ns=turnaround,
                    ),
                    _steps(outcome),
                )
        finally:
            launcher.close()


def _record(
    request: RunRequest, outcome: Outcome, *, prepared: dict[str, Any], **known: Any
) -> RunRecord:
    measured = outcome.measured or {}
    timeline = measured.get("timeline", {})
    evaluations = timeline.get("evaluations", [])
    return RunRecord(
        block=request.block,
        position=request.position,
        arm=request.arm,
        measure=request.measure,
        seed=request.seed,
        status=outcome.status,
        error=outcome.error,
        setup_ns=_setup(prepared["setup_ns"], request, measured.get("setup_ns", {})),
        wall_ns=timeline.get("wall_ns"),
        steps=len(timeline.get("steps_ns", [])),
        evaluations=len(evaluations),
        evaluated_after=[evaluation["after_step"] for evaluation in evaluations],
        evaluation_rows=evaluations[0]["rows"] if evaluations else None,
        first_evaluation_ns=_whole(evaluations[0]) if evaluations else None,
        evaluation_tokens=sum(evaluation["tokens"] for evaluation in evaluations),
        usage=outcome.usage,
        contaminated=is_contaminated(outcome.activity, outcome.gpu_activity),
        **{name: measured[name] for name in _COPIED if name in measured},
        **known,
    )


def _whole(evaluation: dict[str, Any]) -> int:
    parts: list[int] = [*evaluation["batches_ns"], evaluation["loader_ns"]]
    return sum(parts, start=int(evaluation["aggregation_ns"]))


_COPIED = (
    "phases_ns",
    "train_tokens",
    "work_digest",
    "losses_digest",
    "weights_digest",
    "weights_sketch",
    "peak_bytes",
    "environment",
)


def _setup(shared: dict[str, int], request: RunRequest, own: dict[str, int]) -> dict[str, int]:
    """Set-up as a process of its own would have it: only its own evaluation set, if any."""
    wanted = f"evaluation_data:{request.evaluation_rows}"
    common = {
        name.partition(":")[0]: ns
        for name, ns in shared.items()
        if not name.startswith("evaluation_data:") or name == wanted
    }
    return {**common, **own}


def _steps(outcome: Outcome) -> dict[str, Any] | None:
    if outcome.measured is None:
        return None
    return {
        "timeline": outcome.measured["timeline"],
        "losses": outcome.measured["losses"],
        "batch_digests": outcome.measured["batch_digests"],
        "activity": outcome.activity,
        "gpu_activity": outcome.gpu_activity,
    }
