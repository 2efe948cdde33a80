"""Starts each run as a command of the user's, in a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from typing import TYPE_CHECKING

from evalskip.launch.base import reported
from evalskip.launch.bundle import bundle, fresh_scratch
from evalskip.launch.process import Process
from evalskip.launch.ranks import collected
from evalskip.launch.torchrun import said_by_rank, torchrun
from evalskip.probe.measured import Prepared
from evalskip.probe.report import VARIABLE

if TYPE_CHECKING:
    from pathlib import Path

    from evalskip.jobs import Measure, RunRequest
    from evalskip.jobs.command import CommandJob
    from evalskip.launch.base import Outcome


class SpawnLauncher:
    """No parent, and nothing shared: each run starts from nothing, as its author starts it."""

    def __init__(self, job: CommandJob, measure: Measure, logs: Path) -> None:
        self._job, self._logs = job, logs
        self._scratch = fresh_scratch(logs)
        self._environment = {**os.environ, **job.environment(measure)}
        self._environment["PYTHONPATH"] = bundle(self._scratch / "travelled", self._environment)
        self._process = Process("job.command", sees_all=job.nodes == 1)
        self.prepared = Prepared()

    def run(self, request: RunRequest, limit_s: float) -> Outcome:
        """Run the command and wait for its end.

        Raises:
            InputError: there is no such command.
        """
        folder = self._scratch / "told"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        report = folder / "report.json"
        assignment = {
            "report": str(report),
            "measure": request.measure,
            "restore_random_state": request.restore_random_state,
            "tells_losses": request.tells_losses,
            "callbacks": request.callbacks,
            "sliced": request.sliced.model_dump() if request.sliced else None,
        }
        log = self._logs / f"{request.id.name}.log"
        began = time.perf_counter_ns()
        outcome = self._process.run(
            self._command_line(request),
            {**self._environment, VARIABLE: json.dumps(assignment)},
            log,
            limit_s,
        )
        if outcome.status == "failed" and self._job.by_torchrun:
            return outcome.model_copy(update={"error": said_by_rank(log) or outcome.error})
        if outcome.status != "ok":
            return outcome
        reports = collected(report)
        if reports is None:
            return outcome.model_copy(update={"status": "failed", "error": _SAID_NOTHING})
        outcome = reported(outcome, reports, request)
        measured = outcome.measured
        # clocks of several machines cannot be compared
        if measured and measured.began_at_ns is not None and self._job.nodes == 1:
            measured.setup_ns = {"process": measured.began_at_ns - began}
        return outcome

    def _command_line(self, request: RunRequest) -> list[str]:
        job, words = self._job, self._job.command_line(request)
        if not job.by_torchrun:
            return words
        # each rank becomes the very command, in a process that ends with torchrun
        started = torchrun(sys.executable, job.processes or 1, job.nodes)
        return [*started, "-m", "evalskip.worker.script_rank", *words]

    def close(self) -> None:
        """Leave no process behind, and nothing that a run wrote beside its log."""
        self._process.end()
        shutil.rmtree(self._scratch, ignore_errors=True)


_SAID_NOTHING = (
    "reported nothing; expected EvalCost() among its Trainer's callbacks, or evalskip.phase in its "
    "loop"
)
