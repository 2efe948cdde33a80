"""Finished runs: what is known of a training from the logs that it left.

A format of logs is one file in ``formats/``, found by what a file holds; the entries of all of them
become runs in ``entries``, and several files of one run become one in ``merging``.
"""

from pathlib import Path

from evalskip.logs.files import NotALog, UnfitLog
from evalskip.logs.finished import (
    Best,
    ClockedTime,
    Evaluation,
    FinishedRun,
    Source,
    TrainingPart,
)
from evalskip.logs.reading import Reading, read_file, read_runs
from evalskip.logs.sameness import folder_of

__all__ = [
    "Best",
    "ClockedTime",
    "Evaluation",
    "FinishedRun",
    "NotALog",
    "Reading",
    "Source",
    "TrainingPart",
    "UnfitLog",
    "folder_of",
    "read_file",
    "read_runs",
    "sample_logs",
]


def sample_logs() -> Path:
    """The folder with the logs of a run of ours, which this package ships: see its README."""
    return Path(__file__).parent / "sample"
