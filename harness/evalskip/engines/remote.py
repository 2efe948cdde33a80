"""Whole blocks on other machines: what Ray and Slurm have in common.

A block travels as JSON to a node that has this package, is run there by the engine that runs blocks
on one machine, and its records come back together. So all arms of a block share a node and its
devices, and what is paired is paired within a node.
"""

from __future__ import annotations

import os
import tempfile
from abc import ABC, abstractmethod
from collections import deque
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from evalskip.engines.base import BlockEnded, BlockLost, RunEnded
from evalskip.engines.local import LocalEngine
from evalskip.errors import InputError, Killed, MeasurementError
from evalskip.jobs import RunRequest
from evalskip.machine.fingerprint import Node, fingerprint
from evalskip.plan import Block
from evalskip.probe.measured import Prepared, as_report, parsed
from evalskip.records import RunRecord, Steps
from evalskip.spec import Spec

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from evalskip.engines.base import Event

_LOG_BYTES = 100_000
_ERRORS = {error.__name__: error for error in (InputError, MeasurementError)}

Handle = TypeVar("Handle")


@dataclass(frozen=True)
class Needs:
    """What a block needs of its node."""

    cpus: int | None
    """None: all that a node has."""
    gpus: int


class Lost(Exception):
    """A block's node, or the process that ran it there, is gone."""


def needs_of(spec: Spec, gpus: int | None) -> Needs:
    """What each block of a spec needs; ``gpus`` where it is known better than from here."""
    return Needs(spec.job.cpus, spec.job.gpus if gpus is None else gpus)


def run_on_node(task: dict[str, Any]) -> dict[str, Any]:
    """Run a block on the machine that this is called on; called there.

    Args:
        task: ``spec``, ``runs`` (of the block), ``limit_s``, ``folder`` (where the experiment was
            begun), ``shared`` (a folder that ranks on several nodes see) and ``node`` (its name),
            as JSON holds them.

    Returns:
        ``runs``: pairs of a record and what was measured step by step; ``prepared``; ``logs``: by
        name, what the runs printed last. Or ``error`` and ``says``: a kind of ours, and its text.
    """
    with suppress(OSError):
        os.chdir(task["folder"])
    shared = task["shared"] if task["spec"]["job"].get("nodes", 1) > 1 else None
    prepared: list[Prepared] = []
    runs = []
    with tempfile.TemporaryDirectory(prefix="evalskip-", dir=shared) as folder:
        logs = Path(folder)
        try:
            spec = Spec.model_validate(task["spec"])
            spec.job.check(spec.largest_evaluation())
            node = Node(name=task["node"], **fingerprint().model_dump())
            with closing(LocalEngine(spec, logs, prepared.append, node=node)) as engine:
                block = Block(tuple(map(RunRequest.model_validate, task["runs"])))
                engine.begin(block, task["limit_s"])
                while isinstance(event := engine.next(), RunEnded):
                    steps = event.steps.model_dump(mode="json") if event.steps else None
                    runs.append((event.record.model_dump(mode="json"), steps))
        except (InputError, MeasurementError) as error:
            return {"error": type(error).__name__, "says": "\n".join([str(error), *error.below])}
        tails = {
            log.name: log.read_bytes()[-_LOG_BYTES:].decode(errors="replace")
            for log in logs.glob("*.log")
        }
    return {"runs": runs, "prepared": as_report(prepared[0]), "logs": tails}


class RemoteEngine(ABC, Generic[Handle]):
    """Hands blocks over, and waits for whichever ends first.

    Args:
        spec: of the experiment.
        logs: an existing folder for what the runs print.
        on_ready: called with what a block's parent prepared.
    """

    def __init__(self, spec: Spec, logs: Path, on_ready: Callable[[Prepared], None]) -> None:
        self._spec, self._logs, self._on_ready = spec, logs, on_ready
        self._sent = spec.model_dump(mode="json")
        self._running: dict[Handle, Block] = {}
        self._events: deque[Event] = deque()

    @property
    @abstractmethod
    def room(self) -> int:
        """See :class:`Engine`."""

    @abstractmethod
    def _submit(self, task: dict[str, Any]) -> Handle:
        """Have :func:`run_on_node` called on some node, which adds the name of that to it.

        Raises:
            InputError: no node has what a block needs.
        """

    @abstractmethod
    def _first_ended(self, handles: Sequence[Handle]) -> Handle:
        """Wait until one of them has ended, however that is.

        Raises:
            InputError: no node is left that has what a block needs.
        """

    @abstractmethod
    def _result(self, handle: Handle) -> dict[str, Any]:
        """What it returned.

        Raises:
            Lost: it returned nothing.
        """

    @abstractmethod
    def _cancel(self, handle: Handle) -> None:
        """End it at once."""

    def run(
        self, request: RunRequest, evaluation_samples: Sequence[int], limit_s: float
    ) -> tuple[RunRecord, Steps | None]:
        """See :meth:`Engine.run`; it shares its parent with no other."""
        self.begin(Block((request,)), limit_s)
        event = self.next()
        if isinstance(event, BlockLost):
            raise MeasurementError(f"{event.block.label} was lost: {event.reason}")
        self.next()
        if not isinstance(event, RunEnded):
            raise RuntimeError("a block without a run")
        return event.record, event.steps

    def begin(self, block: Block, limit_s: float) -> None:
        """See :meth:`Engine.begin`."""
        task = {
            "spec": self._sent,
            "runs": [request.model_dump(mode="json") for request in block.runs],
            "limit_s": limit_s,
            "folder": str(Path.cwd()),
            "shared": str(self._logs.absolute()),
        }
        self._running[self._submit(task)] = block

    def next(self) -> Event:
        """See :meth:`Engine.next`."""
        if not self._events:
            handle = self._first_ended(list(self._running))
            block = self._running.pop(handle)
            try:
                self._take(block, self._result(handle))
            except Lost as lost:
                return BlockLost(block, str(lost))
        return self._events.popleft()

    def close(self) -> None:
        """See :meth:`Engine.close`."""
        for handle in self._running:
            self._cancel(handle)
        self._running.clear()

    def _take(self, block: Block, answer: dict[str, Any]) -> None:
        if answer.get("error") == Killed.__name__:
            raise Lost(answer["says"])
        if "error" in answer:
            raise _ERRORS[answer["error"]](answer["says"])
        self._on_ready(parsed(Prepared, answer["prepared"]))
        for name, text in answer["logs"].items():
            (self._logs / name).write_text(text)
        for record, steps in answer["runs"]:
            measured = Steps.model_validate(steps) if steps else None
            self._events.append(RunEnded(block, RunRecord.model_validate(record), measured))
        self._events.append(BlockEnded(block))
