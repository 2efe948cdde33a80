"""What a launcher does, and what comes back from a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from pydantic import BaseModel

from evalskip.records import Status

if TYPE_CHECKING:
    from evalskip.jobs import RunRequest


class Outcome(BaseModel):
    """How a run ended, seen from outside it."""

    status: Status
    error: str | None = None
    measured: dict[str, Any] | None = None
    usage: dict[str, float] = {}
    activity: list[list[float]] = []
    gpu_activity: list[dict[str, Any]] = []


class Launcher(Protocol):
    """Starts the runs of one block, one after the other."""

    prepared: dict[str, Any]
    """What the runner's ``prepare`` returned."""

    def run(self, request: RunRequest, limit_s: float) -> Outcome:
        """Make one run; it ends within ``limit_s`` seconds, whatever it does."""

    def close(self) -> None:
        """Leave no process behind."""
