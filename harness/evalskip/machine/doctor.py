"""Is this machine fit to measure on, and what would make it fitter?"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from evalskip.machine.devices import usable_cores
from evalskip.machine.disturbance import BUSY_CORES
from evalskip.machine.steadying import steadying

if TYPE_CHECKING:
    from collections.abc import Callable

_CPU = Path("/sys/devices/system/cpu")

# below this a run that leaves cores to others loses more than it gains
_CORES_TO_SPARE = 8


@dataclass(frozen=True)
class Finding:
    """One thing looked at. ``advice`` is empty where nothing is to be changed."""

    what: str
    seen: str
    advice: str = ""

    @property
    def fit(self) -> bool:
        """Whether it is as it should be, or cannot be seen."""
        return not self.advice


def examine(seconds: float = 2.0) -> list[Finding]:
    """Look at everything; watching for neighbours takes ``seconds``."""
    checks: tuple[Callable[[], Finding], ...] = (
        _governor,
        _turbo,
        lambda: _neighbours(seconds),
        _quota,
        _threads,
        _pinning,
        _allocator,
        _waiting,
        _memory,
    )
    return [check() for check in checks]


def _governor() -> Finding:
    governors = {_read(path) for path in _CPU.glob("cpu[0-9]*/cpufreq/scaling_governor")} - {""}
    if not governors:
        return Finding("frequency governor", "not shown by this machine")
    seen = ", ".join(sorted(governors))
    if governors == {"performance"}:
        return Finding("frequency governor", seen)
    return Finding("frequency governor", seen, "set it: cpupower frequency-set -g performance")


def _turbo() -> Finding:
    for path, on in (("intel_pstate/no_turbo", "0"), ("cpufreq/boost", "1")):
        value = _read(_CPU / path)
        if value == on:
            return Finding("turbo", "on", f"turn it off: echo {1 - int(on)} > {_CPU / path}")
        if value:
            return Finding("turbo", "off")
    return Finding("turbo", "not shown by this machine")


def _neighbours(seconds: float) -> Finding:
    """Who else used the CPUs just now, and what the hypervisor withheld."""
    processes = {p.pid: p for p in psutil.process_iter() if p.pid != os.getpid()}
    before = {pid: _spent(process) for pid, process in processes.items()}
    steal = getattr(psutil.cpu_times(), "steal", 0.0)
    time.sleep(seconds)
    stolen = (getattr(psutil.cpu_times(), "steal", 0.0) - steal) / seconds
    used = {pid: (_spent(p) - before[pid]) / seconds for pid, p in processes.items()}
    total = sum(share for share in used.values() if share > 0)
    if stolen > BUSY_CORES:
        return Finding("neighbours", f"{stolen:.1f} cores withheld", "move to a quieter host")
    if total <= BUSY_CORES:
        return Finding("neighbours", f"{total:.2f} cores busy")
    busiest = sorted(used, key=lambda pid: -used[pid])[:3]
    names = ", ".join(f"{_name(processes[pid])} ({used[pid]:.1f})" for pid in busiest if used[pid])
    return Finding("neighbours", f"{total:.1f} cores busy: {names}", "stop them while measuring")


def _quota() -> Finding:
    """A CPU quota makes a job stall in the middle of a step."""
    quota = _read(Path("/sys/fs/cgroup/cpu.max")).split()
    if not quota or quota[0] == "max":
        return Finding("CPU quota", "none")
    cores = int(quota[0]) / int(quota[1])
    return Finding("CPU quota", f"{cores:g} cores", "pin cores (a cpuset) instead of a quota")


def _threads() -> Finding:
    cores, threads = usable_cores(), os.environ.get("OMP_NUM_THREADS")
    if threads and threads.isdecimal() and int(threads) > cores:
        return Finding(
            "threads", f"OMP_NUM_THREADS={threads} on {cores} cores", "unset OMP_NUM_THREADS"
        )
    siblings = {_read(path) for path in _CPU.glob("cpu[0-9]*/topology/thread_siblings_list")} - {""}
    shared = any("," in entry or "-" in entry for entry in siblings)
    if shared:
        half = max(1, cores // 2)
        return Finding(
            "threads", f"{cores} cores, sharing pipelines in pairs", f"set job.threads: {half}"
        )
    return Finding("threads", f"{cores} cores, one thread each")


def _allocator() -> Finding:
    return _steadied("memory allocator", ("MALLOC_", "GLIBC_TUNABLES", "LD_PRELOAD"))


def _waiting() -> Finding:
    """How a thread waits for another decides what a neighbour costs."""
    return _steadied("waiting threads", ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"))


def _steadied(what: str, names: tuple[str, ...]) -> Finding:
    """What the user has set of it, or else what runs are given."""
    given = steadying(os.environ)
    seen = {n: v for n, v in sorted((os.environ | given).items()) if n.startswith(names)}
    text = ", ".join(f"{name}={value}" for name, value in seen.items())
    by = "applied to timed runs" if any(name in given for name in seen) else "as you have set"
    return Finding(what, f"{text} ({by})")


def _pinning() -> Finding:
    cores, usable = os.cpu_count() or 1, usable_cores()
    if usable < cores:
        return Finding("pinned cores", f"runs keep to {usable} of {cores} cores")
    if cores < _CORES_TO_SPARE:
        return Finding("pinned cores", f"none: a run needs all {cores}")
    half = cores // 2
    return Finding(
        "pinned cores",
        f"none of {cores}",
        f"leave some to the rest of the machine: taskset -c {half}-{cores - 1} make bench",
    )


def _memory() -> Finding:
    memory, swap = psutil.virtual_memory(), psutil.swap_memory()
    seen = f"{memory.available / 2**30:.1f} GiB available"
    if swap.used > 2**28:
        return Finding("memory", f"{seen}, {swap.used / 2**30:.1f} GiB swapped out", "free memory")
    if memory.available < 2 * 2**30:
        return Finding("memory", seen, "free memory: a run wants about 1 GiB")
    return Finding("memory", seen)


def _spent(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system)


def _name(process: psutil.Process) -> str:
    try:
        return process.name()
    except psutil.Error:
        return "ended"


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
