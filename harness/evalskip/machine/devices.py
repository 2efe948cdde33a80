"""Which devices there are, found without importing torch or initialising CUDA."""

from __future__ import annotations

from functools import cache
from importlib import metadata

import pynvml


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


@cache
def cuda_is_usable() -> bool:
    """Whether there is a GPU and the installed torch was built for CUDA."""
    try:
        return bool(gpus()) and not metadata.version("torch").endswith("+cpu")
    except metadata.PackageNotFoundError:
        return False
