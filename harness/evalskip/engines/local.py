"""Runs blocks on this machine, one after the other."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from evalskip.engines.base import BlockEnded, RunEnded
from evalskip.engines.recording import record_of, steps_of
from evalskip.launch import launcher_for

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping
    from pathlib import Path

    from evalskip.engines.base import Event
    from evalskip.jobs import Measure, RunRequest
    from evalskip.launch import Launcher
    from evalskip.plan import Block
    from evalskip.records import RunRecord, Steps
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
    ) -> tuple[RunRecord, Steps | None]:
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
            attempt=attempt,
            started_at=started_at,
            block_start_ns=parent.start_ns,
            turnaround_ns=time.perf_counter_ns() - began,
            window=self._spec.design.window,
        )
        return record, steps_of(outcome)


@dataclass(frozen=True)
class _Parent:
    launcher: Launcher
    measure: Measure
    start_ns: int
