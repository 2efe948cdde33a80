"""Which devices there are, found without importing torch or initialising CUDA."""

from __future__ import annotations

import os
from functools import cache
from importlib import metadata
from typing import Any

import pynvml


def usable_cores() -> int:
    """CPU cores that this process may run on."""
    return len(os.sched_getaffinity(0))


@cache
def gpus() -> tuple[str, ...]:
    """Names of the NVIDIA GPUs that the driver sees."""
    try:
        pynvml.nvmlInit()
        count = pynvml.nvmlDeviceGetCount()
        handles = [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(count)]
        names = [pynvml.nvmlDeviceGetName(handle) for handle in handles]
    except pynvml.NVMLError:  # no driver
        return ()
    return tuple(name if isinstance(name, str) else name.decode() for name in names)


def first_gpu() -> str | None:
    """The one device that runs use: index or UUID, in the order of the PCI bus; None: no GPU."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return "0" if gpus() else None
    first = visible.split(",")[0].strip()
    return first if gpus() and first not in ("", "-1") else None


def free_gpu_memory() -> int:
    """Bytes that are free on the one device that runs use; 0: no GPU."""
    gpu = first_gpu()
    return int(pynvml.nvmlDeviceGetMemoryInfo(gpu_handle(gpu)).free) if gpu is not None else 0


def gpu_handle(gpu: str) -> Any:
    """NVML's handle of a device given by index or UUID."""
    if gpu.isdecimal():
        return pynvml.nvmlDeviceGetHandleByIndex(int(gpu))
    return pynvml.nvmlDeviceGetHandleByUUID(gpu)


def cuda_is_usable() -> bool:
    """Whether there is a GPU to be seen and the installed torch was built for CUDA."""
    try:
        return first_gpu() is not None and not metadata.version("torch").endswith("+cpu")
    except metadata.PackageNotFoundError:
        return False
