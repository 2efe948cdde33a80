"""The warm parent: imports once, then forks a child per run (``python -m``, by the launcher).

Reads lines of JSON from its standard input and answers on its standard output, in turn. It ends
when its input closes, which is also what it sees when the harness is killed.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import shutil
import signal
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NoReturn

from evalskip.errors import InputError
from evalskip.jobs import ANY_JOB, RunRequest
from evalskip.launch.base import Outcome, outcome_of_error
from evalskip.machine.activity import ActivitySampler
from evalskip.machine.devices import first_gpu

if TYPE_CHECKING:
    import resource

    from evalskip.jobs import Runner

_SAMPLE_S = 1.0
_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Serve until the input closes."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print must not get into the conversation
    config = json.loads(sys.stdin.buffer.readline())
    job = ANY_JOB.validate_python(config["job"])
    scratch = Path(config["scratch"])
    tempfile.tempdir = str(scratch)
    runner = job.runner()
    try:
        prepared = runner.prepare(config["evaluation_rows"])
    except InputError as error:
        _answer(answers, {"refused": str(error)})
        return
    _answer(answers, {"prepared": prepared})
    while line := sys.stdin.buffer.readline():
        message = json.loads(line)
        request = RunRequest.model_validate(message["request"])
        outcome = _run(
            runner,
            request,
            limit_s=message["limit_s"],
            log=Path(message["log"]),
            scratch=scratch / "run",
        )
        _answer(answers, outcome.model_dump())


def _answer(answers: IO[bytes], message: dict[str, Any]) -> None:
    answers.write(json.dumps(message).encode() + b"\n")
    answers.flush()


def _run(
    runner: Runner, request: RunRequest, *, limit_s: float, log: Path, scratch: Path
) -> Outcome:
    scratch.mkdir()
    result = scratch / "result.json"
    kills_before = _oom_kills()
    deadline = time.monotonic() + limit_s
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        _child(runner, request, log=log, result=result, parent=parent)
    _lead_group(pid)
    descriptor = os.pidfd_open(pid)
    sampler = ActivitySampler(pid, gpu=first_gpu())
    ended, timed_out = _wait(descriptor, sampler, deadline)
    if not ended:
        _kill_group(pid)
    _, code, usage = os.wait4(pid, 0)
    os.close(descriptor)
    _kill_group(pid)  # data-loader workers that outlived it
    if not ended and not timed_out:
        sys.exit(0)  # the harness is gone; nobody waits for an answer
    outcome = _judge(code, result, timed_out, limit_s, _oom_kills() > kills_before)
    shutil.rmtree(scratch, ignore_errors=True)  # checkpoints of a run that was killed, too
    return outcome.model_copy(
        update={
            "usage": _usage(usage),
            "activity": sampler.samples,
            "gpu_activity": sampler.gpu_samples,
        }
    )


def _child(
    runner: Runner, request: RunRequest, *, log: Path, result: Path, parent: int
) -> NoReturn:
    """The run itself; never returns into the parent's code."""
    try:
        # a parent that is killed takes its child along
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
        _lead_group(0)
        tempfile.tempdir = str(result.parent)
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        try:
            outcome = Outcome(status="ok", measured=runner.run(request))
        except Exception as error:
            import traceback

            traceback.print_exc()
            outcome = outcome_of_error(error)
        sys.stdout.flush()
        sys.stderr.flush()
        written = result.with_suffix(".part")
        written.write_text(json.dumps(outcome.model_dump()))
        written.replace(result)
    finally:
        os._exit(0)


def _wait(child: int, sampler: ActivitySampler, deadline: float) -> tuple[bool, bool]:
    """Sample once per second until the child ends; whether it ended, whether time was up."""
    poll = select.poll()
    poll.register(child, select.POLLIN)
    # hang-ups are reported without being asked for; input itself cannot come now
    poll.register(sys.stdin.buffer.fileno(), 0)
    next_sample = time.monotonic() + _SAMPLE_S
    while True:
        now = time.monotonic()
        events = poll.poll(max(0.0, min(next_sample, deadline) - now) * 1000)
        ready = {descriptor for descriptor, _ in events}
        if child in ready:
            sampler.sample()
            return True, False
        if ready:
            return False, False
        now = time.monotonic()
        if now >= deadline:
            sampler.sample()
            return False, True
        if now >= next_sample:
            sampler.sample()
            next_sample += _SAMPLE_S


def _judge(code: int, result: Path, timed_out: bool, limit_s: float, oom_kill: bool) -> Outcome:
    if timed_out:
        return Outcome(status="timed_out", error=f"ended after its limit of {limit_s:g} s")
    if result.exists():
        return Outcome.model_validate_json(result.read_text())
    if os.WIFSIGNALED(code):
        name = signal.Signals(os.WTERMSIG(code)).name
        if name == "SIGKILL" and oom_kill:
            return Outcome(status="out_of_memory", error="killed by the kernel, out of memory")
        return Outcome(status="failed", error=f"killed by {name}")
    return Outcome(status="failed", error="ended without a result")


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
