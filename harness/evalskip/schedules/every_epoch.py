"""After every epoch: the Trainer's ``eval_strategy: epoch``."""

from __future__ import annotations

from typing import Any, Literal

from evalskip.schedules.base import BaseSchedule


class EveryEpoch(BaseSchedule):
    """Evaluate at the end of each epoch."""

    schedule: Literal["every_epoch"] = "every_epoch"

    @property
    def label(self) -> str:
        return "every_epoch"

    def evaluated_steps(self, epochs: int, steps_per_epoch: int) -> list[int]:
        return [epoch * steps_per_epoch for epoch in range(1, epochs + 1)]

    def evaluated_within(self, steps: int, steps_per_epoch: int) -> list[int]:
        """An epoch that is cut short ends as well."""
        return sorted({*range(steps_per_epoch, steps + 1, steps_per_epoch), steps})

    def trainer_arguments(self) -> dict[str, Any]:
        return {"eval_strategy": "epoch"}
