"""What a result is of: its job, and the machine and versions that it was made with."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from evalskip import __version__
from evalskip.machine.fingerprint import Machine
from evalskip.summary import Made, Scope, Summary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.records import RunRecord
    from evalskip.results import ResultDirectory
    from evalskip.spec import Spec


def summary_of(
    spec: Spec, results: ResultDirectory, records: Sequence[RunRecord] = (), **sections: Any
) -> Summary:
    """A summary of sections, with what they are of.

    Args:
        spec: of the experiment.
        results: where its environment is.
        records: of its runs; where nodes ran them, the machine is that of the first block's.
        **sections: of the summary, by their names.
    """
    described, environment = spec.job.describe(), results.environment
    device = environment.device
    node = next((record.node for record in records if record.node), None)
    machine = Machine(**node.model_dump(exclude={"name"})) if node else environment.machine
    return Summary(
        name=results.name,
        made=made_now(machine, environment.software or {}),
        scope=Scope(
            job=described["job"],
            model=described["model"],
            parameters=environment.parameters or device.get("parameters", 0),
            device=device.get("gpu") or described["device"],
        ),
        **sections,
    )


def made_now(machine: Machine | None, versions: dict[str, str]) -> Made:
    """When and with what a result is made: now, on a machine, with versions by name."""
    at = datetime.now(UTC).isoformat(timespec="seconds")
    return Made(at=at, evalskip=__version__, machine=machine, versions=versions)
