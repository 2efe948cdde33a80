"""What several tests need."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import asdict
from pathlib import Path
from typing import Any
from unittest import mock

from evalskip.cli import main
from evalskip.jobs import RunId
from evalskip.records import SCHEMA, RecordStore, RunRecord

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
    """A record of a run that ended well; any field of it, or of its request, can be given."""
    run_id = {key: fields.pop(key) for key in RunId.model_fields if key in fields}
    asked = {key: fields.pop(key) for key in ("arm", "measure", "seed", "sliced") if key in fields}
    request = {
        "id": {"purpose": "time", "block": 1, **run_id},
        "arm": "off",
        "schedule": {"schedule": "off"},
        "evaluation_samples": None,
        "measure": "time",
        "seed": 0,
        **asked,
    }
    return RunRecord.model_validate(
        {
            "schema_version": SCHEMA,
            "experiment": "e",
            "request": request,
            "status": "ok",
            "started_at": "2026-01-01T00:00:00+00:00",
            "turnaround_ns": 5,
            **fields,
        }
    )


def block_runs(out: Path) -> list[RunRecord]:
    """The records of a result directory that are of blocks: no pilot, no trial, no curve."""
    records = RecordStore(out).read()
    return [record for record in records if record.request.id.purpose in ("time", "memory")]


def trials_of(out: Path) -> list[dict[str, Any]]:
    """Of each trial of a result directory, what was asked for and what came of it."""
    return [
        {**record.request.trial.model_dump(), **asdict(record.tried)}
        for record in RecordStore(out).read()
        if record.request.trial and record.tried
    ]


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
