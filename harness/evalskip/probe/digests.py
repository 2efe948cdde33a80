"""Proof of the match: digests of what a run was fed and of what came out.

Inputs are kept while T runs and digested afterwards.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import torch

from evalskip.probe.combined import combined_digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_CHUNK_BYTES = 16 * 2**20


class InputKeeper:
    """Keeps the tensors of every batch, in order, without waiting for a device.

    A CPU tensor is kept as it is. A device tensor is copied asynchronously into pinned memory
    that is allocated in large chunks, since allocating it per batch would synchronise; so the
    device's memory holds nothing more than it would.
    """

    def __init__(self) -> None:
        self._batches: list[dict[str, Any]] = []
        self._on_device: bool | None = None
        self._chunk = torch.empty(0, dtype=torch.uint8)
        self._used = 0

    def keep(self, inputs: Mapping[str, Any]) -> None:
        """Take one batch: a mapping from names to tensors; other values are left out."""
        batch = dict(inputs)
        if self._on_device is None:
            self._on_device = any(_device_of(value) != "cpu" for value in batch.values())
        if self._on_device:
            batch = {
                name: value if _device_of(value) == "cpu" else self._to_host(value)
                for name, value in batch.items()
            }
        self._batches.append(batch)

    def tokens(self) -> int:
        """Tokens in all that was kept."""
        return sum(map(count_tokens, self._batches))

    def digests(self) -> list[str]:
        """One digest per batch; to be called after T, with the device idle."""
        return [
            batch_digest({name: v for name, v in batch.items() if isinstance(v, torch.Tensor)})
            for batch in self._batches
        ]

    def _to_host(self, tensor: torch.Tensor) -> torch.Tensor:
        size = tensor.numel() * tensor.element_size()
        if self._used + size > self._chunk.numel():
            self._chunk = torch.empty(max(size, _CHUNK_BYTES), dtype=torch.uint8, pin_memory=True)
            self._used = 0
        host = self._chunk[self._used : self._used + size].view(tensor.dtype).view(tensor.shape)
        self._used += -(-size // 16) * 16  # the next view must be aligned to its own dtype
        return host.copy_(tensor, non_blocking=True)


def _device_of(value: Any) -> str:
    """A tensor's device type; whatever is no tensor is where the CPU is."""
    return value.device.type if isinstance(value, torch.Tensor) else "cpu"


def count_tokens(inputs: Mapping[str, Any]) -> int:
    """Tokens in ``input_ids``, of shape (samples, length), padding included."""
    ids = inputs.get("input_ids")
    return ids.numel() if isinstance(ids, torch.Tensor) else 0


def count_samples(inputs: Mapping[str, Any]) -> int:
    """Samples in ``input_ids``, of shape (samples, length)."""
    ids = inputs.get("input_ids")
    return ids.shape[0] if isinstance(ids, torch.Tensor) else 0


def batch_digest(inputs: Mapping[str, torch.Tensor]) -> str:
    """Digest of names, types, shapes and bytes, independent of the order of the names."""
    digest = hashlib.blake2b(digest_size=8)
    for name in sorted(inputs):
        _add(digest, name, inputs[name])
    return digest.hexdigest()


def losses_digest(losses: Iterable[float]) -> str:
    """Digest of raw losses, one per micro-step, bit for bit."""
    return combined_digest(float(loss).hex() for loss in losses)


def weights_digest(model: torch.nn.Module) -> str:
    """Digest of all parameters and buffers that this rank holds, bit for bit."""
    digest = hashlib.blake2b(digest_size=8)
    for name, tensor in sorted([*model.named_parameters(), *model.named_buffers()]):
        _add(digest, name, _shard(tensor))
    return digest.hexdigest()


def weights_sketch(model: torch.nn.Module) -> list[float]:
    """The norm of each trainable parameter, or of its shard, in the order of the names.

    Where two runs cannot be equal bit for bit, as on a GPU, it tells how far apart they are.
    """
    return [
        float(_shard(parameter).detach().float().norm())
        for _, parameter in sorted(model.named_parameters())
        if parameter.requires_grad
    ]


def _shard(tensor: torch.Tensor) -> Any:
    """What this rank holds of a tensor: gathering the whole could take more memory than it has."""
    zero = getattr(tensor, "ds_tensor", None)
    if zero is not None:  # DeepSpeed's ZeRO-3 leaves the parameter itself empty
        return zero
    # a DTensor, as FSDP 2 has it; of FSDP 1 the parameters are shards already
    return tensor.to_local() if hasattr(tensor, "to_local") else tensor


def _add(digest: hashlib.blake2b, name: str, tensor: torch.Tensor) -> None:
    digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\0".encode())
    flat = tensor.detach().cpu().contiguous().flatten()
    digest.update(flat.view(torch.uint8).numpy().data)
