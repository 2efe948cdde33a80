"""Evaluate saved checkpoints where a program would train."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NoReturn

from transformers import TrainerCallback

from evalskip.beside.afterwards import evaluate_checkpoints
from evalskip.probe.attach import trainer_of

if TYPE_CHECKING:
    from transformers import Trainer, TrainerControl, TrainerState, TrainingArguments


class EvaluateCheckpoints(TrainerCallback):
    """Has ``train()`` evaluate checkpoints, and end the program.

    For programs that build a Trainer and keep it to themselves, such as LLaMA-Factory's; see
    :func:`evalskip.beside.afterwards.evaluate_checkpoints`.

    Args:
        output_dir: where the checkpoints are.
        watch: go on until training has ended.
        newest_first: begin with the newest.
    """

    def __init__(self, output_dir: str, watch: bool = False, newest_first: bool = False) -> None:
        self._output_dir = output_dir
        self._watch, self._newest_first = watch, newest_first

    def on_init_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: object,
    ) -> None:
        """The Trainer is complete."""
        trainer = trainer_of(self)
        if trainer is not None:
            trainer.train = lambda *_, **__: self._evaluate(trainer)

    def _evaluate(self, trainer: Trainer) -> NoReturn:
        code = 0
        try:
            evaluate_checkpoints(
                trainer, self._output_dir, watch=self._watch, newest_first=self._newest_first
            )
        except KeyboardInterrupt:
            code = 130
        except Exception as error:
            print(f"evalskip: {type(error).__name__}: {error}", file=sys.stderr)
            code = 3
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)  # a program that goes on would save what was evaluated last
