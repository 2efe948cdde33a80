"""The one clock of a run, on a CPU and on a CUDA device."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Clock(Protocol):
    """Reads time at phase boundaries, and marks instants between them cheaply."""

    def mark(self) -> Any:
        """An instant between two boundaries, to be read at the second."""

    def boundary(self, marks: Sequence[Any]) -> tuple[int, list[int]]:
        """Nanoseconds now, all submitted work being done, and those of the marks since."""


class HostClock:
    """The monotonic clock of the host; work on a CPU is done when its call returns."""

    def __init__(self, now: Callable[[], int] = time.perf_counter_ns) -> None:
        self.mark = self._now = now

    def boundary(self, marks: Sequence[int]) -> tuple[int, list[int]]:
        """Host marks are instants already."""
        return self._now(), list(marks)


class CudaClock:
    """Marks are events on the compute stream, so that no step waits for the device.

    Only a boundary synchronises. The device is idle then, and the event recorded at that
    moment ties the device's time to the host's.

    Args:
        cuda: the module ``torch.cuda``.
        now: the host's monotonic clock, in nanoseconds.
    """

    def __init__(self, cuda: Any, now: Callable[[], int] = time.perf_counter_ns) -> None:
        self._cuda = cuda
        self._now = now
        self._anchor: tuple[Any, int] | None = None

    def mark(self) -> Any:
        """Record an event on the current stream."""
        event = self._cuda.Event(enable_timing=True)
        event.record()
        return event

    def boundary(self, marks: Sequence[Any]) -> tuple[int, list[int]]:
        """Wait for the stream; event times have a resolution of about 0.5 us."""
        self._cuda.current_stream().synchronize()
        now = self._now()
        instants: list[int] = []
        if marks and self._anchor is not None:
            event, since = self._anchor
            # rounding must not carry a mark past the boundary that closes it
            instants = [min(now, since + round(event.elapsed_time(m) * 1e6)) for m in marks]
        self._anchor = (self.mark(), now)
        return now, instants


def clock_for(device_type: str) -> Clock:
    """The clock that fits a torch device type, ``cpu`` or ``cuda``."""
    if device_type == "cuda":
        import torch

        return CudaClock(torch.cuda)
    return HostClock()
