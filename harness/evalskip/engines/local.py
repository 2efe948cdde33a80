"""Runs blocks on this machine, one after the other."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from evalskip.engines.base import BlockEnded, RunEnded
from evalskip.engines.recording import record_of, steps_of
from evalskip.launch import launcher_for

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from pathlib import Path

    from evalskip.engines.base import Event
    from evalskip.jobs import Measure, RunRequest
    from evalskip.launch import Launcher
    from evalskip.machine.fingerprint import Node
    from evalskip.plan import Block
    from evalskip.probe.measured import Prepared
    from evalskip.records import RunRecord, Steps
    from evalskip.spec import Spec


class Options(BaseModel):
    """There is nothing to say of this machine."""

    model_config = ConfigDict(extra="forbid")


class LocalEngine:
    """All arms of a block share this machine and one warm parent; one block runs at a time.

    Args:
        spec: of the experiment.
        logs: an existing folder for what the runs print.
        on_ready: called with what the parent prepared, once per block.
        options: none.
        node: this machine's fingerprint, where it is one of several.
    """

    room = 1

    def __init__(
        self,
        spec: Spec,
        logs: Path,
        on_ready: Callable[[Prepared], None],
        options: Options | None = None,
        *,
        node: Node | None = None,
    ) -> None:
        self._spec = spec
        self._logs = logs
        self._on_ready = on_ready
        self._node = node
        self._digest = spec.digest()
        self._parent: _Parent | None = None
        self._block_events: Generator[Event, None, None] | None = None

    def run(
        self, request: RunRequest, evaluation_samples: Sequence[int], limit_s: float
    ) -> tuple[RunRecord, Steps | None]:
        """See :meth:`Engine.run`; its parent is then ready for others, and for a block."""
        # where metering costs no time, runs that do may share a parent with those that are timed
        apart = self._spec.job.meters_memory_apart or request.trial is not None
        before = self._parent
        parent = self._ready(request.measure if apart else "time", evaluation_samples)
        return self._make_run(parent, request, limit_s, 0 if parent is before else parent.start_ns)

    def begin(self, block: Block, limit_s: float) -> None:
        """See :meth:`Engine.begin`."""
        self._block_events = self._events(block, limit_s)

    def next(self) -> Event:
        """See :meth:`Engine.next`."""
        if self._block_events is None:
            raise RuntimeError("no block has begun")
        return next(self._block_events)

    def close(self) -> None:
        """See :meth:`Engine.close`."""
        if self._block_events:
            self._block_events.close()
        self._leave()

    def _events(self, block: Block, limit_s: float) -> Generator[Event, None, None]:
        parent = self._ready(block.measure, block.evaluation_samples)
        for request in block.runs:
            yield RunEnded(block, *self._make_run(parent, request, limit_s, parent.start_ns))
        # each block has a parent of its own
        self._leave()
        yield BlockEnded(block)

    def _leave(self) -> None:
        parent, self._parent = self._parent, None
        if parent:
            parent.launcher.close()

    def _ready(self, measure: Measure, evaluation_samples: Sequence[int]) -> _Parent:
        """The parent that there is, if it is ready for that; else another in its place."""
        sizes = tuple(sorted(set(evaluation_samples)))
        if self._parent and (self._parent.measure, self._parent.sizes) == (measure, sizes):
            return self._parent
        self._leave()
        start = time.perf_counter_ns()
        launcher = launcher_for(
            self._spec.job, measure, sizes, self._logs, self._spec.limits.start_time
        )
        self._parent = _Parent(launcher, measure, sizes, time.perf_counter_ns() - start)
        self._on_ready(launcher.prepared)
        return self._parent

    def _make_run(
        self, parent: _Parent, request: RunRequest, limit_s: float, start_ns: int
    ) -> tuple[RunRecord, Steps | None]:
        started_at = datetime.now(UTC).isoformat(timespec="milliseconds")
        began = time.perf_counter_ns()
        outcome = parent.launcher.run(request, limit_s)
        record = record_of(
            request,
            outcome,
            prepared=parent.launcher.prepared,
            experiment=self._digest,
            node=self._node,
            started_at=started_at,
            block_start_ns=start_ns,
            turnaround_ns=time.perf_counter_ns() - began,
            window=self._spec.design.window,
        )
        return record, steps_of(outcome)


@dataclass(frozen=True)
class _Parent:
    launcher: Launcher
    measure: Measure
    sizes: tuple[int, ...]
    start_ns: int


ENGINE = LocalEngine
