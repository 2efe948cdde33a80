"""``wandb-summary.json`` of Weights & Biases: the last value of all that a run logged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.logs.entries import RunBuilder, count
from evalskip.logs.finished import FinishedRun, Source
from evalskip.notes import note

if TYPE_CHECKING:
    from evalskip.logs.files import LogFile

FORMAT, PLACE = "wandb-summary.json", 30


def matches(file: LogFile) -> bool:
    """Whether it is a JSON object with the summary's own ``_step`` and ``_runtime``."""
    return file.begins_document and file.mentions(b'"_runtime"', b'"_timestamp"') and _is_one(file)


def _is_one(file: LogFile) -> bool:
    names = file.object.keys()
    return "_step" in names and any("loss" in name or "runtime" in name for name in names)


def read(file: LogFile) -> list[FinishedRun]:
    """What training took; of evaluations only the last is there, so that their sum is not known."""
    summary = {n: value for n, value in file.object.items() if not n.startswith("_")}
    train = {n: v for n, v in summary.items() if not n.startswith(("eval/", "eval_"))}
    for name in ("loss", "train/loss"):  # the last one, which is the mean of nothing else
        train.pop(name, None)
    builder = RunBuilder(Source(file.path, FORMAT))
    train["step"] = summary.get("train/global_step")
    train["epoch"] = summary.get("train/epoch")
    builder.add(train)
    builder.current.steps = builder.current.steps or count(train["step"])
    runs = builder.runs() or [builder.current]
    for run in runs:
        run.tells_inside = False
    if len(train) < len(summary):
        runs[-1].warnings.append(note("log_last_evaluation_only"))
    return runs
