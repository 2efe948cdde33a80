"""Evaluate every N epochs with any ``transformers.Trainer``."""

from __future__ import annotations

from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments


class EveryNEpochs(TrainerCallback):
    """Ask the Trainer to evaluate at the end of epochs N, 2N, ...

    The Trainer knows ``epoch`` and ``steps`` only (transformers issue 45308). Leave
    ``eval_strategy`` at ``no`` and give the Trainer an ``eval_dataset``::

        Trainer(..., callbacks=[EveryNEpochs(5)])

    Args:
        n: epochs from one evaluation to the next, at least 1.

    Raises:
        ValueError: ``n`` is below 1.
    """

    decides_when = True

    def __init__(self, n: int) -> None:
        if n < 1:
            raise ValueError(f"EveryNEpochs: n: expected at least 1, got {n}")
        self.n = n

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Set ``control.should_evaluate`` where a multiple of N epochs has ended."""
        # state.epoch is a float sum of step fractions; a run cut short ends inside an epoch
        epoch = round(state.epoch)
        if epoch >= 1 and abs(state.epoch - epoch) < 1e-6 and epoch % self.n == 0:
            control.should_evaluate = True
