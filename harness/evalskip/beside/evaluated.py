"""What checkpoints came to, as it is kept beside them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from evalskip.beside.folder import write_whole
from evalskip.probe.measured import as_report, parsed

if TYPE_CHECKING:
    from pathlib import Path

LOG_FOLDER = "evaluated"
"""In the Trainer's ``output_dir``: where the metrics are, also as a Trainer logs them."""
_FILE = "evaluated.json"
_OF_SPEED = (
    "_runtime",
    "_samples_per_second",
    "_steps_per_second",
    "_model_preparation_time",
)


@dataclass
class EvaluatedCheckpoint:
    """One checkpoint's metrics, as ``Trainer.evaluate`` names them."""

    step: int
    epoch: float | None
    metrics: dict[str, float]

    @property
    def told(self) -> dict[str, float]:
        """Its metrics, but for those that tell how fast it was evaluated."""
        return {name: each for name, each in self.metrics.items() if not name.endswith(_OF_SPEED)}


@dataclass
class FailedCheckpoint:
    """One that could not be evaluated."""

    step: int
    reason: str


@dataclass
class Evaluated:
    """What the checkpoints of one training came to, over all calls."""

    metric: str
    """Decides which is best."""
    greater_is_better: bool
    checkpoints: list[EvaluatedCheckpoint] = field(default_factory=list)
    """By step."""
    failed: list[FailedCheckpoint] = field(default_factory=list)
    gone: list[int] = field(default_factory=list)
    """Steps of those that were taken away before they were evaluated."""

    @property
    def best(self) -> EvaluatedCheckpoint | None:
        """The first of the best ones; None: none has the metric."""
        sign = -1 if self.greater_is_better else 1
        known = [each for each in self.checkpoints if self.metric in each.metrics]
        return min(known, key=lambda each: sign * each.metrics[self.metric], default=None)

    def write(self, output: Path) -> None:
        """Keep it beside the checkpoints."""
        write_whole(output / LOG_FOLDER / _FILE, as_report(self))


def read_evaluated(output: Path) -> Evaluated | None:
    """What is kept beside checkpoints; None: nothing, or another thing.

    Args:
        output: the Trainer's ``output_dir``.
    """
    try:
        return parsed(Evaluated, json.loads((output / LOG_FOLDER / _FILE).read_text()))
    except (OSError, ValueError):
        return None
