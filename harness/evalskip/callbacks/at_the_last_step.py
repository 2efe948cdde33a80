"""Evaluate after the last step, which not every version of the Trainer does by itself."""

from __future__ import annotations

from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments


class AtTheLastStep(TrainerCallback):
    """Ask the Trainer to evaluate after the last step of training.

    Recent versions do so under ``eval_strategy: steps`` (``DefaultFlowCallback.on_step_end``);
    4.55 does not. Where the Trainer asks already, this changes nothing.
    """

    decides_when = True

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Set ``control.should_evaluate`` at the last step."""
        if state.global_step >= state.max_steps:
            control.should_evaluate = True
