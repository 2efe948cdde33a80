"""The largest batch on a card that one does not have, and what would bound it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from evalskip.analysis.headroom import Search
from evalskip.memory.fake import FakeJob
from evalskip.memory.peaks import CONTEXT_BYTES, FRAGMENTS, Plan, Setting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    from evalskip.memory.peaks import BatchShape, Peak


def plans(config: Mapping[str, Any], device_bytes: int, work: BatchShape) -> Iterator[Plan]:
    """Full fine-tuning and LoRA, with and without gradient checkpointing, one plan after another.

    Args:
        config: fields of the model's configuration, ``model_type`` among them.
        device_bytes: of the card.
        work: what is trained on and evaluated.

    Raises:
        InputError: no causal language model can be built from the configuration.
    """
    limit = int((device_bytes - CONTEXT_BYTES) / (1 + FRAGMENTS))
    for finetuning in ("full", "lora"):
        for checkpointing in (False, True):
            setting = Setting(
                config,
                "full" if finetuning == "full" else "lora",
                gradient_checkpointing=checkpointing,
            )
            job = FakeJob(setting)
            evaluation = job.evaluate(work.evaluation_batch, work.evaluation_length)
            train, largest = _largest(
                partial(job.train, length=work.length), limit, job.resident_bytes
            )
            _, largest_evaluation = _largest(
                partial(job.evaluate, length=work.evaluation_length), limit, job.resident_bytes
            )
            yield Plan(
                setting,
                job.parameters,
                train,
                evaluation,
                largest,
                largest_evaluation,
                fits_evaluation=evaluation.total <= limit,
            )


def _largest(peak_of: Callable[[int], Peak], limit: int, base_bytes: int) -> tuple[Peak, int]:
    """The peak of one sample, and the largest batch, each tried on fake tensors."""
    one = peak_of(1)
    if one.total > limit:
        return one, 0
    search = Search(1, limit, base_bytes)
    search.note(1, one.total)
    while (batch := search.next()) is not None:
        total = peak_of(batch).total
        search.note(batch, total if total <= limit else None)
    return one, search.fits
