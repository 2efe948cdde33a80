"""Starts each run as a command of the user's, in a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from evalskip.errors import InputError
from evalskip.launch.base import Outcome
from evalskip.launch.travel import travelled
from evalskip.machine.activity import ActivitySampler
from evalskip.machine.devices import first_gpu
from evalskip.probe.report import VARIABLE

if TYPE_CHECKING:
    from pathlib import Path

    from evalskip.jobs import Measure, RunRequest
    from evalskip.jobs.command import CommandJob

_TAIL_LINES = 3


class SpawnLauncher:
    """No parent, and nothing shared: each run starts from nothing, as its author starts it."""

    def __init__(self, job: CommandJob, measure: Measure, logs: Path) -> None:
        self._job, self._logs = job, logs
        self._scratch = logs.absolute() / "scratch"
        shutil.rmtree(self._scratch, ignore_errors=True)
        self._scratch.mkdir()
        self._environment = {**os.environ, **job.environment(measure)}
        self._environment["PYTHONPATH"] = travelled(self._scratch / "travelled", self._environment)
        self._child: subprocess.Popen[bytes] | None = None
        self.prepared: dict[str, Any] = {"setup_ns": {}, "parameters": None, "software": {}}

    def run(self, request: RunRequest, limit_s: float) -> Outcome:
        """Run the command and wait for its end.

        Raises:
            InputError: there is no such command.
        """
        report = self._scratch / "report.json"
        log = self._logs / f"{request.block:04d}-{request.position:02d}.log"
        wanted = {
            "report": str(report),
            "measure": request.measure,
            "restore_random_state": request.restore_random_state,
            "callbacks": request.callbacks,
        }
        command = self._job.command_line(request)
        began = time.perf_counter_ns()
        with log.open("wb") as output:
            try:
                self._child = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env={**self._environment, VARIABLE: json.dumps(wanted)},
                    start_new_session=True,
                )
            except OSError as error:
                raise InputError(f"job.command: {command[0]}: {error.strerror}") from None
        sampler = ActivitySampler(self._child.pid, gpu=first_gpu())
        timed_out = self._wait(self._child.pid, sampler, time.monotonic() + limit_s)
        self.close()
        outcome = self._judge(report, log, timed_out, limit_s, began)
        return outcome.model_copy(
            update={"activity": sampler.samples, "gpu_activity": sampler.gpu_samples}
        )

    def close(self) -> None:
        """End what is still running, and all that it started."""
        if self._child is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._child.pid, signal.SIGKILL)
            self._child.wait()

    def _wait(self, pid: int, sampler: ActivitySampler, deadline: float) -> bool:
        """Until it has ended, but not yet been waited for, or time is up; whether the latter."""
        while True:
            ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG)
            if ended is not None or time.monotonic() >= deadline:
                sampler.sample()
                return ended is None
            if sampler.due_in() <= 0:
                sampler.sample()
            time.sleep(max(0.0, min(0.05, deadline - time.monotonic())))

    def _judge(
        self, report: Path, log: Path, timed_out: bool, limit_s: float, began: int
    ) -> Outcome:
        if timed_out:
            return Outcome(status="timed_out", error=f"ended after its limit of {limit_s:g} s")
        code = self._child.returncode if self._child else 0
        if code != 0:
            how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
            return Outcome(status="failed", error=f"{how}: {_tail(log)}")
        if not report.exists():
            return Outcome(
                status="failed",
                error="reported nothing; expected EvalCost() among its Trainer's callbacks, or "
                "evalskip.phase in its loop",
            )
        measured = json.loads(report.read_text())
        report.unlink()
        measured["setup_ns"] = {"process": measured.pop("began_at_ns") - began}
        return Outcome(status="ok", measured=measured)


def _tail(log: Path) -> str:
    """The last lines that a run printed, as one."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines()]
    return " / ".join([line for line in lines if line][-_TAIL_LINES:]) or "it printed nothing"
