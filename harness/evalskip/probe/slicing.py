"""Cuts a Trainer's run short, and foresees what the whole of it would have been."""

from __future__ import annotations

import math
from copy import copy
from typing import TYPE_CHECKING, Any

from evalskip.probe.layout import Layout, layout

if TYPE_CHECKING:
    from collections.abc import Sequence

    from transformers import Trainer, TrainerControl


class Slicing:
    """Lets a Trainer train its first steps only, with what the whole would do placed among them.

    What the job does before and after training is left as it is.

    Args:
        trainer: before ``train()`` is called.
        steps: to train.
        evaluation_batches: of each evaluation; samples are spread over the evaluation set.
    """

    def __init__(self, trainer: Trainer, steps: int, evaluation_batches: int) -> None:
        self._trainer = trainer
        self._target_steps = steps
        self._layout = Layout()
        self._training: dict[str, Any] | None = None
        self._patience: int | None = None
        self._sets = self._cut_evaluation(evaluation_batches)

    @property
    def cuts_steps(self) -> bool:
        """Whether the whole has more steps than are wanted."""
        return int(self._trainer.state.max_steps) > self._target_steps

    def has_cut(self, samples: Any) -> bool:
        """Whether these are a part of what the whole evaluates.

        Args:
            samples: what ``Trainer.evaluate()`` was given: a data set, the name of one, or None.
        """
        own = samples is None or isinstance(samples, str) or samples is self._trainer.eval_dataset
        return own and bool(self._sets)

    def begin(self) -> None:
        """Training begins: the Trainer knows how long it would be."""
        if not self.cuts_steps:
            return
        from transformers import EarlyStoppingCallback

        trainer = self._trainer
        evaluated_after, saves, logs = foreseen(trainer)
        self._training = {
            "steps": int(trainer.state.max_steps),
            "evaluated_after": evaluated_after,
            "saves": saves,
            "logs": logs,
        }
        self._layout = self._laid_out(evaluated_after, saves, logs)
        # two evaluations of a few steps say nothing of when the whole would end
        stopping = trainer.pop_callback(EarlyStoppingCallback)
        self._patience = stopping.early_stopping_patience if stopping else None

    def step_ended(self, control: TrainerControl) -> None:
        """What follows a step, whatever the job's own callbacks have asked for."""
        if not self.cuts_steps:
            return
        step = self._trainer.state.global_step
        control.should_evaluate = step in self._layout.evaluate
        control.should_save = step in self._layout.save
        control.should_log = step in self._layout.log
        if step >= self._target_steps:
            control.should_training_stop = True

    def epoch_ended(self, control: TrainerControl) -> None:
        """An epoch's end brings nothing about: the steps have."""
        if self.cuts_steps:
            control.should_evaluate = control.should_save = control.should_log = False

    def full_run(self) -> dict[str, Any]:
        """What the full run would have been, as :class:`evalskip.probe.measured.FullRun` has it.

        Raises:
            RuntimeError: the job ended training itself, before the slice did.
        """
        trainer = self._trainer
        step = trainer.state.global_step
        if self._training and step < self._target_steps:
            raise RuntimeError(
                f"the job ended its training itself, at step {step} of the {self._target_steps} "
                "that are run; expected one that trains on, or --full"
            )
        return {
            "training": self._training,
            "sets": self._sets,
            "gathers": trainer.compute_metrics is not None
            or bool(getattr(trainer.args, "predict_with_generate", False)),
            "patience": self._patience,
        }

    def _laid_out(self, evaluated_after: list[int], saves: int, logs: int) -> Layout:
        """After which of its steps it does what the whole does."""
        return layout(self._target_steps, evaluated_after, saves, logs)

    def _samples_of(self, samples: Any, count: int) -> Any:
        """So many samples of an evaluation set, to stand for all."""
        return spread(samples, count)

    def _cut_evaluation(self, batches: int) -> dict[str, tuple[int, int]]:
        """Of each evaluation set its samples, and those run; none where any has no length."""
        trainer = self._trainer
        batch = trainer.args.eval_batch_size * trainer.args.world_size
        dataset = trainer.eval_dataset
        named = dataset if isinstance(dataset, dict) else {"": dataset}
        if not all(hasattr(samples, "__len__") for samples in named.values()):
            return {}
        total = sum(map(len, named.values()))
        share = min(1.0, batches * batch / max(1, total))
        # no less than a batch of each, so that every set is seen
        cut = {
            name: self._samples_of(
                samples, min(len(samples), max(batch, round(share * len(samples))))
            )
            for name, samples in named.items()
        }
        trainer.eval_dataset = cut if isinstance(dataset, dict) else cut[""]
        return {name: (len(samples), len(cut[name])) for name, samples in named.items()}


def foreseen(trainer: Trainer) -> tuple[list[int], int, int]:
    """When a training would evaluate, how often it would save, and how often it would log.

    Asks the callbacks that decide it, as the Trainer would: its own ``DefaultFlowCallback``, and
    those that have a true attribute ``decides_when``.

    Args:
        trainer: whose training has begun.

    Returns:
        Steps after which it evaluates (0: before the first), saves, and logs.

    Raises:
        RuntimeError: it cannot be foreseen, since a callback decides by what time has passed.
    """
    from transformers.trainer_callback import DefaultFlowCallback, TrainerControl

    for callback in trainer.callback_handler.callbacks:
        if getattr(callback, "decides_by_the_clock", False):
            raise RuntimeError(
                f"{type(callback).__name__} decides by the clock when the job evaluates, so a part "
                "of it says nothing of the whole; expected the job without it, or --full"
            )
    args, state = trainer.args, copy(trainer.state)
    # copies, since they may count
    callbacks = [
        copy(callback)
        for callback in trainer.callback_handler.callbacks
        if isinstance(callback, DefaultFlowCallback) or getattr(callback, "decides_when", False)
    ]
    evaluated = [0] if getattr(args, "eval_on_start", False) else []
    saves = logs = 0
    steps, per_epoch = int(state.max_steps), steps_per_epoch(trainer)
    for step in range(1, steps + 1):
        state.global_step, state.epoch = step, step / per_epoch
        ended = step % per_epoch == 0 or step == steps
        for event in ("on_step_end", "on_epoch_end") if ended else ("on_step_end",):
            control = TrainerControl()
            for callback in callbacks:
                getattr(callback, event)(args, state, control)
            if control.should_evaluate:
                evaluated.append(step)
            saves += control.should_save
            logs += control.should_log
    return evaluated, saves, logs


def spread(dataset: Any, samples: int) -> Any:
    """So many samples of a data set that has a length, evenly spread."""
    return chosen_of(dataset, [place * len(dataset) // samples for place in range(samples)])


def chosen_of(dataset: Any, chosen: Sequence[int]) -> Any:
    """These samples of a data set, in this order."""
    from torch.utils.data import Subset

    return dataset.select(chosen) if hasattr(dataset, "select") else Subset(dataset, chosen)


def steps_per_epoch(trainer: Trainer) -> int:
    """Optimizer steps in an epoch; all steps where the data has no length."""
    handler, state = trainer.callback_handler, trainer.state
    loader: Any = getattr(handler, "train_dataloader", None)
    if loader is None:  # transformers 4.46 to 4.52 keep it elsewhere
        loader = getattr(state, "train_dataloader", None)
    try:
        batches = len(loader)
    except TypeError:
        return int(trainer.state.max_steps)
    return max(1, math.ceil(batches / int(trainer.args.gradient_accumulation_steps)))
