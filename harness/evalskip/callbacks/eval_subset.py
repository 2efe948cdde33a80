"""Evaluate a random subset in place of all samples, or as many as settle what is asked."""

from __future__ import annotations

import random
import sys
from typing import TYPE_CHECKING, Any

import torch
from transformers import TrainerCallback

from evalskip.paired import PairedEvaluations
from evalskip.probe.attach import trainer_of, wrap
from evalskip.probe.guard import Guard
from evalskip.probe.slicing import chosen_of, foreseen
from evalskip.probe.trying import LoaderBefore, forget_loaders
from evalskip.probe.ways import is_grouped, why_none

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from transformers import Trainer, TrainerControl, TrainerState, TrainingArguments

_LOOKS = 8
"""Batches from one look at whether it is settled to the next: each waits for the device."""


class EvalSubset(TrainerCallback):
    """Evaluates fewer samples, in one of two ways.

    A fixed random subset, the same at every evaluation and in every run::

        Trainer(..., eval_dataset=samples, callbacks=[EvalSubset(200)])

    Or until it is settled whether the checkpoint is better than the best so far::

        Trainer(..., eval_dataset=samples, callbacks=[EvalSubset(wrong=0.05)])

    Then an evaluation ends once it is sure that the checkpoint is worse; a new best, the first two
    evaluations and the last are whole, so what it saves comes from checkpoints that are not kept.
    At most a share ``wrong`` of runs calls a checkpoint worse that is not (:mod:`evalskip.paired`).
    It logs the best one's loss plus the mean difference from it, so that best checkpoints and early
    stopping work as before. That is about the loss alone: where there are other metrics, where one
    of them decides, with several evaluation sets, streams and several processes, all samples are
    evaluated, and it says so.

    Training is not touched. Where it fails, it says so once, and all samples are evaluated.

    Args:
        samples: of the fixed subset.
        wrong: of runs, the most that may call a checkpoint worse that is not.

    Raises:
        ValueError: neither is given, or both, or one is out of range.
    """

    def __init__(self, samples: int | None = None, wrong: float | None = None) -> None:
        if (samples is None) == (wrong is None):
            raise ValueError("EvalSubset: expected samples, or wrong=0.05")
        if samples is not None and samples < 1:
            raise ValueError(f"EvalSubset: samples: expected at least 1, got {samples}")
        if wrong is not None and not 0 < wrong < 1:
            raise ValueError(f"EvalSubset: wrong: expected a number between 0 and 1, got {wrong}")
        self.samples = samples
        self.wrong = wrong
        self._guard = Guard("EvalSubset")
        self._chosen: Any = None
        self._settling: _Settling | None = None

    def on_init_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """The Trainer is complete: a fixed subset is its evaluation set from here on."""
        if self.samples is not None:
            self._guard.call(self._begin)

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Training begins."""
        self._guard.call(self._begin)

    def _begin(self) -> None:
        trainer = trainer_of(self)
        if trainer is None or trainer.eval_dataset is None:
            return
        if self.samples is not None:
            self._choose(trainer, self.samples)
        elif why := _why_whole(trainer):
            if trainer.is_world_process_zero():
                print(f"evalskip: EvalSubset: all samples are evaluated: {why}", file=sys.stderr)
        else:
            if self._settling is None or self._settling.trainer is not trainer:
                self._settling = _Settling(trainer, self._guard)
            self._settling.begin(self.wrong or 0.0)

    def _choose(self, trainer: Trainer, count: int) -> None:
        own = trainer.eval_dataset
        if own is self._chosen:
            return
        named = own if isinstance(own, dict) else {"": own}
        chosen = {name: _random_part(samples, count) for name, samples in named.items()}
        self._chosen = trainer.eval_dataset = chosen if isinstance(own, dict) else chosen[""]


class _Settling:
    """A Trainer whose evaluations end once they are settled.

    Its methods are wrapped on the instance: ``evaluate`` sets the order, ``get_eval_dataloader``
    ends the batches, ``prediction_step`` keeps their losses, and ``evaluation_loop`` says what the
    whole set's loss is, before it is logged.
    """

    def __init__(self, trainer: Trainer, guard: Guard) -> None:
        self.trainer, self._guard = trainer, guard
        self._evaluations: PairedEvaluations | None = None
        self._batch = 1
        self._is_on = False
        self._losses: list[torch.Tensor] = []
        self._told: list[float] = []
        for name in ("evaluate", "get_eval_dataloader", "prediction_step", "evaluation_loop"):
            wrap(trainer, name, getattr(self, f"_{name}"))

    def begin(self, wrong: float) -> None:
        """A training begins."""
        trainer = self.trainer
        samples, batch = len(trainer.eval_dataset), int(trainer.args.eval_batch_size)
        self._batch = batch
        sizes = [min(batch, samples - start) for start in range(0, samples, batch)]
        try:
            planned: int | None = len(foreseen(trainer)[0]) or None
        except RuntimeError:  # it decides by the clock
            planned = None
        self._evaluations = PairedEvaluations(sizes, wrong, planned, seed=int(trainer.args.seed))

    def _evaluate(self, original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        trainer = self.trainer
        own = trainer.eval_dataset
        samples = args[0] if args else kwargs.get("eval_dataset")
        order = None
        if (samples is None or samples is own) and not self._is_on:
            order = self._guard.call(self._order)
        if order is None:
            return original(*args, **kwargs)
        self._is_on = True
        trainer.eval_dataset = chosen_of(own, order)
        try:
            others = {key: each for key, each in kwargs.items() if key != "eval_dataset"}
            return original(None, *args[1:], **others)
        finally:
            trainer.eval_dataset = own
            self._is_on = False

    def _order(self) -> list[int] | None:
        """Numbers of the samples as they are to be evaluated; None: as they are."""
        trainer, evaluations, batch = self.trainer, self._evaluations, self._batch
        if evaluations is None:
            return None
        state, count = trainer.state, len(trainer.eval_dataset)
        is_last = not trainer.is_in_train or state.global_step >= state.max_steps
        self._losses, self._told = [], []
        forget_loaders(trainer)  # one that is kept has the last order
        batches = evaluations.begin(whole=is_last)
        return [n for each in batches for n in range(each * batch, min(count, (each + 1) * batch))]

    def _get_eval_dataloader(self, original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        loader = original(*args, **kwargs)
        return _EndedLoader(loader, self._is_settled) if self._is_on else loader

    def _prediction_step(self, original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        result = original(*args, **kwargs)
        if self._is_on:
            self._guard.call(lambda: self._losses.append(result[0].detach().float().mean()))
        return result

    def _evaluation_loop(self, original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        output = original(*args, **kwargs)
        if self._is_on:
            self._guard.call(self._tell, output.metrics)
        return output

    def _tell(self, metrics: dict[str, float] | None) -> None:
        """In place of what the batches say that were evaluated, what the whole set would."""
        if self._evaluations is None or metrics is None:
            return
        self._read()
        name = next(name for name in metrics if name.endswith("_loss"))
        metrics[name] = self._evaluations.finish(self._told)

    def _is_settled(self) -> bool:
        if len(self._losses) % _LOOKS:
            return False
        return bool(self._guard.call(self._look))

    def _look(self) -> bool:
        self._read()
        evaluations = self._evaluations
        return evaluations is not None and evaluations.settled_after(self._told) is not None

    def _read(self) -> None:
        """Losses from the device, all that are new at once."""
        if new := self._losses[len(self._told) :]:
            self._told += torch.stack(new).tolist()


class _EndedLoader(LoaderBefore):
    """A loader that ends once what is asked is settled."""

    def __init__(self, loader: Any, is_settled: Callable[[], bool]) -> None:
        super().__init__(loader)
        self._is_settled = is_settled

    def __iter__(self) -> Iterator[Any]:
        for number, batch in enumerate(self._loader):
            if number and self._is_settled():
                # Accelerate would go on taking this one for the loader that is on
                if hasattr(self._loader, "end"):
                    self._loader.end()
                return
            yield batch


def _random_part(samples: Any, count: int) -> Any:
    """So many of a set, the same ones whoever asks; all of a smaller one, and of a stream."""
    if not hasattr(samples, "__len__") or len(samples) <= count:
        return samples
    return chosen_of(samples, sorted(random.Random(0).sample(range(len(samples)), count)))


def _why_whole(trainer: Trainer) -> str | None:
    """Why evaluations cannot end sooner; None: they can."""
    args = trainer.args
    if isinstance(trainer.eval_dataset, dict):
        return "expected one evaluation set, got several"
    if not hasattr(trainer.eval_dataset, "__len__"):
        return "expected samples that can be put into another order, got a stream"
    if args.world_size > 1:
        return f"expected one process, got {args.world_size}"
    if is_grouped(trainer):
        return "expected batches that stay the same, got group_by_length"
    if why_none(trainer, {"": trainer.eval_dataset}):
        return "expected the Trainer's own evaluate() and loader, got others"
    if trainer.compute_metrics is not None and not args.prediction_loss_only:
        return "expected the loss alone, got compute_metrics"
    name = args.metric_for_best_model
    if name is not None and str(name).removeprefix("eval_") != "loss":
        return f"expected the loss to choose checkpoints, got {name}"
    return None
