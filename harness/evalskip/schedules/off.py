"""No evaluation at all."""

from __future__ import annotations

from typing import Literal

from evalskip.schedules.base import BaseSchedule


class Off(BaseSchedule):
    """Training alone; what every other schedule is compared with."""

    schedule: Literal["off"] = "off"

    @property
    def label(self) -> str:
        return "off"

    def evaluated_steps(self, epochs: int, steps_per_epoch: int) -> list[int]:
        return []
