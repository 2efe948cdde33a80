"""Where blocks run: on this machine, on a Ray cluster, on Slurm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalskip.engines.base import Engine
from evalskip.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from evalskip.spec import Spec

ENGINES = ("local", "ray", "slurm")


def engine_for(
    name: str,
    spec: Spec,
    logs: Path,
    on_ready: Callable[[dict[str, Any]], None],
    *,
    address: str | None = None,
    gpus: int | None = None,
    options: Mapping[str, str] | None = None,
) -> Engine:
    """An engine, ready for blocks.

    Args:
        name: one of ``ENGINES``.
        spec: of the experiment.
        logs: an existing folder for what the runs print.
        on_ready: called with what a block's parent prepared.
        address: of a Ray cluster.
        gpus: of a node, for a block; None: as the job says that knows this machine only.
        options: of Slurm's ``sbatch``, by name.

    Raises:
        InputError: there is no such engine, or it is not there, or nothing there has what a block
            needs.
    """
    if address and name != "ray":
        raise InputError("--address: expected --engine ray as well, whose cluster it names")
    if options and name != "slurm":
        raise InputError("--slurm: expected --engine slurm as well, whose jobs it is for")
    if gpus is not None and name == "local":
        raise InputError("--gpus: expected --engine ray or slurm as well, which allots them")
    if name == "ray":
        from evalskip.engines.ray import RayEngine

        return RayEngine(spec, logs, on_ready, gpus, address)
    if name == "slurm":
        from evalskip.engines.slurm import SlurmEngine

        return SlurmEngine(spec, logs, on_ready, gpus, options)
    if name != "local":
        raise InputError(f"--engine {name}: expected one of {', '.join(ENGINES)}")
    from evalskip.engines.local import LocalEngine

    return LocalEngine(spec, logs, on_ready)


__all__ = ["ENGINES", "Engine", "engine_for"]
