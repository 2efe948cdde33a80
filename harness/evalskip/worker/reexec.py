"""A run that begins as a new program, where its parent cannot be forked from (``python -m``).

The parent's fork becomes this program, so that whoever waits for it, limits it or kills it has the
same process before it. Preparing again costs each run seconds, none of them in T.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any, NoReturn

from evalskip.worker.runner import keep_socket_names_short, make_run, runner_of

_NOT_INITIALISED = 3
"""``CUDA_ERROR_NOT_INITIALIZED``."""


def is_needed() -> bool:
    """Whether this process has initialised CUDA, after which no fork of it can use a device.

    torch may not know: an import can, and a backward pass does, ask CUDA itself how many devices
    there are. So the driver is asked as well, where it is loaded (``cuCtxGetCurrent``).
    """
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        return True
    if "libcuda.so" not in Path("/proc/self/maps").read_text():
        return False
    context = ctypes.c_void_p()
    driver = ctypes.CDLL("libcuda.so.1")
    return bool(driver.cuCtxGetCurrent(ctypes.byref(context)) != _NOT_INITIALISED)


def begin(config: dict[str, Any], request: dict[str, Any], result: Path) -> NoReturn:
    """Become a new program that makes the run.

    Args:
        config: ``runner`` and its ``settings``, as the parent was told them.
        request: the run.
        result: where it is told how the run ended; its folder is the run's own.
    """
    command = command_of(config, request, result)
    os.execv(command[0], command)


def command_of(config: dict[str, Any], request: dict[str, Any], result: Path) -> list[str]:
    """What makes the run as a new program; see :func:`begin`."""
    samples = request["evaluation_samples"]
    assignment = {**config, "evaluation_samples": [samples] if samples else [], "request": request}
    result.with_name("wanted.json").write_text(json.dumps(assignment))
    return [sys.executable, "-m", "evalskip.worker.reexec", str(result)]


def main() -> None:
    """Prepare for the one run, and make it."""
    result = Path(sys.argv[1])
    assignment = json.loads(result.with_name("wanted.json").read_text())
    tempfile.tempdir = str(result.parent)
    keep_socket_names_short(result.parent)

    def run() -> dict[str, Any]:
        runner = runner_of(assignment)
        runner.prepare(assignment["evaluation_samples"])
        return runner.run(assignment["request"])

    make_run(run, result)
    os._exit(0)  # a loader's worker must not keep it from ending


if __name__ == "__main__":
    main()
