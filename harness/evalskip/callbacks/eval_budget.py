"""Evaluate as often as a share of the time allows, with any ``transformers.Trainer``."""

from __future__ import annotations

import sys
import time
from statistics import median
from typing import TYPE_CHECKING, Any

import torch
import torch.distributed
from transformers import (
    EarlyStoppingCallback,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from evalskip.probe.attach import trainer_of
from evalskip.probe.guard import Guard

if TYPE_CHECKING:
    from transformers import Trainer

# an evaluated sample costs about a third of a trained one (forward alone); rather too much than too
# little until one evaluation has been seen
_ROW = 0.5
# where the samples cannot be counted, the first evaluation comes about half-way
_UNKNOWN = 0.25
_CANDIDATES = 200
# of the distance at which evaluations use up the share
_EVENLY = 0.8
_NO, _YES, _FAILED = 0, 1, 2
"""What the first rank decides; where it cannot, all ranks stop deciding."""


class EvalBudget(TrainerCallback):
    """Decides while training goes on whether an evaluation still fits into its share of the time.

    A share in place of a number of steps::

        Trainer(..., eval_dataset=samples, callbacks=[EvalBudget(share=0.05)])

    It evaluates at candidate steps as densely as the share allows, evenly over the training, and
    once at the end, for which time is set aside from the start. It decides alone: what
    ``eval_strategy`` says is overruled. It says so where one evaluation is more than the share
    holds, and where early stopping would see too few to act. Under data parallelism all ranks
    follow the decision of the first. Where the best model is loaded at the end, it saves with each
    evaluation, since only a checkpoint of that very step can be loaded. Where deciding fails, it
    says so once, and from then on ``eval_strategy`` decides, on all ranks.

    Args:
        share: of the time of training, evaluation included, that evaluations may take.
        every: candidate steps are multiples of it; None: 200 of them, evenly spread.

    Raises:
        ValueError: ``share`` is no share, or ``every`` is below 1.
    """

    decides_by_the_clock = True

    def __init__(self, share: float = 0.05, every: int | None = None) -> None:
        if not 0 < share < 1:
            raise ValueError(f"EvalBudget: share: expected a number between 0 and 1, got {share}")
        if every is not None and every < 1:
            raise ValueError(f"EvalBudget: every: expected at least 1, got {every}")
        self.share = share
        self.every = every
        self._trainer: Trainer | None = None
        self._began = self._spent = self._trained_at_last = 0.0
        self._first_step = 0
        self._costs: list[float] = []
        self._asked_at: float | None = None
        self._answered_at: float | None = None
        self._warned: set[str] = set()
        self._guard = Guard("EvalBudget")
        self._has_stopped = False

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Training begins."""
        self._has_stopped = False
        self._guard.call(self._begin, state)

    def _begin(self, state: TrainerState) -> None:
        self._trainer = trainer_of(self)
        self._began, self._spent = _now(), 0.0
        self._first_step = state.global_step
        self._costs, self._warned = [], set()
        self._asked_at = self._answered_at = None

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """The budget begins to grow with the first step: ``eval_on_start`` is not the budget's."""
        self._guard.call(self._step_begins, state)

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Set ``control.should_evaluate`` where an evaluation fits, and after the last step."""
        if self._has_stopped:
            return
        step = state.global_step
        every = self.every or max(1, state.max_steps // _CANDIDATES)
        if step >= state.max_steps or control.should_training_stop:
            decision = _YES
        elif step % every:
            decision = _NO
        else:
            decision = self._decided(args, state)
        if decision == _FAILED:
            self._has_stopped = True
            return
        control.should_evaluate = decision == _YES
        if control.should_evaluate:
            control.should_save |= args.load_best_model_at_end
            self._guard.call(self._ask, args)

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """An evaluation that ``eval_strategy`` asks for is not the budget's."""
        self._guard.call(self._settle, state)
        if not self._has_stopped:
            control.should_evaluate = False

    def on_evaluate(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """An evaluation has ended, or of several sets one."""
        self._guard.call(self._answer)

    def _step_begins(self, state: TrainerState) -> None:
        if state.global_step == self._first_step:
            self._began = _now()
        self._settle(state)

    def _decided(self, args: TrainingArguments, state: TrainerState) -> int:
        """What the first rank decides, by its clock, which all follow: others would hang."""
        together = torch.distributed.is_available() and torch.distributed.is_initialized()
        decision = _FAILED
        if not together or torch.distributed.get_rank() == 0:
            fits = self._guard.call(self._fits, args, state)
            if fits is not None:
                decision = _YES if fits else _NO
        if not together:
            return decision
        message = torch.tensor([decision], device=args.device)
        torch.distributed.broadcast(message, src=0)
        return int(message.item())

    def _ask(self, args: TrainingArguments) -> None:
        if args.device.type == "cuda":  # what is still being trained is not evaluation
            torch.cuda.synchronize()
        self._asked_at = _now()

    def _answer(self) -> None:
        if self._asked_at is not None:  # otherwise it is the script's own
            self._answered_at = _now()

    def _settle(self, state: TrainerState) -> None:
        """Learn what an evaluation cost, once all of its sets must have been evaluated."""
        if self._asked_at is None or self._answered_at is None:
            return
        cost = self._answered_at - self._asked_at
        self._asked_at = self._answered_at = None
        self._spent += cost
        self._costs.append(cost)
        self._trained_at_last = self._trained()
        if state.is_world_process_zero and state.global_step < state.max_steps:
            self._warn(state)

    def _fits(self, args: TrainingArguments, state: TrainerState) -> bool:
        """Whether one more now, and the one at the end, stay within the share of the time so far.

        Of the time so far and not of the whole: so they come evenly.
        """
        trained = self._trained()
        cost = median(self._costs) if self._costs else self._guess(args, state, trained)
        spending = self._spent + 2 * cost
        # a first one that was cheaper than believed must not be followed by a burst of others
        apart = _EVENLY * cost * (1 - self.share) / self.share
        if self._costs and trained - self._trained_at_last < apart:
            return False
        return spending <= self.share * (trained + spending)

    def _trained(self) -> float:
        return _now() - self._began - self._spent

    def _training_time(self, state: TrainerState) -> float:
        """Seconds of all training without evaluation, at the rate so far."""
        done = max(1.0, float(state.global_step - self._first_step))
        return self._trained() * float(state.max_steps - self._first_step) / done

    def _guess(self, args: TrainingArguments, state: TrainerState, trained: float) -> float:
        """What the first evaluation may cost, from the samples of both."""
        done = max(1.0, float(state.global_step - self._first_step))
        samples: Any = getattr(self._trainer, "eval_dataset", None)
        sets: list[Any] = list(samples.values()) if isinstance(samples, dict) else [samples]
        if not all(hasattr(each, "__len__") for each in sets):
            return _UNKNOWN * self.share * self._training_time(state)
        in_step = float(args.train_batch_size * args.gradient_accumulation_steps * args.world_size)
        return _ROW * sum(map(len, sets)) / in_step * trained / done

    def _warn(self, state: TrainerState) -> None:
        cost, total = median(self._costs), self._training_time(state)
        expected = int(self.share * total / (1 - self.share) / cost) if cost else 0
        if cost > self.share * (total + cost):
            self._print(
                "share",
                f"one evaluation is {100 * cost / (total + cost):.1f}% of the training, more than "
                f"the share of {100 * self.share:g}%; expected fewer samples, or a larger share",
            )
        callbacks = self._trainer.callback_handler.callbacks if self._trainer else []
        patience = min(
            (c.early_stopping_patience for c in callbacks if isinstance(c, EarlyStoppingCallback)),
            default=None,
        )
        if patience is not None and expected <= patience:
            self._print(
                "patience",
                f"early stopping would starve: about {max(1, expected)} evaluations fit into "
                f"{100 * self.share:g}% of the time, and its patience is {patience}",
            )

    def _print(self, what: str, text: str) -> None:
        """Once."""
        if what not in self._warned:
            self._warned.add(what)
            print(f"evalskip: EvalBudget: {text}", file=sys.stderr)


def _now() -> float:
    return time.perf_counter()
