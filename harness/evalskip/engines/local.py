"""Runs blocks on this machine, one after the other."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from evalskip.engines.base import BlockEnded, RunEnded
from evalskip.launch import launcher_for
from evalskip.machine.activity import means_of
from evalskip.machine.contamination import is_contaminated
from evalskip.probe.memory import train_peaks
from evalskip.records import RunRecord
from evalskip.slices import Whole, extrapolated, sets_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping
    from pathlib import Path

    from evalskip.engines.base import Event
    from evalskip.jobs import Measure, RunRequest
    from evalskip.launch import Launcher, Outcome
    from evalskip.plan import Block
    from evalskip.spec import Spec


class LocalEngine:
    """All arms of a block share this machine and one warm parent; one block runs at a time.

    Args:
        spec: of the experiment.
        logs: an existing folder for what the runs print.
        on_ready: called with what the parent prepared, once per block.
        node: this machine's fingerprint, where it is one of several.
    """

    room = 1

    def __init__(
        self,
        spec: Spec,
        logs: Path,
        on_ready: Callable[[dict[str, Any]], None],
        node: Mapping[str, Any] | None = None,
    ) -> None:
        self._spec = spec
        self._logs = logs
        self._on_ready = on_ready
        self._node = dict(node or {})
        self._digest = spec.digest()
        self._kept: _Parent | None = None
        self._begun: Generator[Event, None, None] | None = None

    def pilot(
        self, request: RunRequest, block: Block, limit_s: float
    ) -> tuple[RunRecord, dict[str, Any] | None]:
        """See :meth:`Engine.pilot`; its parent is then ready for the block."""
        self._kept = self._parent(block)
        return self._made(self._kept, request, 0, limit_s)

    def begin(self, block: Block, attempt: int, limit_s: float) -> None:
        """See :meth:`Engine.begin`."""
        self._begun = self._events(block, attempt, limit_s)

    def next(self) -> Event:
        """See :meth:`Engine.next`."""
        if self._begun is None:
            raise RuntimeError("no block has begun")
        return next(self._begun)

    def close(self) -> None:
        """See :meth:`Engine.close`."""
        if self._begun:
            self._begun.close()
        if self._kept:
            self._kept.launcher.close()

    def _events(self, block: Block, attempt: int, limit_s: float) -> Generator[Event, None, None]:
        if self._kept and self._kept.measure == block.measure:
            parent, self._kept = self._kept, None
        else:
            parent = self._parent(block)
        with closing(parent.launcher):
            for request in block.runs:
                yield RunEnded(block, *self._made(parent, request, attempt, limit_s))
        yield BlockEnded(block)

    def _parent(self, block: Block) -> _Parent:
        sizes = [request.evaluation_rows for request in block.runs if request.evaluation_rows]
        asked = time.perf_counter_ns()
        launcher = launcher_for(
            self._spec.job, block.measure, sizes, self._logs, self._spec.limits.start_time
        )
        parent = _Parent(launcher, block.measure, time.perf_counter_ns() - asked)
        try:
            self._on_ready(launcher.prepared)
        except BaseException:
            launcher.close()
            raise
        return parent

    def _made(
        self, parent: _Parent, request: RunRequest, attempt: int, limit_s: float
    ) -> tuple[RunRecord, dict[str, Any] | None]:
        started_at = datetime.now(UTC).isoformat(timespec="milliseconds")
        began = time.perf_counter_ns()
        outcome = parent.launcher.run(request, limit_s)
        record = _record(
            request,
            outcome,
            prepared=parent.launcher.prepared,
            experiment=self._digest,
            node=self._node,
            attempt=attempt,
            started_at=started_at,
            block_start_ns=parent.start_ns,
            turnaround_ns=time.perf_counter_ns() - began,
            window=self._spec.design.window,
        )
        return record, _steps(outcome)


@dataclass(frozen=True)
class _Parent:
    launcher: Launcher
    measure: Measure
    start_ns: int


def _record(
    request: RunRequest, outcome: Outcome, *, prepared: dict[str, Any], window: int, **known: Any
) -> RunRecord:
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
        contaminated=is_contaminated(outcome.activity, outcome.gpu_activity),
        **{**copied, **counted},
        **known,
    )


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
        "whole": outcome.measured.get("whole"),
        "losses": outcome.measured["losses"],
        "batch_digests": outcome.measured["batch_digests"],
        "activity": outcome.activity,
        "gpu_activity": outcome.gpu_activity,
    }
