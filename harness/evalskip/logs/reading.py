"""Logs of any format, one file or many, as finished runs."""

from __future__ import annotations

import os
import stat
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from evalskip.logs import formats
from evalskip.logs.entries import MOST_EVALUATIONS, TooManyEvaluations
from evalskip.logs.files import LogFile, NotALog, UnfitLog
from evalskip.logs.merging import merged
from evalskip.logs.search import found_files
from evalskip.registry import modules

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from evalskip.logs.finished import FinishedRun

    _Outcome = list[FinishedRun] | UnfitLog | NotALog

STANDARD_INPUT = "-"
_FORMATS = sorted(
    (m for m in modules(formats.__name__, formats.__path__) if hasattr(m, "read")),
    key=lambda module: module.PLACE,
)
_MANY = 64
"""Files from which on two processes are quicker than one."""
_BATCH = 32


@dataclass
class Reading:
    """What logs held.

    ``unread`` are files that are logs, or were named, and could not be read: the reason in a line.
    """

    runs: list[FinishedRun] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    files: int = 0
    """That a run was read from."""


def read_file(path: str) -> list[FinishedRun]:
    """The runs of one file; ``-`` is standard input.

    Raises:
        UnfitLog: it is a log that cannot be read, or cannot be opened.
        NotALog: it holds nothing of a training.
    """
    if path == STANDARD_INPUT:
        content = sys.stdin.buffer
        return _read(LogFile("standard input", content, None))
    if "\0" in path:
        raise UnfitLog(f"{path}: no name of a file; expected a log, a folder or a glob")
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116
            raise UnfitLog(f"{path}: no file; expected a log, a folder or a glob")
        with Path(path).open("rb") as file:
            return _read(LogFile(path, file, os.fstat(file.fileno()).st_size))
    except FileNotFoundError:
        raise UnfitLog(f"{path}: no such file; expected a log of a training") from None
    except OSError as error:
        raise UnfitLog(f"{path}: cannot be read: {error.strerror}") from None


def _read(file: LogFile) -> list[FinishedRun]:
    if not file.head.strip():
        raise NotALog(f"{file.path}: empty; expected a log of a training")
    reader = next((each for each in _FORMATS if each.matches(file)), None)
    if reader is None:
        what = "binary, and no TensorBoard events" if file.is_binary else "no log of a training"
        raise NotALog(
            f"{file.path}: {what}; expected a Trainer's state, its printed log, or LLaMA-Factory's"
        )
    try:
        runs: list[FinishedRun] = reader.read(file)
    except TooManyEvaluations:
        raise UnfitLog(
            f"{file.path}: more than {MOST_EVALUATIONS:,} evaluations; expected one training's log"
        ) from None
    if not runs:
        raise NotALog(
            f"{file.path}: no evaluation, no loss and no train_runtime; expected what a Trainer "
            f"logs"
        )
    return runs


def read_runs(paths: Sequence[str | Path]) -> Reading:
    """All runs of files, folders and globs; what is one run in several files is one.

    Args:
        paths: files, folders (searched), globs, or ``-`` for standard input.
    """
    named, searched = found_files([str(path) for path in paths])
    reading = Reading()
    read = [*_outcomes(named), *_outcomes(searched)]
    found: list[FinishedRun] = []
    for place, outcome in enumerate(read):
        if isinstance(outcome, list):
            found += outcome
            reading.files += 1
        elif isinstance(outcome, UnfitLog) or place < len(named):
            reading.unread.append(str(outcome))
    reading.runs = merged(found)
    return reading


def _outcomes(paths: Sequence[str]) -> Iterable[_Outcome]:
    if len(paths) < _MANY or (os.cpu_count() or 1) < 2:
        return map(_outcome, paths)
    with ProcessPoolExecutor(min(os.cpu_count() or 1, 8)) as pool:
        return list(pool.map(_outcome, paths, chunksize=_BATCH))


def _outcome(path: str) -> _Outcome:
    try:
        return read_file(path)
    except (UnfitLog, NotALog) as error:
        return error
