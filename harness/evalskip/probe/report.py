"""How a script that the harness runs hands its figures over."""

from __future__ import annotations

import atexit
import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from evalskip.probe.training_timer import TrainingTimer

VARIABLE = "EVALSKIP_RUN"
"""Environment variable in which the harness says, as JSON, what it wants of a run."""


class Probe(Protocol):
    """What can tell, at the end, what it measured."""

    def finish(self) -> dict[str, Any]:
        """Everything, ready for JSON."""

    @property
    def timer(self) -> TrainingTimer:
        """Of the training."""


@dataclass(frozen=True)
class Assignment:
    """What the harness wants of this run."""

    report: Path
    measure: str
    restore_random_state: bool
    tells_losses: bool = False
    sliced: dict[str, Any] | None = None
    callbacks: list[tuple[str, list[Any]]] = field(default_factory=list)

    def report_at_exit(self, measured: Probe) -> None:
        """Write what was measured once the script has ended; each of several ranks its own."""
        atexit.register(self._write, measured)

    def _write(self, measured: Probe) -> None:
        report = {
            **measured.finish(),
            "began_at_ns": measured.timer.began_at_ns,
            "environment": _environment(),
        }
        write_report(self.report, report)


def write_report(report: Path, content: dict[str, Any]) -> None:
    """Write what this process tells: there as a whole, or not at all.

    Args:
        report: where one process reports; each of several does beside it.
        content: what it measured; ``world`` is added: how many processes report.
    """
    world = int(os.environ.get("WORLD_SIZE", "1"))
    place = report if world == 1 else place_of(report, int(os.environ["RANK"]))
    part = place.with_suffix(".part")
    part.write_text(json.dumps({**content, "world": world}))
    part.replace(place)


def place_of(report: Path, rank: int) -> Path:
    """Where one of several ranks reports."""
    return report.with_suffix(f".{rank}.json")


def _environment() -> dict[str, Any]:
    """What the script found itself on, as far as it has looked."""
    torch = sys.modules.get("torch")
    if torch is None:
        return {}
    from evalskip.probe.environment import environment

    return environment("cuda" if torch.cuda.is_initialized() else "cpu")


def assignment() -> Assignment | None:
    """What the harness wants of this process; None: it was not started by the harness."""
    text = os.environ.get(VARIABLE)
    if not text:
        return None
    fields = json.loads(text)
    return Assignment(
        report=Path(fields["report"]),
        measure=fields["measure"],
        restore_random_state=fields["restore_random_state"],
        tells_losses=fields.get("tells_losses", False),
        sliced=fields.get("sliced"),
        callbacks=[(name, arguments) for name, arguments in fields.get("callbacks", [])],
    )
