"""One trial: does a batch of so many samples complete, within a limit that is really run into?

Two optimizer steps on the longest sample, as many times as the batch holds; an evaluation with the
optimizer's state held, where one is asked for; two more steps, since what an evaluation leaves
behind can be what is missing then.
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

from evalskip.probe.environment import environment
from evalskip.probe.limits import is_out_of_memory, limited_memory

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from transformers import Trainer, TrainerControl

_STEPS = 2


def trial_arguments(batch: int, passes: int = 1) -> dict[str, Any]:
    """The ``TrainingArguments`` of a trial, beside what decides when it evaluates.

    Args:
        batch: samples in a micro-batch, per device.
        passes: how often steps, evaluation and steps follow each other.
    """
    return {
        "per_device_train_batch_size": batch,
        "max_steps": 2 * _STEPS * passes,
        "save_strategy": "no",
        "load_best_model_at_end": False,
        # it would try again with less where memory runs out
        "auto_find_batch_size": False,
    }


class Trial:
    """A trial as a Trainer makes it.

    Args:
        request: :class:`evalskip.jobs.TrialRequest`, as JSON holds it.
        device: ``cpu`` or ``cuda``.
    """

    def __init__(self, request: Mapping[str, Any], device: str) -> None:
        self._request, self._device = request, device
        self._memory = limited_memory(device)
        self.phase = "model"
        """What it is at: ``model``, ``train`` or ``evaluate``."""
        self._base = self._memory.usage()
        self._limit = request["limit_bytes"] + (self._base if request["beyond_process"] else 0)

    def run(self, train: Callable[[], None]) -> dict[str, Any]:
        """Have it trained.

        Args:
            train: builds a Trainer, calls :meth:`attach` with it, and trains.

        Returns:
            ``fits``; the ``phase`` in which memory ran out, or the last one: ``model``, ``train``
            or ``evaluate``; ``peak_bytes``, ``base_bytes`` of the process before it, and
            ``limit_bytes``, all of what the limit is on; and its ``environment``.
        """
        fits = True
        try:
            with self._memory.within(self._limit):
                train()
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            fits = False
        return {
            "fits": fits,
            "phase": self.phase,
            "peak_bytes": self._memory.peak(),
            "base_bytes": self._base,
            "limit_bytes": self._limit,
            "environment": environment(self._device),
        }

    def attach(self, trainer: Trainer) -> None:
        """Give a Trainer that is built the samples of the trial, and see what it is at."""
        args = trainer.args
        ranks = args.world_size
        micro_batches = 2 * _STEPS * self._request["passes"] * args.gradient_accumulation_steps
        samples = args.train_batch_size * ranks * micro_batches
        trainer.train_dataset = _longest(trainer.train_dataset, samples)
        gathers = trainer.compute_metrics is not None or getattr(
            args, "predict_with_generate", False
        )
        if self._request["evaluates"] and not gathers:
            # what is kept of a batch is a loss: two batches do as well as all
            batches = 2 * args.eval_batch_size * ranks
            dataset = trainer.eval_dataset
            trainer.eval_dataset = (
                {name: _longest(each, min(len(each), batches)) for name, each in dataset.items()}
                if isinstance(dataset, dict)
                else _longest(dataset, min(len(dataset), batches))
            )
        events = trainer.callback_handler
        self._after(events, "on_train_begin", self._begins)
        self._after(events, "on_step_end", self._decides)
        self._after(events, "on_epoch_end", _nothing)
        evaluate = trainer.evaluate

        @wraps(evaluate)
        def evaluated(*arguments: Any, **named: Any) -> Any:
            self.phase = "evaluate"
            metrics = evaluate(*arguments, **named)
            # where it raises, that is what it was at
            self.phase = "train"
            return metrics

        trainer.evaluate = evaluated
        self._state = trainer.state

    def _begins(self, control: TrainerControl) -> None:
        self.phase = "train"

    def _decides(self, control: TrainerControl) -> None:
        _nothing(control)
        step = self._state.global_step
        control.should_evaluate = self._request["evaluates"] and step % (2 * _STEPS) == _STEPS

    def _after(self, events: Any, name: str, action: Callable[[TrainerControl], None]) -> None:
        original = getattr(events, name)

        @wraps(original)
        def wrapped(args: Any, state: Any, control: Any, **named: Any) -> Any:
            self._state = state
            control = original(args, state, control, **named)
            action(control)
            return control

        setattr(events, name, wrapped)


def _nothing(control: TrainerControl) -> None:
    control.should_evaluate = control.should_save = control.should_log = False


def _longest(dataset: Any, samples: int) -> Any:
    """The longest sample of a data set, so many times: what a batch is padded to."""
    from torch.utils.data import Subset

    lengths = [
        sum(len(field) for field in sample.values() if hasattr(field, "__len__"))
        for sample in dataset
    ]
    places = [lengths.index(max(lengths))] * samples
    return dataset.select(places) if hasattr(dataset, "select") else Subset(dataset, places)
