"""A slice from which the cost of every schedule is told: steps, and evaluations among a few more.

The batches that it evaluates are those of the whole evaluation, evenly spread, with a smaller one
at the end, so that what a batch costs can be told from what its tokens cost. After T it looks at
the batches of the whole job, and counts floating-point operations.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import torch

from evalskip.probe.digests import count_samples, count_tokens
from evalskip.probe.layout import (
    Layout,
    is_alone,
    pilot_layout,
    pilot_samples,
    pilot_steps,
    repeats,
    spread_batches,
)
from evalskip.probe.measured import as_report
from evalskip.probe.remedies import RemediesTried
from evalskip.probe.slicing import Slicing, chosen_of, steps_per_epoch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from transformers import Trainer

_MOST_BATCHES = 256


class PilotSlicing(Slicing):
    """Lets a Trainer make a pilot.

    Args:
        trainer: before ``train()`` is called.
        steps: to train.
        evaluation_batches: of each evaluation.
        most: of the whole job's steps, the share that all processes of the pilot may train.
        reserved: of that, for other processes.
        survey_s: how long it may look at the batches of the whole job; 0: it does not.
        evaluations: the fewest: where its steps have fewer places, some follow each other.
        alone: the same, where it leaves no steps for other processes.
        repeats_s: for so long, at most, evaluations are made that follow another.
        remedies_s: for about so long, after T, ways to evaluate for less are tried; 0: none are.
    """

    def __init__(
        self,
        trainer: Trainer,
        steps: int,
        evaluation_batches: int,
        *,
        most: float,
        reserved: int,
        survey_s: float,
        evaluations: int,
        alone: int,
        repeats_s: float,
        remedies_s: float,
    ) -> None:
        self._most, self._reserved, self._survey_s = most, reserved, survey_s
        self._evaluations, self._alone, self._repeats_s = evaluations, alone, repeats_s
        self._all_samples = trainer.eval_dataset
        self._remedies = (
            RemediesTried(trainer, self._all_samples, remedies_s) if remedies_s else None
        )
        self._began = time.monotonic()
        super().__init__(trainer, steps, evaluation_batches)

    def begin(self) -> None:
        """Training begins: the Trainer knows how long it would be."""
        job = (self._target_steps, int(self._trainer.state.max_steps), self._most, self._reserved)
        if is_alone(*job):
            self._evaluations = max(self._evaluations, self._alone)
        self._target_steps = pilot_steps(*job)
        super().begin()
        if self._remedies:
            self._remedies.begin()
        self._began = time.monotonic()

    def evaluated(self, again: Callable[[], object]) -> None:
        """Evaluate again, at once, where a short process would else have too few evaluations.

        How evaluations differ, slow ones among them, is seen in no fewer than several. Not on
        several ranks, which would have to agree on the time.
        """
        if self._trainer.args.world_size > 1:
            return
        for _ in range(repeats(self._layout, self._evaluations)):
            if self._repeats_s <= 0:
                return
            began = time.monotonic()
            again()
            self._repeats_s -= time.monotonic() - began

    def full_run(self) -> dict[str, Any]:
        """As :meth:`Slicing.full_run`, with ``job``: its sizes and, where surveyed, its batches.

        ``job`` holds ``steps_per_epoch``, ``train_samples`` (None: a stream), ``train_batch`` and
        ``evaluation_batch`` (samples on one rank), ``accumulation``, ``drop_last``, ``ranks``,
        ``eval_on_start`` and ``eval_delay``, as its TrainingArguments have them; and, of
        a survey, ``train_shapes`` and ``evaluation_shapes``: samples and tokens of micro-batches
        and of evaluation batches, in order; and ``flops`` of one of either, None where they cannot
        be counted; and, where they were tried, ``remedies``.
        """
        trainer = self._trainer
        args = trainer.args
        samples = trainer.train_dataset
        job: dict[str, Any] = {
            "steps_per_epoch": steps_per_epoch(trainer),
            "train_samples": len(samples) if hasattr(samples, "__len__") else None,
            "train_batch": int(args.train_batch_size),
            "evaluation_batch": int(args.eval_batch_size),
            "accumulation": int(args.gradient_accumulation_steps),
            "drop_last": bool(args.dataloader_drop_last),
            "ranks": int(args.world_size),
            "eval_on_start": bool(args.eval_on_start),
            "eval_delay": float(args.eval_delay or 0),
        }
        began = time.monotonic()
        took_s = began - self._began
        if self._remedies:
            job["remedies"] = as_report(self._remedies.finish(trainer.state.global_step, took_s))
        if self._survey_s:
            job |= self._survey(stream=job["train_samples"] is None)
        job["surveyed_s"] = time.monotonic() - began
        return {**super().full_run(), "job": job}

    def _laid_out(self, evaluated_after: list[int], saves: int, logs: int) -> Layout:
        return pilot_layout(self._target_steps, saves, logs)

    def _samples_of(self, samples: Any, count: int) -> Any:
        batch = self._trainer.args.eval_batch_size * self._trainer.args.world_size
        return chosen_of(samples, pilot_samples(len(samples), count, batch))

    def _survey(self, *, stream: bool) -> dict[str, Any]:
        """Shapes of the job's batches, for half of the time each, and operations of one."""
        trainer = self._trainer
        # what is taken of a stream is gone
        batch, train_shapes = self._look_at(() if stream else self._train_batches())
        evaluated, evaluation_shapes = self._look_at(self._evaluation_batches())
        flops = None
        if batch is not None and evaluated is not None:
            with suppress(Exception):  # an operation that cannot be counted, a wrapped model
                flops = _operations(trainer, batch, evaluated)
        return {
            "train_shapes": train_shapes,
            "evaluation_shapes": evaluation_shapes,
            "flops": flops,
        }

    def _look_at(self, batches: Iterable[Any]) -> tuple[Any, list[tuple[int, int]]]:
        """The first batch, and the samples and tokens of as many as there is time for."""
        first, shapes = None, []
        deadline = time.monotonic() + self._survey_s / 2
        for batch in batches:
            first = batch if first is None else first
            shapes.append((count_samples(batch), count_tokens(batch)))
            if time.monotonic() > deadline:
                break
        return first, shapes

    def _train_batches(self) -> Iterator[Any]:
        """Batches of the whole job, epoch by epoch: each has an order of its own."""
        trainer = self._trainer
        loader = trainer.get_train_dataloader()
        epochs = -(-int(trainer.state.max_steps) // steps_per_epoch(trainer))
        for epoch in range(epochs):
            if hasattr(loader, "set_epoch"):
                loader.set_epoch(epoch)
            yield from loader

    def _evaluation_batches(self) -> Iterator[Any]:
        """Batches of the whole evaluation, set by set, evenly spread where they are many."""
        dataset, args = self._all_samples, self._trainer.args
        batch = args.eval_batch_size * args.world_size
        for samples in dataset.values() if isinstance(dataset, dict) else [dataset]:
            if hasattr(samples, "__len__"):
                chosen: Sequence[int] = range(len(samples))
                if len(samples) > _MOST_BATCHES * batch:
                    chosen = spread_batches(len(samples) // batch, _MOST_BATCHES, batch)
                yield from self._trainer.get_eval_dataloader(chosen_of(samples, chosen))


def _operations(trainer: Trainer, batch: Any, evaluated: Any) -> dict[str, int]:
    """Floating-point operations of a micro-batch trained and a batch evaluated, with its tokens.

    Counted by ``torch.utils.flop_counter``, whose table lacks attention on a CPU.
    """
    from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count

    def attention(query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:
        return int(sdpa_flop_count(query, key, value))

    def attention_backward(grad: Any, query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:
        # as torch has it: five products of which the forward pass has two
        return int(sdpa_flop_count(query, key, value)) * 5 // 2

    aten = torch.ops.aten
    formulas = {
        aten._scaled_dot_product_flash_attention_for_cpu: attention,
        aten._scaled_dot_product_flash_attention_for_cpu_backward: attention_backward,
    }
    own = type(trainer)  # the instance's methods are wrapped by the probe
    with FlopCounterMode(display=False, custom_mapping=formulas) as counter:
        own.training_step(trainer, trainer.model_wrapped, batch)
    train = counter.get_total_flops()
    with FlopCounterMode(display=False, custom_mapping=formulas) as counter:
        loss_only = trainer.compute_metrics is None
        own.prediction_step(trainer, trainer.model_wrapped.eval(), evaluated, loss_only)
    return {
        "train": int(train),
        "train_tokens": count_tokens(batch),
        "evaluation": int(counter.get_total_flops()),
        "evaluation_tokens": count_tokens(evaluated),
    }
