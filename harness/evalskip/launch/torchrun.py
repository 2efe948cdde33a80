"""Starts each run on several processes, by torchrun."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import sys
from typing import TYPE_CHECKING, Any

from evalskip.errors import InputError, MeasurementError
from evalskip.launch.base import reported
from evalskip.launch.bundle import bundle, fresh_scratch
from evalskip.launch.process import Process
from evalskip.launch.ranks import collected
from evalskip.probe.measured import Prepared, parsed
from evalskip.worker.rank import VARIABLE
from evalskip.worker.runner import last_lines

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from evalskip.jobs import Measure, RunRequest
    from evalskip.jobs.distributed import DistributedJob
    from evalskip.launch.base import Outcome

_ENTRY = "evalskip.worker.rank"


def torchrun(python: str, processes: int, nodes: int) -> list[str]:
    """The beginning of a command that starts so many processes on each of so many nodes.

    On one node torchrun starts them; on several Slurm starts a torchrun on each node of the
    allocation that we are in.

    Args:
        python: the interpreter.
        processes: of each node.
        nodes: how many.

    Raises:
        InputError: there is no allocation of so many nodes.
    """
    words = [python, "-m", "torch.distributed.run", "--nproc-per-node", str(processes)]
    if nodes == 1:
        return [*words, "--standalone"]
    allocated = int(os.environ.get("SLURM_JOB_NUM_NODES", "1"))
    if allocated < nodes:
        raise InputError(
            f"job.nodes: expected at most {allocated}, which is what this Slurm allocation has, "
            f"got {nodes}; --engine slurm allocates them"
        )
    with socket.socket() as free:
        free.bind(("", 0))
        place = f"{socket.gethostname()}:{free.getsockname()[1]}"
    started = ["srun", "--nodes", str(nodes), "--ntasks-per-node", "1", "--overlap"]
    meeting = ["--rdzv-backend", "c10d", "--rdzv-endpoint", place, "--rdzv-id", place]
    return [*started, *words, "--nnodes", str(nodes), *meeting]


def said_by_rank(log: Path) -> str | None:
    """The first error that a rank printed: what torchrun prints after it says little."""
    match = re.search(
        r"^(?:\[rank\d+\]: )?((?:\w+\.)*\w*(?:Error|Exception)\b: .+)$",
        log.read_text(errors="replace"),
        re.MULTILINE,
    )
    return match.group(1)[:500] if match else None


class TorchrunLauncher:
    """Every run imports and prepares for itself, in each of its ranks, and each of them reports."""

    def __init__(
        self, job: DistributedJob, measure: Measure, logs: Path, start_time: float
    ) -> None:
        self._job, self._logs = job, logs
        self._python = job.interpreter or sys.executable
        self._command()  # so that what cannot be started is said at once
        self._scratch = fresh_scratch(logs)
        self._environment = {**os.environ, **job.environment(measure)}
        if job.interpreter:
            place = self._scratch / "travelled"
            self._environment["PYTHONPATH"] = bundle(place, self._environment)
        self._process = Process("job.python", sees_all=job.nodes == 1)
        alone = [self._python, "-m", _ENTRY]
        outcome, reports = self._ended(alone, None, [], logs / "parent.log", start_time)
        if not reports:
            raise MeasurementError(f"a block could not be prepared: {outcome.error}")
        # each rank prepares again, and its set-up says what that takes
        self.prepared = parsed(Prepared, {**reports[0], "setup_ns": {}})

    def run(self, request: RunRequest, limit_s: float) -> Outcome:
        """Start all ranks and wait for their end.

        Raises:
            InputError: what the user wrote makes no run.
        """
        # one folder for all ranks, which all write into the job's output
        folder = self._scratch / "run"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        content = request.model_dump(mode="json") | {"output": request.output or str(folder)}
        samples = [request.evaluation_samples] if request.evaluation_samples else []
        log = self._logs / f"{request.id.name}.log"
        outcome, reports = self._ended(self._command(), content, samples, log, limit_s)
        return reported(outcome, reports, request) if reports else outcome

    def close(self) -> None:
        """Leave no process behind, and nothing that a run wrote."""
        self._process.end()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def _command(self) -> list[str]:
        job = self._job
        return [*torchrun(self._python, job.processes or 1, job.nodes), "-m", _ENTRY]

    def _ended(
        self,
        command: list[str],
        request: dict[str, Any] | None,
        evaluation_samples: Sequence[int],
        log: Path,
        limit_s: float,
    ) -> tuple[Outcome, list[dict[str, Any]]]:
        """How it ended, and what each rank reported, if all did."""
        folder = self._scratch / "told"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        report, failure = folder / "report.json", folder / "failure.json"
        assignment = {
            "runner": self._job.runner,
            "settings": self._job.model_dump(mode="json"),
            "evaluation_samples": list(evaluation_samples),
            "request": request,
            "report": str(report),
            "failure": str(failure),
        }
        outcome = self._process.run(
            command, {**self._environment, VARIABLE: json.dumps(assignment)}, log, limit_s
        )
        if outcome.status == "timed_out":
            return outcome, []
        if failure.exists():
            fields = json.loads(failure.read_text())
            if fields["status"] == "refused":
                raise InputError(fields["error"])
            return outcome.model_copy(update=fields), []
        if outcome.status != "ok":
            return outcome, []
        reports = collected(report)
        if reports is None:
            error = f"not every rank reported\n{last_lines(log)}"
            return outcome.model_copy(update={"status": "failed", "error": error}), []
        return outcome, reports
