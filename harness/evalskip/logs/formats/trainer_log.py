"""``trainer_log.jsonl`` of LLaMA-Factory (``LogCallback`` in its ``train/callbacks.py``).

It has the loss and the time since training began, to whole seconds, and no ``eval_runtime``: what
an evaluation took is the time since the entry before it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from evalskip.logs.clock import clock_seconds
from evalskip.logs.entries import RunBuilder
from evalskip.logs.finished import FinishedRun, Source
from evalskip.notes import note

if TYPE_CHECKING:
    from evalskip.logs.files import LogFile

FORMAT, PLACE = "trainer_log.jsonl", 10
_LOSSES = ("loss", "eval_loss", "predict_loss")
_KEYS = {"current_steps", "elapsed_time"}


def matches(file: LogFile) -> bool:
    """Whether its first line is an entry of LLaMA-Factory's."""
    return bool(_KEYS & (file.first_object or {}).keys())


def read(file: LogFile) -> list[FinishedRun]:
    """The trainings that it holds; lines that are no entries are counted."""
    builder = RunBuilder(Source(file.path, FORMAT), is_own=True)
    unread, is_blank = 0, False
    for line in file.lines():
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            unread += 1
            continue
        if not isinstance(entry, dict):
            unread += 1
            continue
        # one that closes training is the last of it; another one is of sets with other names
        if is_blank and not builder.current.ended:
            builder.current.tells_inside = False
        builder.add(entry, _elapsed(entry.get("elapsed_time")))
        is_blank = not any(entry.get(name) is not None for name in _LOSSES)
        run, planned = builder.current, entry.get("total_steps")
        if isinstance(planned, int) and 0 < planned < 10**12:
            run.planned_steps = float(planned)
            run.ended = run.steps is not None and run.steps >= planned
    runs = builder.runs()
    if unread and runs:
        runs[-1].warnings.append(note("log_lines_unread", count=unread))
    return runs


def _elapsed(value: object) -> float | None:
    """Seconds that LLaMA-Factory logs whole."""
    return clock_seconds(value) if isinstance(value, str) and "." not in value else None
