"""Whenever the user's own configuration says."""

from __future__ import annotations

from typing import Literal

from evalskip.schedules.base import BaseSchedule


class AsWritten(BaseSchedule):
    """The job as its author wrote it, evaluation after training included.

    When that is cannot be told beforehand; it is counted.
    """

    schedule: Literal["as_written"] = "as_written"

    @property
    def label(self) -> str:
        return "as_written"

    def evaluated_steps(self, epochs: int, steps_per_epoch: int) -> None:
        return None
