"""Evaluate every N epochs with any ``transformers.Trainer``."""

from __future__ import annotations

import sys
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from evalskip.probe.guard import Guard


class EveryNEpochs(TrainerCallback):
    """Ask the Trainer to evaluate at the end of epochs N, 2N, ...

    The Trainer knows ``epoch`` and ``steps`` only (transformers issue 45308). Leave
    ``eval_strategy`` at ``no`` and give the Trainer an ``eval_dataset``::

        Trainer(..., callbacks=[EveryNEpochs(5)])

    Of a stream, which has no length, each pass over it is an epoch, as it is with
    ``eval_strategy="epoch"``: also one that ``max_steps`` cuts short.

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
        self._passes = 0
        self._guard = Guard("EveryNEpochs")

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """No pass over a stream has ended."""
        self._passes = 0

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Set ``control.should_evaluate`` where a multiple of N epochs has ended."""
        if self._guard.call(self._is_due, state):
            control.should_evaluate = True

    def _is_due(self, state: TrainerState) -> bool:
        # the Trainer gives a stream as many epochs as there are numbers (Trainer._get_num_...)
        if state.num_train_epochs >= sys.maxsize:
            self._passes += 1
            return self._passes % self.n == 0
        # state.epoch is a float sum of step fractions; a run cut short ends inside an epoch
        epoch: int = round(state.epoch)
        return bool(epoch >= 1 and abs(state.epoch - epoch) < 1e-6 and epoch % self.n == 0)
