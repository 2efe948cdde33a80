"""What a machine is: what must be equal for two results to be compared."""

from __future__ import annotations

import platform
from pathlib import Path

import psutil
from pydantic import BaseModel, ConfigDict, Field

from evalskip.machine.devices import gpus, usable_cores

_MODEL = ("processor", "cores", "memory_gib", "gpus")


class Machine(BaseModel):
    """The hardware and the system, without anything that names this one machine."""

    model_config = ConfigDict(extra="forbid")

    processor: str = Field(description="vendor's name, family, model and stepping")
    cores: int = Field(description="that a process may use")
    memory_gib: int = Field(description="of memory, in GiB")
    gpus: list[str] = Field(description="by name")
    system: str = Field(description="operating system and its release")
    python: str = Field(description="version")

    def differing(self, other: Machine) -> str | None:
        """The first field by which another is not of the same model of machine; None: it is."""
        return next((f for f in _MODEL if getattr(self, f) != getattr(other, f)), None)


class Node(Machine):
    """One of several machines that blocks are run on."""

    name: str


def fingerprint() -> Machine:
    """That of this machine."""
    return Machine(
        processor=_processor(),
        cores=usable_cores(),
        memory_gib=round(psutil.virtual_memory().total / 2**30),
        gpus=list(gpus()),
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
    )


def same_model(one: Machine | None, other: Machine | None) -> bool:
    """Whether two are of the same model of machine; those that nothing is known of are not."""
    return one is not None and other is not None and one.differing(other) is None


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
