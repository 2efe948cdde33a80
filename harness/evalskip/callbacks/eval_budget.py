"""Evaluate as often as a share of the time allows, or as stopping soonest takes."""

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
from evalskip.spacing import SpacingLaw
from evalskip.targets import PATIENCE, stop_target

if TYPE_CHECKING:
    from transformers import Trainer

# an evaluated sample costs about a third of a trained one (forward alone); rather too much than too
# little until one evaluation has been seen
_ROW = 0.5
# where the samples cannot be counted, the first evaluation comes about half-way
_UNKNOWN = 0.25
_CANDIDATES = 200
_MUCH_SOONER = 10
# of the distance at which evaluations use up the share
_EVENLY = 0.8
_SHARE = 0.05
_NO, _YES, _FAILED = 0, 1, 2
"""What the first rank decides; where it cannot, all ranks stop deciding."""


class EvalBudget(TrainerCallback):
    """Decides while training goes on whether to evaluate now.

    By a share in place of a number of steps::

        Trainer(..., eval_dataset=samples, callbacks=[EvalBudget(share=0.05)])

    It evaluates at candidate steps as densely as the share allows, evenly over the training, and
    once at the end, for which time is set aside from the start. It says so where one evaluation is
    more than the share holds, and where early stopping would see too few to act.

    Where training stops by what evaluations say, at a target or by ``EarlyStoppingCallback``::

        Trainer(..., callbacks=[EvalBudget(stop_at="eval_loss=0.925")])
        Trainer(..., callbacks=[EvalBudget(stop_at="patience"), EarlyStoppingCallback(3)])

    It evaluates at the spacing with which that takes the least time (:mod:`evalskip.spacing`), from
    what steps and evaluations take, and stops training where the target is met. With no
    ``expected_steps`` spacings grow with the steps so far. With a share beside it, it evaluates no
    more often than that allows.

    It decides alone: what ``eval_strategy`` says is overruled. Under data parallelism all ranks
    follow the decision of the first. Where the best model is loaded at the end, it saves with each
    evaluation, since only a checkpoint of that very step can be loaded. Where deciding fails, it
    says so once, and from then on ``eval_strategy`` decides, on all ranks.

    Args:
        share: of the time of training, evaluation included, that evaluations may take; None: 5%,
            or with ``stop_at`` no limit.
        every: candidate steps are multiples of it; None: 200 of them, evenly spread.
        stop_at: ``METRIC=VALUE``, at which training stops, or ``"patience"``: that of an
            ``EarlyStoppingCallback``; None: training does not stop by evaluations.
        expected_steps: after which runs like this one reached the target, or their best.

    Raises:
        ValueError: ``share`` is no share, ``every`` or ``expected_steps`` is below 1, ``stop_at``
            is neither, or there are ``expected_steps`` without it.
    """

    decides_by_the_clock = True

    def __init__(
        self,
        share: float | None = None,
        every: int | None = None,
        stop_at: str | None = None,
        expected_steps: int | None = None,
    ) -> None:
        if share is not None and not 0 < share < 1:
            raise ValueError(f"EvalBudget: share: expected a number between 0 and 1, got {share}")
        for name, count in (("every", every), ("expected_steps", expected_steps)):
            if count is not None and count < 1:
                raise ValueError(f"EvalBudget: {name}: expected at least 1, got {count}")
        if expected_steps is not None and stop_at is None:
            raise ValueError("EvalBudget: expected_steps: expected stop_at beside it")
        try:
            self._target = stop_target(stop_at) if stop_at is not None else None
        except ValueError as error:
            raise ValueError(f"EvalBudget: stop_at: {error}") from None
        self.share = _SHARE if share is None and stop_at is None else share
        self.every = every
        self.stop_at = stop_at
        self.expected_steps = expected_steps
        self._trainer: Trainer | None = None
        self._began = self._spent = self._trained_at_last = 0.0
        self._first_step = self._last_step = 0
        self._costs: list[float] = []
        self._asked_at: float | None = None
        self._answered_at: float | None = None
        self._has_metric = self._trains = False
        self._limit = self.share
        """Of the time, for this training."""
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
        self._first_step = self._last_step = state.global_step
        self._costs, self._warned = [], set()
        self._asked_at = self._answered_at = None
        self._has_metric, self._trains = False, True
        self._limit = self.share
        if self.stop_at == PATIENCE and self._patience() is None:
            self._limit = self.share or _SHARE
            self._print(
                "stop_at",
                "stop_at: no EarlyStoppingCallback; expected one, so evaluations are kept to "
                f"{100 * self._limit:g}% of the time instead",
            )

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
        every = self.every or self._grid(state.max_steps)
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
            self._guard.call(self._ask, args, state)

    def _grid(self, max_steps: int) -> int:
        """Steps from one candidate to the next; training that stops may do so long before."""
        steps = max_steps
        if self.stop_at is not None:
            steps = min(steps, self.expected_steps or steps // _MUCH_SOONER)
        return max(1, steps // _CANDIDATES)

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """What is evaluated from here on stops nothing."""
        self._trains = False

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
        """An evaluation has ended, or of several sets one; training stops where it is to."""
        self._guard.call(self._answer)
        if self._guard.call(self._is_met, state, kwargs.get("metrics")):
            control.should_training_stop = True

    def _is_met(self, state: TrainerState, metrics: dict[str, float] | None) -> bool:
        if self._target is None or metrics is None or not self._trains:
            return False
        self._has_metric |= self._target.metric in metrics
        is_met: bool = self._target.is_met(metrics)
        if is_met and state.is_world_process_zero:
            self._print("met", f"{self.stop_at} is met at step {state.global_step}: training stops")
        return is_met

    def _step_begins(self, state: TrainerState) -> None:
        if state.global_step == self._first_step:
            self._began = _now()
        self._settle(state)

    def _decided(self, args: TrainingArguments, state: TrainerState) -> int:
        """What the first rank decides, by its clock, which all follow: others would hang."""
        together = torch.distributed.is_available() and torch.distributed.is_initialized()
        decision = _FAILED
        if not together or torch.distributed.get_rank() == 0:
            fits = self._guard.call(self._is_due, args, state)
            if fits is not None:
                decision = _YES if fits else _NO
        if not together:
            return decision
        message = torch.tensor([decision], device=args.device)
        torch.distributed.broadcast(message, src=0)
        return int(message.item())

    def _ask(self, args: TrainingArguments, state: TrainerState) -> None:
        self._last_step = state.global_step
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

    def _is_due(self, args: TrainingArguments, state: TrainerState) -> bool:
        """Whether it is time for one, by the share, by what stopping soonest takes, or by both."""
        trained = self._trained()
        cost = median(self._costs) if self._costs else self._guess(args, state, trained)
        if self._stops() and not self._is_apart(state, trained, cost):
            return False
        return self._limit is None or self._fits(self._limit, trained, cost)

    def _stops(self) -> bool:
        return self._target is not None or (
            self.stop_at == PATIENCE and self._patience() is not None
        )

    def _is_apart(self, state: TrainerState, trained: float, cost: float) -> bool:
        """Whether the last one is as long ago as the spacing that costs least."""
        done = state.global_step - self._first_step
        # training that has not stopped yet has more before it than was expected
        expected = self.expected_steps
        work = max(expected - self._first_step, done) if expected else 2 * done
        if cost <= 0 or trained <= 0:
            return True
        patience = None if self._target else self._patience()
        spacing = SpacingLaw(work, trained / done, cost, patience).best
        return float(state.global_step - self._last_step) >= spacing

    def _fits(self, share: float, trained: float, cost: float) -> bool:
        """Whether one more now, and the one at the end, stay within the share of the time so far.

        Of the time so far and not of the whole: so they come evenly.
        """
        spending = self._spent + 2 * cost
        # a first one that was cheaper than believed must not be followed by a burst of others
        apart = _EVENLY * cost * (1 - share) / share
        if self._costs and trained - self._trained_at_last < apart:
            return False
        return spending <= share * (trained + spending)

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
            return _UNKNOWN * (self._limit or _SHARE) * self._training_time(state)
        in_step = float(args.train_batch_size * args.gradient_accumulation_steps * args.world_size)
        return _ROW * sum(map(len, sets)) / in_step * trained / done

    def _patience(self) -> int | None:
        """The least of the run's; None: nothing stops it early."""
        callbacks = self._trainer.callback_handler.callbacks if self._trainer else []
        return min(
            (c.early_stopping_patience for c in callbacks if isinstance(c, EarlyStoppingCallback)),
            default=None,
        )

    def _warn(self, state: TrainerState) -> None:
        if self._target is not None and not self._has_metric:
            self._print(
                "metric",
                f"stop_at: evaluations say nothing of {self._target.metric}; expected a metric "
                "that they name",
            )
        share = self._limit
        if share is None:
            return
        cost, total = median(self._costs), self._training_time(state)
        expected = int(share * total / (1 - share) / cost) if cost else 0
        if cost > share * (total + cost):
            self._print(
                "share",
                f"one evaluation is {100 * cost / (total + cost):.1f}% of the training, more than "
                f"the share of {100 * share:g}%; expected fewer samples, or a larger share",
            )
        patience = self._patience()
        if patience is not None and expected <= patience:
            self._print(
                "patience",
                f"early stopping would starve: about {max(1, expected)} evaluations fit into "
                f"{100 * share:g}% of the time, and its patience is {patience}",
            )

    def _print(self, what: str, text: str) -> None:
        """Once."""
        if what not in self._warned:
            self._warned.add(what)
            print(f"evalskip: EvalBudget: {text}", file=sys.stderr)


def _now() -> float:
    return time.perf_counter()
