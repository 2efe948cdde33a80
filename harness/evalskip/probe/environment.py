"""What a run finds itself on."""

from __future__ import annotations

import os
from typing import Any

import torch

_STEADYING = ("MALLOC_", "OMP_", "GOMP_", "KMP_", "GLIBC_TUNABLES", "LD_PRELOAD")


def environment(device: str) -> dict[str, Any]:
    """Threads, what steadies them, and the GPU, if it runs on one.

    Args:
        device: a torch device type, ``cpu`` or ``cuda``.
    """
    fields: dict[str, Any] = {
        "threads": torch.get_num_threads(),
        "steadied_by": {
            name: value for name, value in sorted(os.environ.items()) if name.startswith(_STEADYING)
        },
    }
    if device == "cuda":
        properties = torch.cuda.get_device_properties(torch.cuda.current_device())
        fields |= {"gpu": properties.name, "gpu_bytes": properties.total_memory}
        fields |= {"cuda": torch.version.cuda}
    return fields
