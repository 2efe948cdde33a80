"""What a launcher does, and what comes back from a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from pydantic import BaseModel, ConfigDict

from evalskip.launch.ranks import merged
from evalskip.probe.measured import Measured, Prepared, ReportError, TriedBatch, parsed
from evalskip.records import Status

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalskip.jobs import RunRequest


class Outcome(BaseModel):
    """How a run ended, seen from outside it."""

    model_config = ConfigDict(ser_json_inf_nan="constants")

    status: Status
    error: str | None = None
    measured: Measured | None = None
    """Of a run that trained to its end."""
    tried: TriedBatch | None = None
    """Of a trial."""
    usage: dict[str, float] = {}
    activity: list[list[float]] = []
    gpu_activity: list[dict[str, Any]] = []


def reported(
    outcome: Outcome, reports: Sequence[Mapping[str, Any]], request: RunRequest
) -> Outcome:
    """The outcome with what its run reported; of a report that cannot be read, a failed run.

    Args:
        outcome: of a run that ended well.
        reports: of each of its ranks, in their order, as they arrived.
        request: what was asked for.
    """
    try:
        if request.trial:
            return outcome.model_copy(update={"tried": parsed(TriedBatch, reports[0])})
        measured = merged([parsed(Measured, report) for report in reports])
    except ReportError as error:
        update = {"status": "failed", "error": f"its report: {error}"}
        return outcome.model_copy(update=update)
    return outcome.model_copy(update={"measured": measured})


class Launcher(Protocol):
    """Starts the runs of one block, one after the other."""

    prepared: Prepared
    """What the runner's ``prepare`` returned."""

    def run(self, request: RunRequest, limit_s: float) -> Outcome:
        """Make one run; it ends within ``limit_s`` seconds, whatever it does."""

    def close(self) -> None:
        """Leave no process behind."""
