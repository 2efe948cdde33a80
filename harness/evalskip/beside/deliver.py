"""Hands a result to the Trainer as if it had evaluated at the step of the snapshot."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from evalskip.beside.checkpoints import Checkpoints

if TYPE_CHECKING:
    from transformers import Trainer

    from evalskip.beside.folder import Result


def deliver(trainer: Trainer, result: Result) -> bool:
    """Log its metrics, let callbacks act on them, and keep the best; whether training is to stop.

    While that goes on, ``state.global_step`` and ``state.epoch`` are those of the snapshot, so the
    log, TensorBoard and ``state.best_global_step`` name the step that was evaluated. The order is
    that of ``Trainer._maybe_log_save_evaluate``.
    """
    state, control = trainer.state, trainer.control
    now = state.global_step, state.epoch
    asked = control.should_log, control.should_evaluate, control.should_save
    stopped = control.should_training_stop
    state.global_step, state.epoch = result.step, result.epoch
    try:
        trainer.log({key: each for key, each in result.metrics.items() if key != "epoch"})
        trainer.control = trainer.callback_handler.on_evaluate(
            trainer.args, state, control, result.metrics
        )
        is_best = trainer._determine_best_metric(metrics=result.metrics, trial=None)
        saved = Checkpoints(Path(trainer._get_output_dir(trial=None))).at(result.step)
        if is_best and saved.is_dir():
            state.best_model_checkpoint = str(saved)
    finally:
        state.global_step, state.epoch = now
        # what is due at this step is due all the same
        control.should_log, control.should_evaluate, control.should_save = asked
    return bool(control.should_training_stop and not stopped)
