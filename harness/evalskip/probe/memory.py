"""Peak memory per phase, read and reset at each phase boundary."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Meter(Protocol):
    """Reads the peak since the last reset, in bytes."""

    def reset(self) -> None:
        """Forget the peak so far."""

    def read(self) -> dict[str, int]:
        """Peaks since the last reset, by quantity."""


class ResidentMeter:
    """Peak resident set of this process, from Linux's ``/proc``.

    Writing 5 to ``clear_refs`` resets the high-water mark (``man 5 proc``). What makes the
    figure repeatable, fixed malloc thresholds, costs speed: use it in runs of its own.
    """

    def __init__(self, process: Path = Path("/proc/self")) -> None:
        self._clear = process / "clear_refs"
        self._status = process / "status"

    def reset(self) -> None:
        """Set the high-water mark to what is resident now."""
        self._clear.write_text("5")

    def read(self) -> dict[str, int]:
        """``resident``: VmHWM in bytes."""
        for line in self._status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return {"resident": int(line.split()[1]) * 1024}
        return {}


class CudaMeter:
    """Peak allocated and peak reserved memory of the current device, and allocator retries.

    ``process`` is what the driver says this process holds, context included, where NVML's
    Python binding is installed; it is read at the boundary, not a peak.

    Args:
        cuda: the module ``torch.cuda``.
    """

    def __init__(self, cuda: Any) -> None:
        self._cuda = cuda
        self._process_bytes = _nvml_reader(cuda)
        self._retries = 0

    def reset(self) -> None:
        """Set both peaks to what is held now, and count retries from now."""
        self._cuda.reset_peak_memory_stats()
        self._retries = self._all_retries()

    def read(self) -> dict[str, int]:
        """``allocated``, ``reserved``, ``retries`` since the reset, ``process``."""
        reading = {
            "allocated": self._cuda.max_memory_allocated(),
            "reserved": self._cuda.max_memory_reserved(),
            "retries": self._all_retries() - self._retries,
        }
        process = self._process_bytes()
        if process is not None:
            reading["process"] = process
        return reading

    def _all_retries(self) -> int:
        return int(self._cuda.memory_stats().get("num_alloc_retries", 0))


def _nvml_reader(cuda: Any) -> Any:
    """A function that returns this process's bytes on its device, or None where unknown."""
    try:
        import pynvml

        pynvml.nvmlInit()
        uuid = f"GPU-{cuda.get_device_properties(cuda.current_device()).uuid}"
        handle = pynvml.nvmlDeviceGetHandleByUUID(uuid)
    except Exception:  # the binding, the driver or the property is missing: no figure then
        return lambda: None

    def read() -> int | None:
        for process in pynvml.nvmlDeviceGetComputeRunningProcesses(handle):
            if process.pid == os.getpid() and process.usedGpuMemory:
                return int(process.usedGpuMemory)
        return None

    return read


def peak_per_phase(stretches: list[dict[str, Any]]) -> dict[str, dict[str, int]]:
    """The largest reading of each quantity over all stretches of each phase; retries add up."""
    peaks: dict[str, dict[str, int]] = {}
    for stretch in stretches:
        peak = peaks.setdefault(stretch["phase"], {})
        for quantity, value in stretch.items():
            if quantity not in ("phase", "after_step"):
                previous = peak.get(quantity, 0)
                peak[quantity] = previous + value if quantity == "retries" else max(value, previous)
    return peaks


def highest(readings: Iterable[Mapping[str, Mapping[str, int]]]) -> dict[str, dict[str, int]]:
    """Of each part and quantity the highest of several readings."""
    maxima: dict[str, dict[str, int]] = {}
    for reading in readings:
        for part, quantities in reading.items():
            peaks = maxima.setdefault(part, {})
            for quantity, value in quantities.items():
                peaks[quantity] = max(value, peaks.get(quantity, 0))
    return maxima


def train_peaks(stretches: list[dict[str, Any]]) -> dict[str, dict[str, int]]:
    """The peaks of train steps before the first evaluation and after it, where both are there."""
    phases = [stretch["phase"] for stretch in stretches]
    if "evaluate" not in phases:
        return {}
    first = phases.index("evaluate")
    # what is called train beside a closing evaluation or a log has no step in it
    counts = [0, *(stretch["after_step"] for stretch in stretches)]
    parts: dict[str, list[dict[str, Any]]] = {"before_evaluation": [], "after_evaluation": []}
    for position, stretch in enumerate(stretches):
        if stretch["phase"] == "train" and counts[position + 1] > counts[position]:
            parts["after_evaluation" if position > first else "before_evaluation"].append(stretch)
    peaks = {name: peak_per_phase(part).get("train", {}) for name, part in parts.items()}
    return peaks if all(peaks.values()) else {}
