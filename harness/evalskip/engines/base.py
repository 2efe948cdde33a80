"""What an engine does, and what it tells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.jobs import RunRequest
    from evalskip.plan import Block
    from evalskip.records import RunRecord, Steps


@dataclass(frozen=True)
class RunEnded:
    """A run of a block has ended."""

    block: Block
    record: RunRecord
    steps: Steps | None
    """What it measured step by step."""


@dataclass(frozen=True)
class BlockEnded:
    """All runs of a block have ended, and been told of."""

    block: Block


@dataclass(frozen=True)
class BlockLost:
    """A block's node, or what ran it there, is gone; none of its runs is told of."""

    block: Block
    reason: str


Event = RunEnded | BlockEnded | BlockLost


class Engine(Protocol):
    """Runs blocks, each whole on one machine.

    What a block's parent prepared is told by calling back, as soon as it is known.
    """

    @property
    def room(self) -> int:
        """How many blocks it can run at the same time."""

    def run(
        self, request: RunRequest, evaluation_samples: Sequence[int], limit_s: float
    ) -> tuple[RunRecord, Steps | None]:
        """Make one run by itself, while no block runs; its record and steps.

        Args:
            request: of the run.
            evaluation_samples: sizes of the evaluation sets that it and those after it need, which
                can then share a parent.
            limit_s: time after which the run is ended.

        Raises:
            InputError: what the user wrote makes no run.
            MeasurementError: its parent could not be made ready, or was lost.
        """

    def begin(self, block: Block, limit_s: float) -> None:
        """Begin a block, which there is room for.

        Args:
            block: to run.
            limit_s: time after which a run is ended.
        """

    def next(self) -> Event:
        """Wait for what happens next, some block having begun.

        Raises:
            InputError: what the user wrote makes no run.
            MeasurementError: a block's parent could not be made ready.
        """

    def close(self) -> None:
        """End what is still running, and leave no process behind."""
