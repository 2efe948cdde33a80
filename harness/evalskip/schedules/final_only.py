"""Once, after training has ended."""

from __future__ import annotations

from typing import Literal

from evalskip.schedules.base import BaseSchedule


class FinalOnly(BaseSchedule):
    """One evaluation after ``train()`` has returned; it counts towards T."""

    schedule: Literal["final_only"] = "final_only"

    @property
    def label(self) -> str:
        return "final_only"

    @property
    def after_training(self) -> bool:
        return True

    def evaluated_steps(self, epochs: int, steps_per_epoch: int) -> list[int]:
        return [epochs * steps_per_epoch]
