"""What a plan says, light enough for reports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

CATEGORIES = ("weights", "gradients", "optimizer", "activations")
CONTEXT_BYTES = 512 * 2**20
"""Of the card, what CUDA's context and libraries take before the first tensor."""
FRAGMENTS = 0.065
"""Share of a peak that the CUDA allocator holds beside it, in pieces that nothing fits into: on an
H100, of full fine-tuning, 20 samples completed within a limit of 24 GiB and a 21st, with a peak of
22.6 GiB, did not (``results/reference/headroom-full-h100``)."""
TOLERANCE = 0.05
"""Share by which peaks are predicted too low or too high, at most, where they were measured: on a
CPU (``tests/test_memory.py``). On an H100 it was 1.1 % (``results/reference/headroom-full-h100``).
"""


PLANS = 4
"""For one card: by full fine-tuning and by LoRA, with gradient checkpointing and without."""


@dataclass(frozen=True)
class Setting:
    """What is trained, and how.

    Full fine-tuning holds all in bfloat16: weights, gradients and the optimizer's state
    (LLaMA-Factory's ``pure_bf16: true``). LoRA has its adapters in float32 and the frozen weights
    in bfloat16, under autocast (``bf16: true``).
    """

    config: Mapping[str, Any]
    """Fields of the model's configuration, ``model_type`` among them."""
    finetuning: Literal["full", "lora"] = "full"
    lora_rank: int = 8
    gradient_checkpointing: bool = False


@dataclass(frozen=True)
class Peak:
    """Bytes at the moment of the peak, by category."""

    total: int
    parts: Mapping[str, int]


@dataclass(frozen=True)
class Plan:
    """What one way of fine-tuning needs, and the largest batches within the card's memory."""

    setting: Setting
    parameters: int
    train: Peak
    """Of a train step on one sample."""
    evaluation: Peak
    """Of an evaluation batch as the job has it, the optimizer's state held."""
    largest_train_batch: int
    largest_evaluation_batch: int
    fits_evaluation: bool

    @property
    def largest_evaluated_batch(self) -> int:
        """The train batch of an arm that evaluates: evaluation does not depend on it."""
        return self.largest_train_batch if self.fits_evaluation else 0


@dataclass(frozen=True)
class BatchShape:
    """What is trained on and evaluated."""

    length: int
    """Tokens in a row that is trained on."""
    evaluation_batch: int
    """Samples evaluated at once."""
    evaluation_length: int
    """Tokens in a row that is evaluated."""
