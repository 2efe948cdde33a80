"""Evaluate samples of like lengths together, so that little is padded."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback

from evalskip.probe.attach import trainer_of
from evalskip.probe.guard import Guard
from evalskip.probe.lengths import lengths_of, longest_first
from evalskip.probe.slicing import chosen_of

if TYPE_CHECKING:
    from transformers import Trainer


class SortByLength(TrainerCallback):
    """Puts evaluated samples into the order of their lengths, the longest first.

    One line in any script that uses the Trainer::

        Trainer(..., eval_dataset=samples, callbacks=[SortByLength()])

    Batches are padded to their longest sample, so a random order pads far more. No sample's loss
    changes by it; ``eval_loss``, a mean of batches' means, can move a little. Predictions come to
    ``compute_metrics`` in that order. Training is not touched. The longest batch comes first: where
    memory does not suffice, that shows at once.

    Samples that hold no token ids (a collator makes them), and streams, stay as they are, and it
    says so.
    """

    def __init__(self) -> None:
        self._guard = Guard("SortByLength")
        self._sorted: Any = None

    def on_init_end(self, *args: Any, **kwargs: Any) -> None:
        """The Trainer is complete."""
        self._guard.call(self._sort)

    def on_train_begin(self, *args: Any, **kwargs: Any) -> None:
        """Sort here where the callback, or the evaluation set, came later."""
        self._guard.call(self._sort)

    def _sort(self) -> None:
        trainer = trainer_of(self)
        if trainer is None or trainer.eval_dataset is None or trainer.eval_dataset is self._sorted:
            return
        own = trainer.eval_dataset
        named = own if isinstance(own, dict) else {"": own}
        ordered = {name: self._ordered(trainer, samples) for name, samples in named.items()}
        self._sorted = trainer.eval_dataset = ordered if isinstance(own, dict) else ordered[""]

    def _ordered(self, trainer: Trainer, samples: Any) -> Any:
        lengths = lengths_of(samples) if hasattr(samples, "__len__") else None
        if lengths is None:
            if trainer.is_world_process_zero():
                print(
                    "evalskip: SortByLength: the evaluation set stays as it is: expected samples "
                    "with input_ids, and not a stream",
                    file=sys.stderr,
                )
            return samples
        return chosen_of(samples, longest_first(lengths))
