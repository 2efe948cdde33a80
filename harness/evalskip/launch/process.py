"""A process with all that it starts: run to its end, within a limit, and watched meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import psutil

from evalskip.errors import InputError
from evalskip.launch.base import Outcome
from evalskip.machine.activity import ActivitySampler
from evalskip.machine.devices import first_gpu
from evalskip.worker.runner import end_with_parent, last_lines

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


_END_S = 10.0


class Process:
    """At most one at a time; it does not outlive this one, however that ends.

    Args:
        field: of the spec, which names the command.
        sees_all: whether all that it starts are its descendants on this machine; where they are
            not, what else the machine does cannot be told from them, and is not.
    """

    def __init__(self, field: str, *, sees_all: bool) -> None:
        self._field, self._sees_all = field, sees_all
        self._child: subprocess.Popen[bytes] | None = None

    def run(
        self, command: Sequence[str], environment: Mapping[str, str], log: Path, limit_s: float
    ) -> Outcome:
        """Start it and wait for its end.

        Args:
            command: its words.
            environment: all of it.
            log: for what it prints.
            limit_s: seconds after which it is ended.

        Returns:
            How it ended, and what the machine was doing; nothing measured yet.

        Raises:
            InputError: there is no such command.
        """
        with log.open("wb") as output:
            try:
                self._child = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=environment,
                    start_new_session=True,
                    # one system call, which takes no lock
                    preexec_fn=end_with_parent,
                )
            except OSError as error:
                raise InputError(f"{self._field}: {command[0]}: {error.strerror}") from None
        child = self._child
        try:
            sampler = ActivitySampler(child.pid, gpu=first_gpu())
            timed_out = _wait(child.pid, sampler, time.monotonic() + limit_s)
        finally:
            self.end()
        code = child.returncode
        ended = Outcome(status="ok")
        if self._sees_all:
            ended = Outcome(status="ok", activity=sampler.samples, gpu_activity=sampler.gpu_samples)
        if timed_out:
            text = f"ended after its limit of {limit_s:g} s"
            return ended.model_copy(update={"status": "timed_out", "error": text})
        if code:
            how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
            text = f"{how}\n{last_lines(log)}"
            return ended.model_copy(update={"status": "failed", "error": text})
        return ended

    def end(self) -> None:
        """End what is still running, and all that it started; returns when none of it runs."""
        child, self._child = self._child, None
        if child is None:
            return
        # what has a session of its own is not in the group
        started = psutil.Process(child.pid).children(recursive=True)
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        for process in started:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        child.wait()
        psutil.wait_procs(started, timeout=_END_S)


def _wait(pid: int, sampler: ActivitySampler, deadline: float) -> bool:
    """Until it has ended, but not yet been waited for, or time is up; whether the latter."""
    while True:
        ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG)
        if ended is not None or time.monotonic() >= deadline:
            sampler.sample()
            return ended is None
        if sampler.due_in() <= 0:
            sampler.sample()
        time.sleep(max(0.0, min(0.05, deadline - time.monotonic())))
