"""The loss of every sample of a causal language model, whatever batch it comes in."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

import torch

from evalskip.probe.measured import EvaluationLosses
from evalskip.probe.random_state import random_state_preserved
from evalskip.probe.trying import try_evaluation

if TYPE_CHECKING:
    from transformers import Trainer

_IGNORED = -100


def sample_losses(trainer: Trainer, samples: Any, within_s: float | None = None) -> list[float]:
    """The mean loss per token of every sample, in nats.

    Unlike ``eval_loss``, which is a mean of batches' means, it does not depend on the batches.

    Args:
        trainer: of a causal language model.
        samples: a data set, in the order of which they are told.
        within_s: after which no further batch is begun; None: all are evaluated.

    Raises:
        ValueError: what the model returns is no loss of tokens that could be told by sample.
    """
    model = trainer.model
    was_training = model.training
    model.eval()
    losses: list[float] = []
    began = time.monotonic()
    try:
        with random_state_preserved(), torch.no_grad():
            for batch in trainer.get_eval_dataloader(samples):
                losses += _of_batch(trainer, model, batch)
                if within_s is not None and time.monotonic() - began > within_s:
                    break
    finally:
        model.train(was_training)
    return losses


def evaluation_losses(trainer: Trainer, samples: Any) -> EvaluationLosses:
    """What the weights lose on samples, batched as the Trainer does it.

    Args:
        trainer: whose training has ended.
        samples: a data set, or several by name, of which the first is taken.
    """
    one = next(iter(samples.values())) if isinstance(samples, dict) else samples
    with random_state_preserved():
        _, metrics = try_evaluation(trainer, "", {}, one)
    try:
        losses = sample_losses(trainer, one)
    except ValueError:
        losses = []
    return EvaluationLosses(
        batch_mean=float(metrics.get("eval_loss", math.nan)),
        sample_mean=sum(losses) / len(losses) if losses else None,
        samples=len(one),
    )


def _of_batch(trainer: Trainer, model: Any, batch: Any) -> list[float]:
    inputs = trainer._prepare_inputs(batch)
    labels = inputs.get("labels")
    if labels is None or labels.dim() != 2:
        raise ValueError("expected labels of shape (samples, length)")
    with trainer.compute_loss_context_manager():
        outputs = model(**{name: value for name, value in inputs.items() if name != "labels"})
    logits = getattr(outputs, "logits", None)
    if logits is None or logits.shape[:2] != labels.shape:
        raise ValueError("expected logits of shape (samples, length, vocabulary)")
    targets = labels[:, 1:]
    each = torch.nn.functional.cross_entropy(
        logits[:, :-1].transpose(1, 2).float(), targets, reduction="none", ignore_index=_IGNORED
    )
    counted = (targets != _IGNORED).sum(dim=1).clamp(min=1)
    told: list[float] = (each.sum(dim=1) / counted).tolist()
    return told
