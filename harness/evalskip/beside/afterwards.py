"""Evaluates checkpoints that were saved: after training, or while it goes on elsewhere."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transformers import TrainerState

from evalskip.beside.checkpoints import Checkpoints
from evalskip.beside.evaluated import (
    LOG_FOLDER,
    Evaluated,
    EvaluatedCheckpoint,
    FailedCheckpoint,
    read_evaluated,
)
from evalskip.beside.worker import evaluated

if TYPE_CHECKING:
    from collections.abc import Callable

    from transformers import Trainer

_LOOKS_S = 1.0
_TRIES = 3
"""At a checkpoint that cannot be read, which may be about to go."""


def evaluate_checkpoints(
    trainer: Trainer,
    output_dir: str | Path | None = None,
    *,
    watch: bool = False,
    newest_first: bool = False,
    on_evaluated: Callable[[EvaluatedCheckpoint], None] | None = None,
) -> Evaluated:
    """Evaluate every checkpoint that a training has saved, with the Trainer of the same job.

    Each is loaded into the Trainer's model, adapters onto the base model that is there. Metrics
    are logged in the folder ``evaluated`` beside the checkpoints, as ``trainer_state.json`` and for
    TensorBoard; what is there already is not evaluated again.

    Args:
        trainer: built as for training.
        output_dir: where the checkpoints are; None: the Trainer's own.
        watch: go on until training has ended.
        newest_first: begin with the newest checkpoint, not the first.
        on_evaluated: is told of each; None: a line is printed.

    Raises:
        FileNotFoundError: there is no such folder.
    """
    output = Path(output_dir or trainer.args.output_dir)
    if not output.is_dir():
        raise FileNotFoundError(f"{output}: no such folder; expected one with checkpoints")
    (output / LOG_FOLDER).mkdir(exist_ok=True)
    evaluating = _Evaluating(trainer, output, on_evaluated or _print)
    return evaluating.run(watch=watch, newest_first=newest_first)


class _Evaluating:
    def __init__(
        self, trainer: Trainer, output: Path, on_evaluated: Callable[[EvaluatedCheckpoint], None]
    ) -> None:
        self._trainer, self._output, self._on_evaluated = trainer, output, on_evaluated
        self._checkpoints = Checkpoints(output)
        name = (trainer.args.metric_for_best_model or "loss").removeprefix("eval_")
        before = read_evaluated(output)
        self._found = Evaluated(
            metric=f"eval_{name}",
            greater_is_better=bool(trainer.args.greater_is_better),
            checkpoints=before.checkpoints if before else [],
        )
        self._done = {each.step for each in self._found.checkpoints}
        self._seen: set[int] = set()
        self._tries: dict[int, int] = {}
        self._writer = _tensorboard(output / LOG_FOLDER)
        # what logs, stops or shows progress is of training
        trainer.callback_handler.callbacks = []

    def run(self, *, watch: bool, newest_first: bool) -> Evaluated:
        """Evaluate what is there, and what comes."""
        while True:
            is_over = not watch or self._checkpoints.is_over()
            steps = self._checkpoints.steps()
            self._seen.update(steps)
            due = [step for step in steps if step not in self._done]
            if due:
                self._evaluate(due[-1] if newest_first else due[0])
            elif is_over:
                break
            else:
                time.sleep(_LOOKS_S)
        if self._writer is not None:
            self._writer.close()
        self._found.gone = sorted(self._seen.union(self._checkpoints.gone()) - self._done)
        self._found.write(self._output)
        return self._found

    def _evaluate(self, step: int) -> None:
        place, epoch = self._checkpoints.at(step), self._checkpoints.epoch_at(step)
        try:
            self._trainer._load_from_checkpoint(str(place))
            metrics = evaluated(self._trainer, step, epoch)
        except Exception as error:
            self._tries[step] = self._tries.get(step, 0) + 1
            if place.exists() and self._tries[step] == _TRIES:
                self._done.add(step)
                text = " ".join(f"{type(error).__name__}: {error}".split())
                self._found.failed.append(FailedCheckpoint(step, text[:200]))
            elif place.exists():
                time.sleep(_LOOKS_S)
            return
        numbers = {
            name: float(value)
            for name, value in metrics.items()
            if name != "epoch" and isinstance(value, int | float)
        }
        self._keep(EvaluatedCheckpoint(step, epoch, numbers))

    def _keep(self, checkpoint: EvaluatedCheckpoint) -> None:
        found = self._found
        self._done.add(checkpoint.step)
        found.checkpoints = sorted([*found.checkpoints, checkpoint], key=lambda each: each.step)
        found.write(self._output)
        self._log()
        if self._writer is not None:
            for name, value in checkpoint.metrics.items():
                self._writer.add_scalar(name.replace("eval_", "eval/", 1), value, checkpoint.step)
            self._writer.flush()
        self._on_evaluated(checkpoint)

    def _log(self) -> None:
        """Write what a Trainer would have, so that whatever reads its logs reads this one."""
        found, last, best = self._found, self._found.checkpoints[-1], self._found.best
        state = TrainerState(
            global_step=last.step,
            epoch=last.epoch,
            log_history=[
                {**each.metrics, "epoch": each.epoch, "step": each.step}
                for each in found.checkpoints
            ],
        )
        if best is not None:
            state.best_metric = best.metrics[found.metric]
            state.best_model_checkpoint = str(self._checkpoints.at(best.step))
        part = self._output / LOG_FOLDER / "part.json"
        state.save_to_json(str(part))
        part.replace(part.with_name("trainer_state.json"))


def _tensorboard(folder: Path) -> Any:
    """Writes for TensorBoard; None: it is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder))


def _print(checkpoint: EvaluatedCheckpoint) -> None:
    told = [f"{name} {value:.4g}" for name, value in checkpoint.told.items()]
    print(f"checkpoint-{checkpoint.step}: {', '.join(told)}", file=sys.stderr, flush=True)
