"""What makes runs of one job, and how a run's outcome is told."""

from __future__ import annotations

import ctypes
import importlib
import json
import multiprocessing
import os
import signal
import sys
from typing import TYPE_CHECKING, Any, Protocol

from evalskip.errors import InputError
from evalskip.probe.limits import is_out_of_memory

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

_TAIL_LINES = 3
_LIBC = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1


class Runner(Protocol):
    """Makes runs of one job. ``prepare`` once, in the parent; ``run`` in a child of it."""

    def prepare(self, evaluation_samples: Sequence[int]) -> dict[str, Any]:
        """Import, load and tokenise what all runs share, without touching a device.

        Returns:
            ``setup_ns``: ``{part: nanoseconds}``, the evaluation sets apart as
            ``evaluation_data:ROWS``; ``software``: versions; ``parameters``: of the model, or None
            where only a run will know: in its ``environment``.

        Raises:
            InputError: the settings make no job; the text begins with the field's name.
        """

    def run(self, request: dict[str, Any]) -> dict[str, Any]:
        """Train as the request asks.

        Args:
            request: :class:`evalskip.jobs.RunRequest`, as JSON holds it.

        Returns:
            What :meth:`evalskip.probe.trainer.TrainerProbe.finish` returns, ``setup_ns`` of the
            run itself, and ``environment``: what it found itself on.
        """


def end_with_parent() -> None:
    """Have this process killed when the one that started it ends, however that happens."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def runner_of(config: dict[str, Any]) -> Runner:
    """What ``runner`` names, a module, makes of ``settings``."""
    runner: Runner = importlib.import_module(config["runner"]).runner(config["settings"])
    return runner


def make_run(run: Callable[[], dict[str, Any]], result: Path) -> None:
    """Make a run, and write how it ended: ``status``, and ``measured`` or ``error``."""
    outcome: dict[str, Any]
    try:
        outcome = {"status": "ok", "measured": run()}
    except InputError as error:
        outcome = {"status": "refused", "error": str(error)}
    except Exception as error:
        import traceback

        traceback.print_exc()
        outcome = outcome_of_error(error)
    sys.stdout.flush()
    sys.stderr.flush()
    written = result.with_suffix(".part")
    written.write_text(json.dumps(outcome))
    written.replace(result)


def keep_socket_names_short(folder: Path) -> None:
    """Have loader workers meet in the folder under a name that a socket can have.

    A socket's path may have 107 bytes, and a result directory may lie deep. What multiprocessing
    finds no room for hangs the run: a worker cannot send its first batch.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    config: dict[str, Any] = multiprocessing.current_process()._config  # type: ignore[attr-defined]
    config["tempdir"] = f"/proc/{os.getpid()}/fd/{descriptor}"


def outcome_of_error(error: BaseException) -> dict[str, Any]:
    """``status`` and ``error`` of a run that ended by an exception."""
    text = f"{type(error).__name__}: {error}".strip().splitlines()[0][:500]
    return {"status": "out_of_memory" if is_out_of_memory(error) else "failed", "error": text}


def last_lines(log: Path) -> str:
    """The last lines that a run printed."""
    text = log.read_text(errors="replace") if log.exists() else ""
    lines = [line.strip() for line in text.splitlines()]
    return "\n".join([line for line in lines if line][-_TAIL_LINES:]) or "it printed nothing"
