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
from evalskip.notes import Note, note

if TYPE_CHECKING:
    from collections.abc import Callable

_CPU = Path("/sys/devices/system/cpu")

# below this a run that leaves cores to others loses more than it gains
_CORES_TO_SPARE = 8


@dataclass(frozen=True)
class Finding:
    """One thing examined.

    ``what`` is its code, ``reading`` what was observed of it, and ``advice`` what to change, if
    anything.
    """

    what: str
    reading: Note
    advice: Note | None = None

    @property
    def fit(self) -> bool:
        """Whether it is as it should be, or cannot be seen."""
        return self.advice is None


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
        return Finding("frequency_governor", note("not_shown"))
    reading = note("names", names=sorted(governors))
    if governors == {"performance"}:
        return Finding("frequency_governor", reading)
    return Finding("frequency_governor", reading, note("set_governor"))


def _turbo() -> Finding:
    for path, on in (("intel_pstate/no_turbo", "0"), ("cpufreq/boost", "1")):
        value = _read(_CPU / path)
        if value == on:
            turn_off = note("turn_turbo_off", value=1 - int(on), path=str(_CPU / path))
            return Finding("turbo", note("on"), turn_off)
        if value:
            return Finding("turbo", note("turned_off"))
    return Finding("turbo", note("not_shown"))


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
        return Finding(
            "neighbours", note("cores_withheld", cores=stolen), note("move_to_quieter_host")
        )
    if total <= BUSY_CORES:
        return Finding("neighbours", note("cores_busy", cores=total))
    busiest = sorted(used, key=lambda pid: -used[pid])[:3]
    names = [f"{_name(processes[pid])} ({used[pid]:.1f})" for pid in busiest if used[pid]]
    return Finding(
        "neighbours", note("cores_busy_with", cores=total, names=names), note("stop_neighbours")
    )


def _quota() -> Finding:
    """A CPU quota makes a job stall in the middle of a step."""
    quota = _read(Path("/sys/fs/cgroup/cpu.max")).split()
    if not quota or quota[0] == "max":
        return Finding("cpu_quota", note("none"))
    cores = int(quota[0]) / int(quota[1])
    return Finding("cpu_quota", note("quota_of_cores", cores=cores), note("pin_instead_of_quota"))


def _threads() -> Finding:
    cores, threads = usable_cores(), os.environ.get("OMP_NUM_THREADS")
    if threads and threads.isdecimal() and int(threads) > cores:
        too_many = note("too_many_threads", threads=int(threads), cores=cores)
        return Finding("threads", too_many, note("unset_threads"))
    siblings = {_read(path) for path in _CPU.glob("cpu[0-9]*/topology/thread_siblings_list")} - {""}
    shared = any("," in entry or "-" in entry for entry in siblings)
    if shared:
        half = max(1, cores // 2)
        return Finding(
            "threads", note("cores_share_pipelines", cores=cores), note("set_threads", threads=half)
        )
    return Finding("threads", note("one_thread_each", cores=cores))


def _allocator() -> Finding:
    return _steadied("memory_allocator", ("MALLOC_", "GLIBC_TUNABLES", "LD_PRELOAD"))


def _waiting() -> Finding:
    """How a thread waits for another decides what a neighbour costs."""
    return _steadied("waiting_threads", ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"))


def _steadied(what: str, names: tuple[str, ...]) -> Finding:
    """What the user has set of it, or else what runs are given."""
    defaults = steadying(os.environ)
    reading = {n: v for n, v in sorted((os.environ | defaults).items()) if n.startswith(names)}
    settings = [f"{name}={value}" for name, value in reading.items()]
    code = "settings_applied" if any(name in defaults for name in reading) else "settings_of_user"
    return Finding(what, note(code, settings=settings))


def _pinning() -> Finding:
    cores, usable = os.cpu_count() or 1, usable_cores()
    if usable < cores:
        return Finding("pinned_cores", note("pinned_to_cores", usable=usable, cores=cores))
    if cores < _CORES_TO_SPARE:
        return Finding("pinned_cores", note("all_cores_needed", cores=cores))
    return Finding(
        "pinned_cores",
        note("no_core_pinned", cores=cores),
        note("pin_some", first=cores // 2, last=cores - 1),
    )


def _memory() -> Finding:
    memory, swap = psutil.virtual_memory(), psutil.swap_memory()
    available = memory.available / 2**30
    if swap.used > 2**28:
        reading = note("memory_swapped_out", available=available, swapped=swap.used / 2**30)
        return Finding("memory", reading, note("free_memory"))
    reading = note("memory_available", available=available)
    if memory.available < 2 * 2**30:
        return Finding("memory", reading, note("free_memory_for_run"))
    return Finding("memory", reading)


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
