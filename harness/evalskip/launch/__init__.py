"""How a run starts: a child of a warm parent, a command, by torchrun, or inside the harness."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.jobs.command import CommandJob
from evalskip.jobs.distributed import DistributedJob
from evalskip.launch.base import Launcher, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from evalskip.jobs import Job, Measure


def launcher_for(
    job: Job, measure: Measure, evaluation_samples: Sequence[int], logs: Path, start_time: float
) -> Launcher:
    """A launcher, ready for one block.

    Args:
        job: whose runs it will start.
        measure: what they will measure.
        evaluation_samples: sizes of the evaluation sets that they will need.
        logs: an existing folder for what the runs print.
        start_time: seconds in which a parent must be ready.

    Raises:
        MeasurementError: the parent could not be made ready.
    """
    if job.is_virtual:
        from evalskip.launch.inline import InlineLauncher

        return InlineLauncher(job, evaluation_samples)
    if isinstance(job, CommandJob):
        from evalskip.launch.spawn import SpawnLauncher

        return SpawnLauncher(job, measure, logs)
    if isinstance(job, DistributedJob) and job.by_torchrun:
        from evalskip.launch.torchrun import TorchrunLauncher

        return TorchrunLauncher(job, measure, logs, start_time)
    from evalskip.launch.fork import ForkLauncher

    return ForkLauncher(job, measure, evaluation_samples, logs, start_time)


__all__ = ["Launcher", "Outcome", "launcher_for"]
