"""AlgoPerf's measurements: CSV with the seconds of evaluation and of the submission, added up.

Its clock is the submission's, so evaluation is off it by rule. A run's seconds here are those of
both; logging is in neither.
"""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING

from wild.figures import run_of

if TYPE_CHECKING:
    from pathlib import Path

    from wild.figures import WildRun

KIND = "AlgoPerf"
_EVALUATION, _SUBMISSION = "accumulated_eval_time", "accumulated_submission_time"
_WORKLOAD = re.compile(r"[a-z][a-z0-9_]*_(?:jax|pytorch)(?![a-z0-9])")
_FILE = re.compile(r"[-_/]?(?:eval_)?measurements?\.csv\Z")
_LONGEST = 1 << 17
"""As long a line as the csv module takes for one field."""


def matches(text_head: str, path: Path) -> bool:
    """Whether the first line names the columns of a trial's measurements."""
    columns = text_head.lstrip("\ufeff").partition("\n")[0].strip().split(",")
    return _EVALUATION in columns and _SUBMISSION in columns


def read(path: Path) -> WildRun:
    """Read one trial; both of its files say the same, and get the same path.

    Raises:
        ValueError: the file is damaged, or no evaluation was timed.
    """
    evals, evaluation, submission = 0, 0.0, 0.0
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        lines = iter(lambda: file.readline(_LONGEST), "")
        rows = csv.reader(_whole(line) for line in lines)
        try:
            columns = next(rows, [])
            places = columns.index(_EVALUATION), columns.index(_SUBMISSION)
            for row in rows:
                if row and len(row) != len(columns):
                    raise ValueError(f"line {rows.line_num} is cut off")
                times = [row[place] for place in places] if row else ["", ""]
                if all(times):
                    evals += 1
                    # after a preemption both go on from a checkpoint, so the last ones count
                    evaluation, submission = map(_seconds, times)
        except csv.Error:
            raise ValueError(f"line {rows.line_num} is no CSV") from None
    name = path.as_posix()
    workloads = _WORKLOAD.findall(name)
    return run_of(
        source="AlgoPerf",
        path=_FILE.sub("", name),
        task=workloads[-1] if workloads else "",
        total_s=evaluation + submission,
        evals=evals,
        eval_s=evaluation,
        flag="evaluation is off its clock by rule",
    )


def _whole(line: str) -> str:
    if not line.endswith(("\n", "\r")):
        raise ValueError("its last line is cut off, or a line is longer than any measurement")
    return line


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ValueError("a time in it is no number") from None
    if not 0 <= value <= 1e9:
        raise ValueError("a time in it is none")
    return value
