"""What a machine is: what must be equal for two results to be compared."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Any

import psutil

from evalskip.machine.devices import gpus, usable_cores

MODEL_FIELDS = ("processor", "cores", "memory_gib", "gpus")
"""Fields that tell one model of machine from another."""


def fingerprint() -> dict[str, Any]:
    """The hardware and the system, without anything that names this one machine."""
    return {
        "processor": _processor(),
        "cores": usable_cores(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30),
        "gpus": list(gpus()),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def same_model(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two fingerprints are of the same model of machine; those that say nothing are not."""
    return bool(one) and all(one.get(field) == other.get(field) for field in MODEL_FIELDS)


def _processor() -> str:
    """Vendor's name, family, model and stepping, since virtual machines shorten the name."""
    values: dict[str, str] = {}
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            key, _, value = line.partition(":")
            values.setdefault(key.strip(), value.strip())
    except OSError:
        return platform.processor() or platform.machine()
    name = values.get("model name", platform.machine())
    parts = [values.get(key) for key in ("cpu family", "model", "stepping")]
    return f"{name} ({'/'.join(part for part in parts if part)})" if any(parts) else name
