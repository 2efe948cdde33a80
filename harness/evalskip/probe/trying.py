"""Evaluates a few batches of a Trainer in some way, beside its training, and times them."""

from __future__ import annotations

import time
from contextlib import contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from evalskip.probe.clocks import clock_for
from evalskip.probe.digests import count_samples, count_tokens
from evalskip.probe.surveyed import TriedEvaluation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from transformers import Trainer

    from evalskip.probe.clocks import Clock

REDUCES_LOGITS, GENERATES = "preprocess_logits_for_metrics", "max_new_tokens"
"""What a way may say that is no field of ``TrainingArguments``."""


class LoaderBefore:
    """Stands before a loader, which it is like in all but its batches."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def __len__(self) -> int:
        return len(self._loader)


class _TimedLoader(LoaderBefore):
    """A loader that notes when each of its batches is asked for."""

    def __init__(self, loader: Any, clock: Clock) -> None:
        super().__init__(loader)
        self._clock = clock
        self.marks: list[Any] = []
        self.loads_ns: list[int] = []
        self.shapes: list[tuple[int, int]] = []

    def __iter__(self) -> Iterator[Any]:
        batches = None
        while True:
            self.marks.append(self._clock.mark())
            asked = time.perf_counter_ns()
            batches = batches or iter(self._loader)
            batch = next(batches, None)
            if batch is None:
                return
            self.loads_ns.append(time.perf_counter_ns() - asked)
            self.shapes.append((count_samples(batch), count_tokens(batch)))
            yield batch


def try_evaluation(
    trainer: Trainer, way: str, changes: Mapping[str, Any], samples: Any
) -> tuple[TriedEvaluation, dict[str, float]]:
    """Evaluate these samples in a way, as the Trainer does inside training.

    Args:
        trainer: whose training has ended.
        way: names it.
        changes: what of ``TrainingArguments``, and of what else it may say, is otherwise.
        samples: a data set.

    Returns:
        What it took, and what the evaluation said.
    """
    clock = clock_for(trainer.args.device.type)
    with _changed(trainer, changes):
        # the metric is as much a part of the job as the model
        loss_only = True if trainer.compute_metrics is None else None
        began, _ = clock.boundary([])
        loader = _TimedLoader(trainer.get_eval_dataloader(samples), clock)
        output = type(trainer).evaluation_loop(
            trainer, loader, "Evaluation", prediction_loss_only=loss_only
        )
        batch = int(trainer.args.eval_batch_size)
        ended, instants = clock.boundary(loader.marks)
    tried = TriedEvaluation(
        way=way,
        batch=batch,
        loader_ns=instants[0] - began,
        batches_ns=[b - a for a, b in pairwise(instants)],
        loads_ns=loader.loads_ns,
        shapes=loader.shapes,
        aggregation_ns=ended - instants[-1],
    )
    return tried, output.metrics or {}


@contextmanager
def _changed(trainer: Trainer, changes: Mapping[str, Any]) -> Iterator[None]:
    """A Trainer that evaluates otherwise, and as if it were training."""
    args = trainer.args
    own = {name: getattr(args, name) for name in changes if hasattr(args, name)}
    reduces, is_in_train = trainer.preprocess_logits_for_metrics, trainer.is_in_train
    generating = getattr(trainer, "_gen_kwargs", None)
    for name in own:
        setattr(args, name, changes[name])
    if changes.get(REDUCES_LOGITS):
        trainer.preprocess_logits_for_metrics = most_likely
    if generating is not None:
        trainer._gen_kwargs = _generating(args, changes)
    # outside of training, bf16_full_eval would cast the model
    trainer.is_in_train = True
    forget_loaders(trainer)
    try:
        yield
    finally:
        forget_loaders(trainer)
        for name, value in own.items():
            setattr(args, name, value)
        trainer.preprocess_logits_for_metrics = reduces
        trainer.is_in_train = is_in_train
        if generating is not None:
            trainer._gen_kwargs = generating


def _generating(args: Any, changes: Mapping[str, Any]) -> dict[str, Any]:
    """What ``Seq2SeqTrainer.evaluate()`` would generate with, where nobody tells it."""
    how = {
        "max_length": getattr(args, "generation_max_length", None),
        "num_beams": getattr(args, "generation_num_beams", None),
    }
    told = {name: value for name, value in how.items() if value is not None}
    if GENERATES in changes:
        told |= {GENERATES: changes[GENERATES], "min_new_tokens": None}
        told.pop("max_length", None)
    return told


def most_likely(logits: Any, labels: Any) -> Any:
    """The ids in place of the logits, which are as many times larger as there are ids."""
    return (logits[0] if isinstance(logits, tuple) else logits).argmax(dim=-1)


def forget_loaders(trainer: Trainer) -> None:
    """Loaders with persistent workers are kept, whatever samples they are of."""
    if hasattr(trainer, "_eval_dataloaders"):
        trainer._eval_dataloaders = {}
