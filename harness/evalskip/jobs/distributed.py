"""What jobs have in common that can train on several processes."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from pydantic import Field

from evalskip.errors import InputError
from evalskip.jobs.base import BaseJob
from evalskip.jobs.environment import training_environment
from evalskip.machine.devices import usable_cores

if TYPE_CHECKING:
    from evalskip.jobs.base import Measure


class DistributedJob(BaseJob):
    """A job whose runs torchrun can start on several processes, and on several nodes."""

    processes: int | None = Field(
        default=None,
        ge=1,
        description="start each run by torchrun, on so many processes of each node; unset: one "
        "process and no torchrun",
    )
    nodes: int = Field(
        default=1, ge=1, description="nodes of each run, in an allocation of Slurm that has them"
    )
    threads: int | None = Field(
        default=None, ge=1, description="CPU threads of each process; all cores together if unset"
    )

    @property
    def by_torchrun(self) -> bool:
        """Whether torchrun starts the runs."""
        return self.processes is not None or self.nodes > 1

    @property
    def ranks(self) -> int:
        return (self.processes or 1) * self.nodes

    @property
    def cpus(self) -> int | None:
        return None if self.threads is None else self.threads * (self.processes or 1)

    @property
    def gpus(self) -> int:
        return (self.processes or 1) if self.on_cuda else 0

    @property
    def nodes_needed(self) -> int:
        return self.nodes

    @property
    @abstractmethod
    def on_cuda(self) -> bool:
        """Whether runs will use CUDA devices."""

    def training_environment(self, measure: Measure) -> dict[str, str]:
        """Variables under which each of its processes starts."""
        processes = self.processes or 1
        return training_environment(
            measure,
            threads=self.threads or max(1, usable_cores() // processes),
            on_cuda=self.on_cuda,
            ranks=processes,
        )

    def check_alone(self, what: str) -> None:
        """See that one process makes the runs, where more are of no use.

        Raises:
            InputError: torchrun starts them.
        """
        if self.by_torchrun:
            raise InputError(f"job.processes: {what} on one process only")
