"""Starts each run on several processes, by torchrun."""

from __future__ import annotations

import json
import os
import shutil
import sys
from typing import TYPE_CHECKING, Any

from evalskip.errors import InputError, MeasurementError
from evalskip.inside.rank import VARIABLE
from evalskip.inside.runner import last_lines
from evalskip.launch.process import Process
from evalskip.launch.travel import fresh_scratch, travelled

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from evalskip.jobs import Job, Measure, RunRequest
    from evalskip.launch.base import Outcome

_ENTRY = "evalskip.inside.rank"


class TorchrunLauncher:
    """Every run imports and prepares for itself, in each of its ranks; the first reports."""

    def __init__(
        self,
        job: Job,
        measure: Measure,
        evaluation_rows: Sequence[int],
        logs: Path,
        start_time: float,
    ) -> None:
        self._job, self._logs = job, logs
        self._rows = list(evaluation_rows)
        self._scratch = fresh_scratch(logs)
        self._environment = {**os.environ, **job.environment(measure)}
        self._environment["PYTHONPATH"] = travelled(self._scratch / "travelled", self._environment)
        self._python = job.interpreter or sys.executable
        self._process = Process("job.python")
        found = self._outcome([self._python, "-m", _ENTRY], None, logs / "parent.log", start_time)
        if found.measured is None:
            raise MeasurementError(f"a block could not be prepared: {found.error}")
        # each rank prepares again, and its set-up says what that takes
        self.prepared: dict[str, Any] = {**found.measured, "setup_ns": {}}

    def run(self, request: RunRequest, limit_s: float) -> Outcome:
        """Start all ranks and wait for their end.

        Raises:
            InputError: what the user wrote makes no run.
        """
        # one folder for all ranks, which all write into the job's output
        folder = self._scratch / "run"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        wanted = request.model_dump(mode="json") | {"output": request.output or str(folder)}
        command = [self._python, "-m", "torch.distributed.run", "--standalone"]
        command += ["--nproc-per-node", str(self._job.ranks), "-m", _ENTRY]
        log = self._logs / f"{request.block:04d}-{request.position:02d}.log"
        return self._outcome(command, wanted, log, limit_s)

    def close(self) -> None:
        """Leave no process behind, and nothing that a run wrote."""
        self._process.end()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def _outcome(
        self, command: list[str], request: dict[str, Any] | None, log: Path, limit_s: float
    ) -> Outcome:
        report, failure = (self._scratch / name for name in ("report.json", "failure.json"))
        report.unlink(missing_ok=True)
        failure.unlink(missing_ok=True)
        wanted = {
            "runner": self._job.runner,
            "settings": self._job.model_dump(mode="json"),
            "evaluation_rows": self._rows,
            "request": request,
            "report": str(report),
            "failure": str(failure),
        }
        outcome = self._process.run(
            command, {**self._environment, VARIABLE: json.dumps(wanted)}, log, limit_s
        )
        if outcome.status == "timed_out":
            return outcome
        if failure.exists():
            told = json.loads(failure.read_text())
            if told["status"] == "refused":
                raise InputError(told["error"])
            return outcome.model_copy(update=told)
        if outcome.status != "ok":
            return outcome
        if not report.exists():
            error = f"no rank reported anything: {last_lines(log)}"
            return outcome.model_copy(update={"status": "failed", "error": error})
        measured = json.loads(report.read_text())["measured" if request else "prepared"]
        return outcome.model_copy(update={"measured": measured})
