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


def outcome_of_error(error: BaseException) -> Outcome:
    """The outcome of a run that ended by an exception."""
    text = f"{type(error).__name__}: {error}".strip().splitlines()[0][:500]
    return Outcome(status="out_of_memory" if _is_out_of_memory(error) else "failed", error=text)


def _is_out_of_memory(error: BaseException) -> bool:
    """CUDA's allocator, the CPU's, and Python's say it in three ways."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    text = str(error)
    return "DefaultCPUAllocator: can't allocate memory" in text or (
        "CUDA" in text and "out of memory" in text
    )
