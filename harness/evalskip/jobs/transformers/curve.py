"""A run whose every split is evaluated at many points: what sparser schedules are replayed from."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback

from evalskip.probe.digests import weights_digest
from evalskip.probe.sample_losses import sample_losses

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from datasets import Dataset
    from transformers import Trainer, TrainerControl, TrainerState, TrainingArguments


def holdout_of(samples: int, count: int, number: int) -> list[int]:
    """The training samples of one of the sets that share none, each drawn from all of them."""
    order = random.Random(samples).sample(range(samples), samples)
    return sorted(order[number * count : (number + 1) * count])


class CurveKeeper(TrainerCallback):
    """Has the Trainer evaluate after some steps, and keeps the losses of other samples beside it.

    Args:
        steps: after which it evaluates.
        splits: by name, samples whose losses are kept one by one, the evaluated ones among them.
    """

    decides_when = True

    def __init__(self, steps: Sequence[int], splits: Mapping[str, Dataset]) -> None:
        self._steps = frozenset(steps)
        self._splits = splits
        self._trainer: Trainer | None = None
        self.points: list[dict[str, Any]] = []
        self.losses: list[tuple[int, float]] = []

    def attach(self, trainer: Trainer) -> None:
        """Before ``train()`` is called."""
        self._trainer = trainer

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Ask for an evaluation where one is wanted."""
        control.should_evaluate = state.global_step in self._steps

    def on_evaluate(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        metrics: Mapping[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        """Keep what the evaluation said, the loss of every sample, and what the weights are."""
        trainer = self._trainer
        if trainer is None or metrics is None:
            return
        samples = {name: sample_losses(trainer, split) for name, split in self._splits.items()}
        self.points.append(
            {
                "step": state.global_step,
                "loss": float(metrics["eval_loss"]),
                "weights_digest": weights_digest(trainer.model),
                **samples,
            }
        )

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: Mapping[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        """Keep the training loss as it is logged."""
        if logs and "loss" in logs:
            self.losses.append((state.global_step, float(logs["loss"])))


def stopping_arguments(every: int) -> dict[str, Any]:
    """The ``TrainingArguments`` of a real run that keeps its best checkpoint and may stop early."""
    return {
        "eval_strategy": "steps",
        "eval_steps": every,
        "save_strategy": "steps",
        "save_steps": every,
        "save_total_limit": 2,
        "load_best_model_at_end": True,
        "metric_for_best_model": "loss",
        "greater_is_better": False,
    }


def curve_report(keeper: CurveKeeper | None, trainer: Trainer) -> dict[str, Any]:
    """What a run adds to what the probe measured."""
    if keeper is not None:
        return {"points": keeper.points, "train_losses": keeper.losses}
    best = str(trainer.state.best_model_checkpoint or "")
    return {
        "stopped_at": int(trainer.state.global_step),
        "kept_at": int(best.rpartition("-")[2] or 0),
        "weights_digest": weights_digest(trainer.model),
    }
