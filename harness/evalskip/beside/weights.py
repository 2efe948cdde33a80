"""The weights that training changes, as a snapshot holds them."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import load_file, save_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LOOKED_AT = 64
"""Numbers of each frozen weight that tell it from another."""


def changing(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """What a snapshot holds: trained parameters, and buffers that belong to a checkpoint.

    Of LoRA these are the adapters, of full fine-tuning all weights; what is tied comes once.
    """
    trained = {name: each for name, each in model.named_parameters() if each.requires_grad}
    return {**trained, **dict(_kept_buffers(model))}


def size_of(model: torch.nn.Module) -> int:
    """Bytes of a snapshot."""
    return sum(each.numel() * each.element_size() for each in changing(model).values())


def save(model: torch.nn.Module, path: Path) -> None:
    """Write a snapshot, as safetensors."""
    held = {name: each.detach().contiguous() for name, each in changing(model).items()}
    save_file(held, path)


def load(model: torch.nn.Module, path: Path) -> None:
    """Read a snapshot into a model of the same job.

    Raises:
        ValueError: the model has other weights.
    """
    held = load_file(path)
    own = changing(model)
    if held.keys() != own.keys():
        differ = sorted(held.keys() ^ own.keys())
        raise ValueError(f"weights: expected the same in both processes, got {differ[0]} in one")
    with torch.no_grad():
        for name, each in own.items():
            each.copy_(held[name])


def fingerprint(model: torch.nn.Module, samples: Any) -> str:
    """Tells a job from another: its weights' names, the frozen ones' values, its evaluation set."""
    digest = hashlib.blake2b(digest_size=16)
    own = changing(model)
    for name, each in model.named_parameters():
        digest.update(f"{name} {tuple(each.shape)} {name in own};".encode())
        if name not in own and not each.is_meta and each.numel():
            flat = each.detach().flatten()
            some = flat[:: max(1, flat.numel() // _LOOKED_AT)]
            digest.update(some.cpu().to(torch.float32).numpy().tobytes())
    for name, part in _sets(samples):
        length = len(part) if hasattr(part, "__len__") else None
        ends = [repr(part[place])[:2000] for place in (0, length - 1)] if length else []
        digest.update(f"{name} {length} {ends};".encode())
    return digest.hexdigest()


def _sets(samples: Any) -> list[tuple[str, Any]]:
    return list(samples.items()) if isinstance(samples, dict) else [("", samples)]


def _kept_buffers(model: torch.nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    for place, module in model.named_modules():
        for name, buffer in module.named_buffers(recurse=False):
            if name not in module._non_persistent_buffers_set:
                yield f"{place}.{name}".lstrip("."), buffer
