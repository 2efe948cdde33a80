"""The warm parent: imports once, then forks a child per run (``python -m``, by the launcher).

Reads lines of JSON from its standard input and answers on its standard output, in turn:

====================================================== ====================================
the harness says                                       the parent answers
====================================================== ====================================
``{runner, settings, evaluation_samples, scratch}``, once ``{prepared}``, or ``{refused}``
``{request, limit_s, log}``, per run                   ``{pid}``, and ``{ended}`` when it has
``{}``, having looked at what it used                  ``{outcome}``; its status ``refused``: the
                                                       input is wrong
====================================================== ====================================

``runner`` names a module whose function ``runner(settings)`` makes a
:class:`evalskip.worker.runner.Runner`. Where preparing it has initialised CUDA, as an import of
bitsandbytes does, no fork can use a device: each run then begins afresh, as a new program
(:mod:`evalskip.worker.reexec`). The parent ends when its input closes, which is also what it
sees when the harness is killed.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import sys
import tempfile
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NoReturn

from evalskip.beside.process import begin_by
from evalskip.errors import InputError
from evalskip.worker import reexec
from evalskip.worker.runner import (
    end_with_parent,
    keep_socket_names_short,
    last_lines,
    make_run,
    runner_of,
)

if TYPE_CHECKING:
    import resource
    from collections.abc import Callable

    from evalskip.worker.runner import Runner

    Making = Callable[[Path], None]
    """Makes a run, and writes how it ended into the file that it is given."""


def main() -> None:
    """Serve until the input closes."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print must not get into the conversation
    config = json.loads(sys.stdin.buffer.readline())
    scratch = Path(config["scratch"])
    tempfile.tempdir = str(scratch)
    try:
        runner = runner_of(config)
        prepared = runner.prepare(config["evaluation_samples"])
    except InputError as error:
        _answer(answers, {"refused": str(error)})
        return
    _answer(answers, {"prepared": prepared})
    while line := sys.stdin.buffer.readline():
        message = json.loads(line)
        outcome = _run(
            _making(runner, config, message["request"]),
            answers,
            limit_s=message["limit_s"],
            log=Path(message["log"]),
            scratch=scratch / "run",
        )
        _answer(answers, {"outcome": outcome})


def _answer(answers: IO[bytes], message: dict[str, Any]) -> None:
    answers.write(json.dumps(message).encode() + b"\n")
    answers.flush()


def _making(runner: Runner, config: dict[str, Any], request: dict[str, Any]) -> Making:
    """What a child does to make a run, by what can be told only before the fork."""
    if reexec.is_needed():
        return partial(reexec.begin, config, request)

    def make(result: Path) -> None:
        begin_by(partial(reexec.command_of, config, request, result))
        make_run(partial(runner.run, request), result)

    return make


def _run(
    make: Making,
    answers: IO[bytes],
    *,
    limit_s: float,
    log: Path,
    scratch: Path,
) -> dict[str, Any]:
    scratch.mkdir()
    result = scratch / "result.json"
    kills_before = _oom_kills()
    deadline = time.monotonic() + limit_s
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        _child(make, log=log, result=result, parent=parent)
    _lead_group(pid)
    descriptor = os.pidfd_open(pid)
    _answer(answers, {"pid": pid})
    ended, timed_out = _wait(descriptor, deadline)
    if ended or timed_out:
        # what it has used can be read until it is waited for
        _answer(answers, {"ended": pid})
        if not sys.stdin.buffer.readline():
            ended = timed_out = False
    if not ended:
        _kill_group(pid)
    _, code, usage = os.wait4(pid, 0)
    os.close(descriptor)
    _kill_group(pid)  # data-loader workers that outlived it
    if not ended and not timed_out:
        sys.exit(0)  # the harness is gone; nobody waits for an answer
    outcome = _judge(code, result, timed_out, limit_s, _oom_kills() > kills_before)
    if outcome["status"] == "failed" and not result.exists():
        outcome["error"] += f"\n{last_lines(log)}"
    shutil.rmtree(scratch, ignore_errors=True)  # checkpoints of a run that was killed, too
    return {**outcome, "usage": _usage(usage)}


def _child(make: Making, *, log: Path, result: Path, parent: int) -> NoReturn:
    """The run itself; never returns into the parent's code."""
    try:
        end_with_parent()
        if os.getppid() != parent:
            os._exit(1)
        _lead_group(0)
        tempfile.tempdir = str(result.parent)
        keep_socket_names_short(result.parent)
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        make(result)
    finally:
        os._exit(0)


def _wait(child: int, deadline: float) -> tuple[bool, bool]:
    """Until the child ends, time is up or the harness is gone: whether the first, or the second."""
    poll = select.poll()
    poll.register(child, select.POLLIN)
    # hang-ups are reported without being asked for; input itself cannot come now
    poll.register(sys.stdin.buffer.fileno(), 0)
    events = poll.poll(max(0.0, deadline - time.monotonic()) * 1000)
    ready = {descriptor for descriptor, _ in events}
    return child in ready, not ready


def _judge(
    code: int, result: Path, timed_out: bool, limit_s: float, oom_kill: bool
) -> dict[str, Any]:
    if timed_out:
        return {"status": "timed_out", "error": f"ended after its limit of {limit_s:g} s"}
    if result.exists():
        written: dict[str, Any] = json.loads(result.read_text())
        return written
    if os.WIFSIGNALED(code):
        name = signal.Signals(os.WTERMSIG(code)).name
        if name == "SIGKILL" and oom_kill:
            return {"status": "out_of_memory", "error": "killed by the kernel, out of memory"}
        return {"status": "failed", "error": f"killed by {name}"}
    return {"status": "failed", "error": "ended without a result"}


def _lead_group(pid: int) -> None:
    """Make the child the leader of a group; both sides do it, so that neither can be late."""
    with suppress(PermissionError, ProcessLookupError):
        os.setpgid(pid, pid)


def _kill_group(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def _oom_kills() -> int:
    """Processes that the kernel has killed for want of memory since it started."""
    with suppress(OSError, ValueError):
        for line in Path("/proc/vmstat").read_text().splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return 0


def _usage(usage: resource.struct_rusage) -> dict[str, float]:
    return {
        "user_s": usage.ru_utime,
        "system_s": usage.ru_stime,
        "involuntary_switches": usage.ru_nivcsw,
        "voluntary_switches": usage.ru_nvcsw,
        "major_faults": usage.ru_majflt,
    }


if __name__ == "__main__":
    main()
