"""Starts a warm parent, which forks each run; the harness's side of the conversation.

Importing torch and the Trainer takes seconds, a fork of a process that has done so takes
milliseconds. The parent is a process of its own, so that its environment (OpenMP, malloc) is the
block's, and so that nothing of one block is left in the next. The two talk in lines of JSON, as
:mod:`evalskip.worker.parent` says. Its interpreter may be another than the harness's: what runs
inside it then travels there, and needs nothing but what the job needs anyhow.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any

from evalskip.errors import InputError, Killed, MeasurementError
from evalskip.launch.base import Outcome, reported
from evalskip.launch.bundle import bundle, fresh_scratch
from evalskip.machine.activity import ActivitySampler
from evalskip.machine.devices import first_gpu
from evalskip.probe.measured import Prepared, parsed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from evalskip.jobs import Job, Measure, RunRequest

# beyond a run's own limit the parent itself has failed
_GRACE_S = 30.0


class ForkLauncher:
    """One warm parent; see :func:`evalskip.launch.launcher_for`."""

    def __init__(
        self,
        job: Job,
        measure: Measure,
        evaluation_samples: Sequence[int],
        logs: Path,
        start_time: float,
    ) -> None:
        self._logs = logs
        self._errors = logs / "parent.log"
        self._scratch = fresh_scratch(logs)
        environment = {**os.environ, **job.environment(measure)}
        if job.interpreter:
            environment["PYTHONPATH"] = bundle(self._scratch / "travelled", environment)
        with self._errors.open("wb") as log:
            self._process = subprocess.Popen(
                [job.interpreter or sys.executable, "-m", "evalskip.worker.parent"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment,
                # Ctrl-C is for the harness, which then ends the parent in an orderly way
                start_new_session=True,
            )
        self._buffer = b""
        try:
            self._send(
                {
                    "runner": job.runner,
                    "settings": job.model_dump(mode="json"),
                    "evaluation_samples": list(evaluation_samples),
                    "scratch": str(self._scratch),
                }
            )
            answer = self._receive(start_time)
            if "refused" in answer:
                raise InputError(answer["refused"])
            self.prepared = parsed(Prepared, answer["prepared"])
        except BaseException:
            self.close()
            raise

    def run(self, request: RunRequest, limit_s: float) -> Outcome:
        """Have the parent fork a run and wait for its end.

        Raises:
            InputError: what the user wrote makes no run.
            MeasurementError: the parent itself has died.
        """
        log = self._logs / f"{request.id.name}.log"
        self._send(
            {"request": request.model_dump(mode="json"), "limit_s": limit_s, "log": str(log)}
        )
        sampler = ActivitySampler(self._receive(_GRACE_S)["pid"], gpu=first_gpu())
        deadline = time.monotonic() + limit_s + _GRACE_S
        while not self._answered(sampler.due_in()):
            sampler.sample()
            if time.monotonic() > deadline:
                raise _silent(limit_s + _GRACE_S)
        self._receive(_GRACE_S)
        sampler.sample()
        self._send({})
        answer = self._receive(_GRACE_S)["outcome"]
        if answer["status"] == "refused":
            raise InputError(answer["error"])
        report = answer.pop("measured", None)
        outcome = Outcome(**answer, activity=sampler.samples, gpu_activity=sampler.gpu_samples)
        return outcome if report is None else reported(outcome, [report], request)

    def close(self) -> None:
        """Closing its input ends the parent, and the parent ends its child."""
        with suppress(OSError):
            _pipe(self._process.stdin).close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        with suppress(OSError):
            _pipe(self._process.stdout).close()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def _send(self, message: dict[str, Any]) -> None:
        try:
            pipe = _pipe(self._process.stdin)
            pipe.write(json.dumps(message).encode() + b"\n")
            pipe.flush()
        except OSError:
            raise self._died() from None

    def _answered(self, timeout_s: float) -> bool:
        """Whether the parent says something within so many seconds."""
        if self._buffer:
            return True
        descriptor = _pipe(self._process.stdout).fileno()
        return bool(select.select([descriptor], [], [], max(0.0, timeout_s))[0])

    def _receive(self, timeout_s: float) -> dict[str, Any]:
        deadline = time.monotonic() + timeout_s
        chunks = [self._buffer]
        while b"\n" not in chunks[-1]:
            self._buffer = b""
            if not self._answered(deadline - time.monotonic()):
                raise _silent(timeout_s)
            chunk = os.read(_pipe(self._process.stdout).fileno(), 2**20)
            if not chunk:
                raise self._died()
            chunks.append(chunk)
        line, _, self._buffer = b"".join(chunks).partition(b"\n")
        message: dict[str, Any] = json.loads(line)
        return message

    def _died(self) -> MeasurementError:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=5)
        text = self._errors.read_text(errors="replace").strip().splitlines()
        last = text[-1] if text else "it printed nothing"
        code = self._process.returncode
        was_killed = code is not None and code < 0
        kind = Killed if was_killed else MeasurementError
        return kind(f"a block's parent ended ({code}): {last}")


def _silent(seconds: float) -> MeasurementError:
    return MeasurementError(f"a block's parent gave no answer within {seconds:.0f} s")


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:
        raise RuntimeError("the parent was started without pipes")
    return stream
