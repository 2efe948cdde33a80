"""Every N optimizer steps: the Trainer's ``eval_strategy: steps``."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from evalskip.schedules.base import BaseSchedule


class EveryNSteps(BaseSchedule):
    """Evaluate after steps N, 2N, ... and after the last step.

    The last step is the rule of today's Trainer: a run under ``eval_strategy: steps`` evaluates at
    its end even where that is no multiple of N. A callback makes older versions do the same.
    """

    schedule: Literal["every_n_steps"] = "every_n_steps"
    n: int = Field(ge=1, description="optimizer steps from one evaluation to the next")

    @property
    def label(self) -> str:
        return f"every_n_steps:{self.n}"

    def evaluated_steps(self, epochs: int, steps_per_epoch: int) -> list[int]:
        last = epochs * steps_per_epoch
        return sorted({*range(self.n, last + 1, self.n), last})

    def trainer_arguments(self) -> dict[str, Any]:
        return {"eval_strategy": "steps", "eval_steps": self.n}

    def callbacks(self) -> list[tuple[str, list[Any]]]:
        return [("AtTheLastStep", [])]
