"""What of a Trainer's evaluation could be set otherwise, and what stands against it."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from evalskip.probe.trying import GENERATES, REDUCES_LOGITS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from transformers import Trainer

_LIBRARIES = ("transformers", "trl", "llamafactory", "peft", "axolotl", "unsloth", "evalskip")
"""Whose Trainers evaluate as ``transformers.Trainer`` does, in their loop's order."""
_WORKERS, _LOADS = 2, 0.05
"""Of a batch's time, the least that waiting for the loader takes where workers are tried."""
_ACCUMULATED = 4


def ways_of(trainer: Trainer, loads: float) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """What could be set otherwise, by name, and why something could not, by its name.

    Args:
        trainer: of the job.
        loads: of a batch's time, the part that it waits for the loader.
    """
    args = trainer.args
    ways: dict[str, dict[str, Any]] = {}
    refused: dict[str, str] = {}
    if not args.dataloader_num_workers and loads < _LOADS:
        refused["workers"] = "loads_fast"
    elif not args.dataloader_num_workers:
        ways["workers"] = {
            "dataloader_num_workers": _WORKERS,
            "dataloader_persistent_workers": True,
        }
    if trainer.compute_metrics is None or args.prediction_loss_only:
        return ways, refused
    if decides(trainer) in (None, "loss"):
        ways["loss_only"] = {"prediction_loss_only": True}
    else:
        refused["loss_only"] = "metric_decides"
    if generates(trainer):
        tokens = _new_tokens(trainer)
        if tokens and tokens > 1:
            ways["fewer_tokens"] = {GENERATES: tokens // 2}
        return ways, refused
    if trainer.preprocess_logits_for_metrics is None:
        ways["reduced_logits"] = {REDUCES_LOGITS: True}
    if args.eval_accumulation_steps is None and not args.batch_eval_metrics:
        ways["accumulation"] = {"eval_accumulation_steps": _ACCUMULATED}
    if not args.batch_eval_metrics and _takes_compute_result(trainer.compute_metrics):
        ways["batch_metrics"] = {"batch_eval_metrics": True}
    return ways, refused


def why_none(trainer: Trainer, named: Mapping[str, Any]) -> str | None:
    """The code of why nothing can be tried; None: it can."""
    if not named or not all(hasattr(samples, "__len__") for samples in named.values()):
        return "stream"
    if trainer.args.world_size > 1:
        return "several_ranks"
    for name in ("evaluate", "evaluation_loop", "get_eval_dataloader"):
        if getattr(type(trainer), name).__module__.partition(".")[0] not in _LIBRARIES:
            return "own_evaluate"
    return None


def decides(trainer: Trainer) -> str | None:
    """The metric that chooses checkpoints, without its prefix; None: none does."""
    name = trainer.args.metric_for_best_model
    return str(name).removeprefix("eval_") if name else None


def generates(trainer: Trainer) -> bool:
    """Whether evaluation generates."""
    return bool(getattr(trainer.args, "predict_with_generate", False))


def is_grouped(trainer: Trainer) -> bool:
    """Whether the loader orders samples by their length."""
    args = trainer.args
    return bool(getattr(args, "group_by_length", False)) or (
        getattr(args, "train_sampling_strategy", None) == "group_by_length"
    )


def _new_tokens(trainer: Trainer) -> int | None:
    """How many an answer may have, where that is said so."""
    configured = getattr(trainer.model, "generation_config", None)
    tokens = getattr(configured, "max_new_tokens", None)
    return int(tokens) if tokens else None


def _takes_compute_result(compute_metrics: Any) -> bool:
    try:
        return "compute_result" in inspect.signature(compute_metrics).parameters
    except (TypeError, ValueError):
        return False
