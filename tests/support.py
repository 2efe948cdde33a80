"""What several tests need."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from unittest import mock

from evalskip.cli import main
from evalskip.records import RunRecord

ROOT = Path(__file__).resolve().parent.parent


def run_evalskip(*arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
    """The command line as a user has it."""
    return subprocess.run(
        [sys.executable, "-m", "evalskip", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=options.pop("timeout", 240),
        cwd=options.pop("cwd", ROOT),
        check=False,
        **options,
    )


def run_inside(*arguments: object) -> subprocess.CompletedProcess[str]:
    """The command line without a process of its own: what a test does that asks it many things."""
    words = ["evalskip", *map(str, arguments)]
    said, complained = io.StringIO(), io.StringIO()
    handler = signal.getsignal(signal.SIGTERM)
    with (
        mock.patch.object(sys, "argv", words),
        redirect_stdout(said),
        redirect_stderr(complained),
    ):
        try:
            main()
        except SystemExit as ended:
            code = ended.code
        finally:
            signal.signal(signal.SIGTERM, handler)
    assert isinstance(code, int)
    return subprocess.CompletedProcess(words, code, said.getvalue(), complained.getvalue())


def run_record(**fields: Any) -> RunRecord:
    """A record of a run that ended well; any field can be given otherwise."""
    return RunRecord.model_validate(
        {
            "experiment": "e",
            "block": 1,
            "attempt": 0,
            "position": 0,
            "arm": "off",
            "measure": "time",
            "status": "ok",
            "started_at": "2026-01-01T00:00:00+00:00",
            "seed": 0,
            "turnaround_ns": 5,
            **fields,
        }
    )


def descendants_marked(mark: str) -> list[int]:
    """Processes whose environment holds a mark: all that a marked harness left behind."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdecimal() and int(process.name) != os.getpid():
            try:
                variables = (process / "environ").read_bytes()
            except OSError:
                continue
            if f"EVALSKIP_TEST={mark}".encode() in variables:
                found.append(int(process.name))
    return found
