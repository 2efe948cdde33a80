"""Blocks as jobs of Slurm, by submitit."""

from __future__ import annotations

import math
import os
import subprocess
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from evalskip.engines.remote import Lost, RemoteEngine, needs_of, run_on_node
from evalskip.errors import InputError, MeasurementError
from evalskip.files import append_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from evalskip.probe.measured import Prepared
    from evalskip.spec import Spec

try:
    import submitit
    from submitit.core.utils import FailedJobError, FailedSubmissionError
except ImportError:
    raise InputError("--engine slurm: expected pip install 'evalskip[slurm]'") from None

_AT_ONCE = 32
"""Blocks that wait in Slurm's queue, or run, at the same time."""
_LOOK_S = 1.0
_GRACE_S = 60.0
_SHARED_S = 10.0
"""Until a file that a node wrote is seen here."""


class Options(BaseModel):
    """What a user may say of Slurm; what is not named here is handed to ``sbatch``."""

    model_config = ConfigDict(extra="allow")

    gpus: int | None = Field(
        default=None, ge=0, description="of a node, for a block; none: as the job says from here"
    )


class SlurmEngine(RemoteEngine["submitit.Job[Any]"]):
    """A block is a job of Slurm; its folder of logs is where all nodes see it.

    Args:
        spec: of the experiment.
        logs: an existing folder that the nodes share, for what the runs print.
        on_ready: called with what a block's parent prepared.
        options: of Slurm.

    Raises:
        InputError: there is no Slurm here.
    """

    room = _AT_ONCE

    def __init__(
        self,
        spec: Spec,
        logs: Path,
        on_ready: Callable[[Prepared], None],
        options: Options,
    ) -> None:
        super().__init__(spec, logs, on_ready)
        needs = needs_of(spec, options.gpus)
        try:
            self._executor = submitit.SlurmExecutor(folder=logs.absolute() / "slurm")
        except RuntimeError:
            raise InputError("--engine slurm: expected sbatch on the path, found none") from None
        self._submitted = logs / "slurm" / "submitted.txt"
        self._cancel_orphans()
        self._executor.update_parameters(
            job_name="evalskip",
            cpus_per_task=needs.cpus,
            gpus_per_node=needs.gpus or None,
            # whatever else runs there would disturb what is measured
            exclusive=True if needs.cpus is None else None,
            use_srun=False,
            additional_parameters={
                # one of them runs the block, and has the others train along
                "nodes": spec.job.nodes_needed,
                # a block that is lost is an attempt of its own
                "no_requeue": True,
                **(options.model_extra or {}),
            },
        )

    def _cancel_orphans(self) -> None:
        """End jobs of a harness that was killed: their blocks are begun again."""
        if self._submitted.exists():
            orphans = _queued() & set(self._submitted.read_text().split())
            if orphans:
                subprocess.run(["scancel", *sorted(orphans)], check=False)
            self._submitted.unlink()
        self._submitted.parent.mkdir(exist_ok=True)

    def _submit(self, task: dict[str, Any]) -> submitit.Job[Any]:
        runs = len(task["runs"])
        # a run that exceeds its own limit is to be recorded as such
        limit_s = self._spec.limits.start_time + runs * (task["limit_s"] + _GRACE_S) + _GRACE_S
        self._executor.update_parameters(time=math.ceil(limit_s / 60))
        try:
            with _complaints_kept():
                job = self._executor.submit(_on_node, task)
        except (FailedSubmissionError, FailedJobError, subprocess.CalledProcessError) as error:
            errors = [line for line in str(error).splitlines() if "error:" in line] or [str(error)]
            text = errors[-1].partition("error:")[2].strip() or errors[-1]
            raise InputError(f"--engine slurm: sbatch: {text}") from None
        append_line(self._submitted, job.job_id)
        return job

    def _first_ended(self, handles: Sequence[submitit.Job[Any]]) -> submitit.Job[Any]:
        while True:
            # in this order: a job that has ended since then has left its result
            queued = _queued()
            for job in handles:
                if job.paths.result_pickle.exists() or job.job_id not in queued:
                    return job
            time.sleep(_LOOK_S)

    def _result(self, handle: submitit.Job[Any]) -> dict[str, Any]:
        deadline = time.monotonic() + _SHARED_S
        while not handle.paths.result_pickle.exists():
            if time.monotonic() > deadline:
                raise Lost(f"Slurm's job {handle.job_id} ended without a result")
            time.sleep(_LOOK_S)
        try:
            answer: dict[str, Any] = handle.result()
        except FailedJobError as error:  # a mistake of ours, or of the node's environment
            last = str(error).strip().splitlines()[-1]
            raise MeasurementError(f"a block failed on its node: {last}") from error
        return answer

    def _cancel(self, handle: submitit.Job[Any]) -> None:
        with suppress(subprocess.CalledProcessError, OSError):
            handle.cancel()


@contextmanager
def _complaints_kept() -> Iterator[None]:
    """Keep what sbatch writes to our standard error: the error that is raised says it again."""
    stays = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(stays, 2)
        os.close(stays)
        os.close(nowhere)


def _queued() -> set[str]:
    """Jobs that wait or run, by what needs no accounting.

    Raises:
        MeasurementError: Slurm does not answer.
    """
    for last in (False, False, True):
        reply = subprocess.run(
            ["squeue", "--noheader", "--me", "--format", "%A"], capture_output=True, text=True
        )
        if reply.returncode == 0:
            break
        if last:
            raise MeasurementError(f"squeue: {reply.stderr.strip()}")
        time.sleep(_SHARED_S)
    return set(reply.stdout.split())


def _on_node(task: dict[str, Any]) -> dict[str, Any]:
    return run_on_node({**task, "node": os.environ.get("SLURMD_NODENAME", "node")})


ENGINE = SlurmEngine
