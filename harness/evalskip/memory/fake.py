"""Peaks of a train step and of an evaluation inside a job, without its weights and its device."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from evalskip.errors import InputError
from evalskip.memory.model import built, labels_of
from evalskip.memory.peaks import CATEGORIES, Peak
from evalskip.memory.trace import MemoryTrace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalskip.memory.peaks import Setting

_WEIGHTS, _GRADIENTS, _OPTIMIZER, _ = CATEGORIES


class FakeJob:
    """A model with its optimizer's state on fake tensors of a CPU: those of CUDA need a GPU.

    The optimizer is AdamW in its fused form, which is the Trainer's default and holds nothing
    beyond its state.

    Args:
        setting: what is trained.

    Raises:
        InputError: the configuration's model cannot be built, or is none of text.
    """

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._fake = FakeTensorMode(allow_non_fake_inputs=True)
        self._trace = MemoryTrace()
        try:
            with torch.device("meta"):
                self._model, self._task = built(setting)
        except InputError:
            raise
        except Exception as error:
            text = " ".join(str(error).split())
            raise InputError(
                "--model: expected the configuration of a model that can be built: "
                f"{type(error).__name__}: {text:.120}"
            ) from error
        with self._fake, self._trace, self._trace.category(_WEIGHTS):
            _fill(self._model)
        self._trained = [p for p in self._model.parameters() if p.requires_grad]
        with self._fake, self._trace, self._trace.category(_OPTIMIZER):
            self._state = [(torch.zeros_like(p), torch.zeros_like(p)) for p in self._trained]
        for parameter in self._trained:
            parameter.register_post_accumulate_grad_hook(self._has_gradient)

    @property
    def parameters(self) -> int:
        """Of the model, adapters and what is not trained included."""
        return sum(parameter.numel() for parameter in self._model.parameters())

    @property
    def resident_bytes(self) -> int:
        """Bytes that stay between steps: weights and the optimizer's state."""
        self._trace.reset_peak()
        return self._trace.peak

    def train(self, batch: int, length: int) -> Peak:
        """The peak of a train step on so many samples of so many tokens."""
        self._model.train()
        self._trace.reset_peak()
        with self._fake, self._trace, _no_packing(), _as_on_cuda(), _traceable():
            self._loss(batch, length).backward()
            for parameter in self._trained:
                parameter.grad = None
        return Peak(self._trace.peak, self._trace.peak_parts)

    def evaluate(self, batch: int, length: int) -> Peak:
        """The peak of an evaluation batch, the loss alone being kept, beside the optimizer's state.

        Gradients are not there: the Trainer sets them to None after each step.
        """
        self._model.eval()
        self._trace.reset_peak()
        with self._fake, self._trace, _no_packing(), _as_on_cuda(), _traceable(), torch.no_grad():
            self._loss(batch, length)
        return Peak(self._trace.peak, self._trace.peak_parts)

    def _loss(self, batch: int, length: int) -> torch.Tensor:
        ids = torch.zeros(batch, length, dtype=torch.long)
        mixed = torch.autocast("cpu", torch.bfloat16)
        with mixed if self._setting.finetuning == "lora" else nullcontext():
            inputs: dict[str, Any] = {"input_ids": ids, "labels": labels_of(self._task, ids)}
            if self._task != "SEQ_CLS":
                inputs["use_cache"] = False
            loss: torch.Tensor = self._model(**inputs).loss
        return loss

    def _has_gradient(self, parameter: torch.Tensor) -> None:
        if parameter.grad is not None:
            self._trace.claim([parameter.grad], _GRADIENTS)


@contextmanager
def _traceable() -> Iterator[None]:
    """What a model does that depends on its data cannot be followed without any."""
    try:
        yield
    except Exception as error:
        text = str(error).strip().splitlines() or [""]
        raise InputError(
            f"--model: cannot be followed on fake tensors: {type(error).__name__}: {text[0]}"
        ) from error


def _no_packing() -> Any:
    """Samples are not packed, which transformers cannot see of a fake tensor.

    It would then build a mask, which real runs need not (``find_packed_sequence_indices`` of
    ``transformers.masking_utils``).
    """
    return patch("transformers.masking_utils.find_packed_sequence_indices", return_value=None)


def _as_on_cuda() -> Any:
    """Attention drops out inside its kernel, as CUDA's do, which keep no mask (``philox`` seeds).

    A CPU has no such kernel with dropout, and would hold all that attends to all.
    """
    attention = torch.nn.functional.scaled_dot_product_attention

    def fused(*args: Any, **kwargs: Any) -> torch.Tensor:
        return attention(*args, **{**kwargs, "dropout_p": 0.0})

    return patch("torch.nn.functional.scaled_dot_product_attention", fused)


def _fill(model: torch.nn.Module) -> None:
    """Put a tensor of the current mode in place of each that is on ``meta``; what is tied stays."""
    replacements: dict[int, torch.Tensor] = {}
    for module in model.modules():
        for name, parameter in module._parameters.items():
            if parameter is not None:
                if id(parameter) not in replacements:
                    replacements[id(parameter)] = torch.nn.Parameter(
                        torch.empty_like(parameter, device="cpu"), parameter.requires_grad
                    )
                module._parameters[name] = replacements[id(parameter)]  # type: ignore[assignment]
        for name, buffer in module._buffers.items():
            if buffer is not None:
                module._buffers[name] = torch.empty_like(buffer, device="cpu")
