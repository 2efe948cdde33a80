"""What the machine was doing while a run was on, sampled once per second from outside it."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pynvml

from evalskip.machine.devices import gpu_handle

if TYPE_CHECKING:
    from collections.abc import Sequence

FIELDS = ("at_s", "busy_s", "steal_s", "own_s", "pressure_s")
"""Columns of a sample: seconds since the run began; CPU seconds that the whole host was busy and
was robbed of since the sample before; those of the run itself; seconds in which something waited
for a CPU."""

_SAMPLE_S = 1.0

_BUSY = ("user", "nice", "system", "irq", "softirq")


def means_of(samples: Sequence[Sequence[float]]) -> dict[str, float]:
    """Means over a run of what samples say; empty where there is none.

    Returns:
        ``own_cores`` that the run kept busy; ``others_cores`` that all else did, or a hypervisor
        withheld; ``waiting``, the share of the time in which something waited for a CPU.
    """
    passed = samples[-1][0] if samples else 0.0
    if not passed:
        return {}
    sums = dict(zip(FIELDS, map(sum, zip(*samples, strict=True)), strict=True))
    others = max(sums["busy_s"] - sums["own_s"], sums["steal_s"], 0.0)
    return {
        "own_cores": sums["own_s"] / passed,
        "others_cores": others / passed,
        "waiting": min(1.0, sums["pressure_s"] / passed),
    }


class ActivitySampler:
    """Samples the host and one process with its children.

    Args:
        pid: the run's process.
        gpu: index or UUID of the device to read, or None.
    """

    def __init__(self, pid: int, gpu: str | None = None) -> None:
        self._process = psutil.Process(pid)
        self._gpu = gpu
        self._began = time.monotonic()
        self._last = self._read()
        self.samples: list[list[float]] = []
        self.gpu_samples: list[dict[str, Any]] = []

    def due_in(self) -> float:
        """Seconds until the next sample should be taken."""
        return self._last[0] + _SAMPLE_S - time.monotonic()

    def sample(self) -> None:
        """Add one sample of what has passed since the last."""
        now = self._read()
        passed = [round(new - old, 6) for new, old in zip(now[1:], self._last[1:], strict=True)]
        self.samples.append([round(now[0] - self._began, 6), *passed])
        self._last = now
        if self._gpu is not None:
            self.gpu_samples.append(_gpu_state(self._gpu))

    def _read(self) -> list[float]:
        host = psutil.cpu_times()
        # guest time is counted in user time already
        busy = sum(getattr(host, name, 0.0) for name in _BUSY)
        return [time.monotonic(), busy, getattr(host, "steal", 0.0), self._own(), _cpu_pressure()]

    def _own(self) -> float:
        """CPU seconds of the run's process and its descendants, those waited for included."""
        try:
            times = self._process.cpu_times()
            own = times.user + times.system + times.children_user + times.children_system
            for child in self._process.children(recursive=True):
                with suppress(psutil.Error):
                    times = child.cpu_times()
                    own += times.user + times.system + times.children_user + times.children_system
        except psutil.Error:  # it has just ended
            return self._last[3]
        return float(own)


def _cpu_pressure() -> float:
    """Seconds in which at least one task waited for a CPU (``some total`` of Linux's PSI)."""
    try:
        first = Path("/proc/pressure/cpu").read_text().splitlines()[0]
        return int(first.rpartition("=")[2]) / 1e6
    except (OSError, ValueError, IndexError):
        return 0.0


def _gpu_state(gpu: str) -> dict[str, Any]:
    """Clocks in MHz, power in W, and the driver's reasons for throttling (a bit mask)."""
    try:
        handle = gpu_handle(gpu)
        return {
            "sm_mhz": pynvml.nvmlDeviceGetClockInfo(handle, pynvml.NVML_CLOCK_SM),
            "memory_mhz": pynvml.nvmlDeviceGetClockInfo(handle, pynvml.NVML_CLOCK_MEM),
            "power_w": pynvml.nvmlDeviceGetPowerUsage(handle) / 1000,
            "throttle_reasons": pynvml.nvmlDeviceGetCurrentClocksThrottleReasons(handle),
        }
    except pynvml.NVMLError:
        return {}
