"""After epochs N, 2N, ...: a callback, since the Trainer has no such option."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from evalskip.schedules.base import BaseSchedule


class EveryNthEpoch(BaseSchedule):
    """Evaluate at the end of epochs N, 2N, ...; at the last one only if it is a multiple.

    An N beyond the job's epochs is allowed: such an arm never evaluates.
    """

    schedule: Literal["every_n_epochs"] = "every_n_epochs"
    n: int = Field(ge=1, description="epochs from one evaluation to the next")

    @property
    def label(self) -> str:
        return f"every_n_epochs:{self.n}"

    def evaluated_steps(self, epochs: int, steps_per_epoch: int) -> list[int]:
        return [epoch * steps_per_epoch for epoch in range(self.n, epochs + 1, self.n)]

    def evaluated_within(self, steps: int, steps_per_epoch: int) -> list[int]:
        """An epoch that is cut short is none of those that are counted."""
        every = self.n * steps_per_epoch
        return list(range(every, steps + 1, every))

    def callbacks(self) -> list[tuple[str, list[Any]]]:
        return [("EveryNEpochs", [self.n])]
