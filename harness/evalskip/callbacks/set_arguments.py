"""Sets what ``TrainingArguments`` say of evaluation, in a run of the harness."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback

from evalskip.probe.attach import trainer_of
from evalskip.probe.trying import REDUCES_LOGITS, most_likely

if TYPE_CHECKING:
    from collections.abc import Mapping


class SetArguments(TrainerCallback):
    """Changes a Trainer's arguments before it trains, as if its script had them so.

    Args:
        arguments: by name, of those that are read whenever it evaluates.

    Raises:
        AttributeError: as training begins: ``TrainingArguments`` have no such argument.
    """

    def __init__(self, arguments: Mapping[str, Any]) -> None:
        self._arguments = dict(arguments)

    def on_init_end(self, args: Any, *_: Any, **kwargs: Any) -> None:
        """The Trainer is complete."""
        trainer = trainer_of(self)
        for name, value in self._arguments.items():
            if name == REDUCES_LOGITS:
                if trainer is not None:
                    trainer.preprocess_logits_for_metrics = most_likely
            elif hasattr(args, name):
                setattr(args, name, value)
            else:
                raise AttributeError(f"TrainingArguments have no {name}")
