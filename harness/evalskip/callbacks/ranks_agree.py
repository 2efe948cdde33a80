"""Do all ranks evaluate alike? Where they do not, training ends before it begins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch.distributed as dist
from transformers import TrainerCallback

from evalskip.probe.attach import trainer_of
from evalskip.probe.guard import Guard

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from transformers import Trainer, TrainerControl, TrainerState, TrainingArguments

_FIELDS = (
    "eval_strategy",
    "do_eval",
    "eval_steps",
    "eval_delay",
    "eval_on_start",
    "per_device_eval_batch_size",
    "prediction_loss_only",
)

_DECIDE = ("decides_when", "decides_by_the_clock")
"""True attributes of callbacks that say when to evaluate."""


class RanksAgree(TrainerCallback):
    """Ends a distributed training at once whose ranks do not evaluate alike.

    A rank that evaluates meets the others at collectives. Where another rank trains on meanwhile,
    both wait for what never comes, or take each other's numbers for something else: a hang, or an
    error that names neither the rank nor the setting (LLaMA-Factory 6273, transformers 24589)::

        Trainer(..., callbacks=[RanksAgree()])

    Before the first step all ranks compare what decides evaluation: ``do_eval``,
    ``eval_strategy``, ``eval_steps``, ``eval_delay``, ``eval_on_start``, the evaluation sets'
    samples, ``per_device_eval_batch_size``, what is gathered of each batch, and callbacks
    that say when. On one process it does nothing.

    Where the comparison itself fails, it says so and training goes on.

    Raises:
        RuntimeError: on every rank, when training begins: they differ; the text names the fields
            that do, and what they are on which ranks.
    """

    def __init__(self) -> None:
        self._guard = Guard("RanksAgree")

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Compare, once every rank has come here."""
        if args.world_size == 1 or not dist.is_initialized():
            return
        differ = self._guard.call(self._differ, args)
        if differ:
            raise RuntimeError(f"ranks do not evaluate alike: {', and '.join(differ)}")

    def _differ(self, args: TrainingArguments) -> list[str]:
        # a rank that fails must come to the collective all the same
        own = self._guard.call(lambda: _decisive(args, trainer_of(self)))
        answers: list[dict[str, Any] | None] = [None] * dist.get_world_size()
        dist.all_gather_object(answers, own)
        settings = [each for each in answers if each is not None]
        return differences(settings) if len(settings) == len(answers) else []


def differences(settings: Sequence[Mapping[str, Any]]) -> list[str]:
    """Every field in which ranks differ, with what it is on which of them.

    Args:
        settings: of each rank, in their order.
    """
    lines = []
    for field in dict.fromkeys(field for each in settings for field in each):
        ranks: dict[str, list[int]] = {}
        for rank, each in enumerate(settings):
            ranks.setdefault(str(each.get(field)), []).append(rank)
        if len(ranks) > 1:
            text = "; ".join(f"{value} on {_named(own)}" for value, own in ranks.items())
            lines.append(f"{field}: {text}")
    return lines


def _named(ranks: Sequence[int]) -> str:
    """Such as ``rank 3`` or ``ranks 0, 2-7``."""
    runs: list[list[int]] = []
    for rank in ranks:
        if runs and rank == runs[-1][-1] + 1:
            runs[-1].append(rank)
        else:
            runs.append([rank])
    words = ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
    return f"{'rank' if len(ranks) == 1 else 'ranks'} {words}"


def _decisive(args: TrainingArguments, trainer: Trainer | None) -> dict[str, Any]:
    """What decides when this rank evaluates, and what it then exchanges."""
    settings = {field: getattr(args, field) for field in _FIELDS}
    # an enum, whose name says less than its value
    settings["eval_strategy"] = getattr(args.eval_strategy, "value", args.eval_strategy)
    if trainer is None:
        return settings
    sets = trainer.eval_dataset
    named = sets if isinstance(sets, dict) else {"": sets}
    for name, samples in named.items():
        settings[f"samples of the evaluation set{f' {name}' if name else ''}"] = (
            len(samples) if hasattr(samples, "__len__") else None
        )
    settings["compute_metrics"] = "set" if trainer.compute_metrics else "not set"
    settings["callbacks that say when"] = [
        f"{type(callback).__name__}({', '.join(f'{k}={v}' for k, v in _plain(callback))})"
        for callback in trainer.callback_handler.callbacks
        if any(getattr(callback, name, False) for name in _DECIDE)
    ]
    return settings


def _plain(callback: TrainerCallback) -> list[tuple[str, Any]]:
    """Its settings; what it keeps for itself is no one else's."""
    plain = (bool, int, float, str)
    return [
        (name, value)
        for name, value in sorted(vars(callback).items())
        if not name.startswith("_") and isinstance(value, plain)
    ]
