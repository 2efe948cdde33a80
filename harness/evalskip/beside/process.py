"""The worker's process, as the trainer sees it: the same program, begun once more."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from evalskip.beside.folder import SnapshotFolder

VARIABLE = "EVALSKIP_BESIDE"
"""Environment variable that names the folder; set in a worker."""
REFUSED = 2
"""Exit code of a worker that would do no better if it were begun anew."""
_OF_RANKS = ("RANK", "LOCAL_RANK", "GROUP_RANK", "ROLE_", "WORLD_SIZE", "LOCAL_WORLD_SIZE")
_OF_LAUNCHERS = ("MASTER_", "TORCHELASTIC_", "ACCELERATE_", "TORCH_NCCL_", "FORCE_TORCHRUN")

_DEVICE = re.compile(r"cpu|cuda(:\d+)?")
_again: Callable[[], list[str]] | None = None


def parse_device(text: str) -> str:
    """A device as people name it.

    Raises:
        ValueError: it is none on which a second process can be put.
    """
    if not _DEVICE.fullmatch(text):
        raise ValueError(f"expected cpu or cuda:1, got {text}")
    return text


def begin_by(command: Callable[[], list[str]]) -> None:
    """Say what begins this program once more, where its own command line does not.

    Args:
        command: is asked for it where a second process is begun.
    """
    global _again
    _again = command


def command_again() -> list[str] | None:
    """What begins this program once more; None: it came from no file."""
    if _again is not None:
        return _again()
    command = [sys.executable, *sys.orig_argv[1:]]
    without_file = len(command) < 2 or command[-1] == "-" or "ipykernel" in " ".join(command)
    return None if without_file else command


def environment_of(device: str, cores: Sequence[int]) -> dict[str, str]:
    """The worker's environment: one process, on the device that is named.

    Args:
        device: ``cpu``, ``cuda`` or ``cuda:1``, counted as this process counts them.
        cores: which it may use; none: all.
    """
    own = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith((*_OF_RANKS, *_OF_LAUNCHERS))
    }
    # a script may log by itself
    own["WANDB_MODE"] = "disabled"
    if cores:
        own["OMP_NUM_THREADS"] = str(len(cores))
    return {**own, **visible(device)}


def visible(device: str) -> dict[str, str]:
    """Variables by which a process sees that device alone.

    Args:
        device: ``cpu``, ``cuda`` or ``cuda:1``, counted as this process counts them.
    """
    if device == "cpu":
        return {"CUDA_VISIBLE_DEVICES": ""}
    number = int(device.partition(":")[2] or 0)
    seen = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = seen.split(",") if seen else []
    return {"CUDA_VISIBLE_DEVICES": names[number] if number < len(names) else str(number)}


class WorkerProcess:
    """A worker, which is begun anew once where it fails.

    Args:
        folder: where it and the trainer meet.
        command: what begins the program.
        environment: of its process.
        cores: on which it stays; none: on all.
    """

    def __init__(
        self,
        folder: SnapshotFolder,
        command: Sequence[str],
        environment: dict[str, str],
        cores: Sequence[int] = (),
    ) -> None:
        self.folder = folder
        pinned = ["taskset", "-c", ",".join(map(str, cores))] if cores else []
        self._command = [*pinned, *command]
        self._environment = {**environment, VARIABLE: str(folder.path.absolute())}
        self._process: subprocess.Popen[bytes] | None = None
        self._moved = time.monotonic()

    def begin(self) -> None:
        """Begin it, or begin it anew."""
        with self.folder.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                env=self._environment,
                stdin=subprocess.PIPE,  # closes with this process, however that ends
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is the trainer's to act on
            )
        self.moved()

    def moved(self) -> None:
        """It has just answered, or been given something after having had nothing to do."""
        self._moved = time.monotonic()

    def failure(self, timeout_s: float) -> str | None:
        """Why it does nothing of what it has to do, in its own words; None: all is well."""
        if self._process is None:
            return None
        code = self._process.poll()
        if code is not None:
            return f"{self._last_words()} ({_ended(code)})"
        if time.monotonic() - self._moved > timeout_s:
            return f"no answer for {timeout_s:g} s"
        return None

    @property
    def has_refused(self) -> bool:
        """Whether it has ended, and would again."""
        return self._process is not None and self._process.poll() == REFUSED

    def end(self) -> None:
        """End it."""
        process = self._process
        if process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # its loaders' workers as well
        process.wait()
        if process.stdin is not None:
            process.stdin.close()
        self._process = None

    def _last_words(self) -> str:
        text = self.folder.log.read_text(errors="replace") if self.folder.log.exists() else ""
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        return lines[-1][:200] if lines else "it printed nothing"


def _ended(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"killed by signal {-code}"


def can_pin() -> bool:
    """Whether a process can be kept on some cores."""
    return shutil.which("taskset") is not None
