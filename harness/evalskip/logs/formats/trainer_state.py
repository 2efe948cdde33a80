"""``trainer_state.json`` of the Hugging Face Trainer (``TrainerState`` of transformers)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from evalskip.logs.entries import RunBuilder, count
from evalskip.logs.files import UnfitLog
from evalskip.logs.finished import Best, FinishedRun, Source

if TYPE_CHECKING:
    from evalskip.logs.files import LogFile

FORMAT, PLACE = "trainer_state.json", 20


def matches(file: LogFile) -> bool:
    """Whether it is a JSON object with a ``log_history``."""
    return file.begins_document and file.mentions(b'"log_history"')


def read(file: LogFile) -> list[FinishedRun]:
    """The run, or as much of it as the checkpoint holds.

    Raises:
        UnfitLog: it is no such document.
    """
    state = file.document
    history = state.get("log_history")
    if not isinstance(history, list):
        raise UnfitLog(f"{file.path}: log_history: expected a list of entries")
    source = Source(file.path, FORMAT)
    builder = RunBuilder(source, is_own=True)
    for entry in history:
        if isinstance(entry, dict):
            builder.add(entry)
    runs = builder.runs() or [FinishedRun(sources=[source])]
    last = runs[-1]
    last.steps = count(state.get("global_step")) or last.steps
    last.planned_steps = count(state.get("max_steps"))
    last.epoch = count(state.get("epoch")) or last.epoch
    last.best = _best(state)
    arguments = _early_stopping(state)
    patience = arguments.get("early_stopping_patience")
    last.patience = patience if isinstance(patience, int) and patience > 0 else None
    last.patience_threshold = _number(arguments.get("early_stopping_threshold")) or 0.0
    planned = last.planned_steps
    last.ended = bool(last.parts) or bool(planned and last.steps and last.steps >= planned)
    return runs


def _best(state: dict[str, Any]) -> Best | None:
    checkpoint = state.get("best_model_checkpoint")
    metric, step = _number(state.get("best_metric")), _number(state.get("best_global_step"))
    if metric is None and not checkpoint:
        return None
    if step is None and isinstance(checkpoint, str):
        number = checkpoint.rstrip("/\\").rpartition("-")[2]
        step = float(number) if number.isdecimal() and len(number) < 16 else None
    return Best(metric, step, checkpoint if isinstance(checkpoint, str) else None)


def _early_stopping(state: dict[str, Any]) -> dict[str, Any]:
    """Arguments of the callback; empty: it has none."""
    found: Any = state
    for name in ("stateful_callbacks", "EarlyStoppingCallback", "args"):
        found = found.get(name)
        if not isinstance(found, dict):
            return {}
    return dict(found)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
