"""A limit on memory that a process really runs into, and how much of it is used."""

from __future__ import annotations

import errno
import resource
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from evalskip.probe.memory import ResidentMeter

if TYPE_CHECKING:
    from collections.abc import Iterator


_SAID_OF_MEMORY = (
    "std::bad_alloc",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
    "can't start new thread",
    "could not create a memory object",
)


class Limited(Protocol):
    """Memory of one kind, in bytes."""

    def within(self, limit_bytes: int) -> Any:
        """A context in which no more can be had."""

    def usage(self) -> int:
        """What the process holds now."""

    def peak(self) -> int:
        """The most that it has held since this was made."""


class DataSegment:
    """Private writable memory of this process: what ``RLIMIT_DATA`` limits (``man 2 getrlimit``).

    Linux tells no peak of it. But what a training maps beside it, it maps before or not at all: so
    the peak grows as that of all memory does (``VmPeak``), which begins anew in a forked child.

    Args:
        process: where Linux tells of this process.
    """

    def __init__(self, process: Path = Path("/proc/self")) -> None:
        self._status = process / "status"
        first = self._read()
        self._beside = first["VmSize"] - first["VmData"]

    @contextmanager
    def within(self, limit_bytes: int) -> Iterator[None]:
        """An allocation beyond the limit raises: torch's ``RuntimeError``, or ``MemoryError``."""
        soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (limit_bytes, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))

    def usage(self) -> int:
        """``VmData``."""
        return self._read()["VmData"]

    def peak(self) -> int:
        """An upper bound where something else was mapped meanwhile, such as a file."""
        return self._read()["VmPeak"] - self._beside

    def _read(self) -> dict[str, int]:
        lines = (line.split() for line in self._status.read_text().splitlines())
        fields = ("VmSize:", "VmData:", "VmPeak:")
        return {line[0][:-1]: int(line[1]) * 1024 for line in lines if line and line[0] in fields}


class CudaShare:
    """Memory that torch's allocator holds on the current CUDA device.

    Args:
        cuda: the module ``torch.cuda``.
    """

    def __init__(self, cuda: Any) -> None:
        self._cuda = cuda
        cuda.reset_peak_memory_stats()

    @contextmanager
    def within(self, limit_bytes: int) -> Iterator[None]:
        """An allocation beyond the limit raises ``torch.cuda.OutOfMemoryError``."""
        _, total = self._cuda.mem_get_info()
        self._cuda.set_per_process_memory_fraction(min(1.0, limit_bytes / total))
        try:
            yield
        finally:
            self._cuda.set_per_process_memory_fraction(1.0)

    def usage(self) -> int:
        """Reserved, which is what the limit is on."""
        return int(self._cuda.memory_reserved())

    def peak(self) -> int:
        """Allocated: what is reserved beyond that is given back before the allocator gives up."""
        return int(self._cuda.max_memory_allocated())


def limited_memory(device: str) -> Limited:
    """What a limit on a device is a limit of."""
    if device == "cuda":
        import torch

        return CudaShare(torch.cuda)
    return DataSegment()


def is_out_of_memory(error: BaseException) -> bool:
    """CUDA's allocator, the CPU's, Python's and the system's say it each in its way."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    if isinstance(error, OSError) and error.errno == errno.ENOMEM:
        return True
    text = str(error)
    return (
        "DefaultCPUAllocator: can't allocate memory" in text
        or ("CUDA" in text and "out of memory" in text)
        or any(phrase in text for phrase in _SAID_OF_MEMORY)
    )


class BatchRoom:
    """Memory that is left for larger evaluation batches, and what one takes of it.

    Args:
        device: ``cpu`` or ``cuda``.
    """

    def __init__(self, device: str) -> None:
        self._cuda: Any = None
        self.bytes = 0
        if device == "cuda":
            import torch

            self._cuda = torch.cuda

    def free(self) -> int:
        """Bytes that may still be had: on a CPU half of them, since others live there too."""
        if self._cuda is not None:
            free, _ = self._cuda.mem_get_info()
            return int(free + self._cuda.memory_reserved() - self._cuda.memory_allocated())
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024 // 2
        return 0

    @contextmanager
    def metered(self) -> Iterator[BatchRoom]:
        """Keep in ``bytes`` by how much memory rises inside."""
        if self._cuda is not None:
            self._cuda.reset_peak_memory_stats()
            before = self._cuda.memory_allocated()
            yield self
            self.bytes = self._cuda.max_memory_allocated() - before
            return
        meter = ResidentMeter()
        with suppress(OSError):  # not every container lets its mark be reset
            meter.reset()
        before = meter.read().get("resident", 0)
        yield self
        self.bytes = meter.read().get("resident", 0) - before
