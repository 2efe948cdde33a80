"""``all_results.json``, ``train_results.json`` and ``eval_results.json`` of ``save_metrics``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.logs.entries import RunBuilder, evaluated_sets
from evalskip.logs.finished import FinishedRun, Source

if TYPE_CHECKING:
    from evalskip.logs.files import LogFile

FORMAT, PLACE = "results file", 40


def matches(file: LogFile) -> bool:
    """Whether it is a flat JSON object with a runtime."""
    return file.begins_document and file.mentions(b'_runtime"') and _is_flat(file)


def _is_flat(file: LogFile) -> bool:
    names = file.object.keys()
    return "log_history" not in names and any(name.endswith("_runtime") for name in names)


def read(file: LogFile) -> list[FinishedRun]:
    """What training took, and an evaluation: one after training, where it is of both."""
    values = file.object
    builder = RunBuilder(Source(file.path, FORMAT))
    evaluated = evaluated_sets(tuple(values))
    train = {name: value for name, value in values.items() if not _is_of(name, evaluated)}
    if "train_runtime" in train:
        builder.add(train)
    if evaluated:
        builder.add({name: v for name, v in values.items() if name not in train or name == "epoch"})
    runs = builder.runs()
    for run in runs:  # where no training stands in the file, it came before
        run.tells_inside = False
        for evaluation in run.evaluations:
            evaluation.when = "after"
            evaluation.step = None
    return runs


def _is_of(name: str, prefixes: tuple[str, ...]) -> bool:
    return any(name.startswith(f"{prefix}_") for prefix in prefixes)
