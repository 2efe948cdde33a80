"""Results as pandas frames, for whoever wants to analyse them further.

::

from evalskip import frames

runs = frames.runs("results/quick")
runs[runs["status"] == "ok"].groupby("arm")["wall_s"].describe()
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from evalskip.analysis.frames import frame_of
from evalskip.errors import InputError
from evalskip.probe.measured import PHASES
from evalskip.records import RecordStore
from evalskip.summary import Interval, read_summary

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalskip.records import RunRecord, Steps
    from evalskip.summary import BenchSummary


_LIMITS = ("", "_low", "_high")
_ARM = (
    "evaluation_samples",
    "evaluation_load",
    "train_tokens",
    "evaluation_tokens",
    "runs",
    "wall_s",
    "setup_s",
    "evaluations",
    "first_evaluation_s",
    "share",
    "disturbed",
)
_GAINS = [f"{name}{limit}" for name in ("throughput_gain", "time_saved") for limit in _LIMITS]
_COMPARISON = ["arm", "estimator", "blocks", "verdict", *_GAINS, "level"]


def runs(directory: str | Path) -> pd.DataFrame:
    """Every recorded run, a row each: see :func:`evalskip.analysis.frames.frame_of`.

    Durations are seconds.

    Raises:
        InputError: the directory holds no records, or records of another schema.
    """
    return frame_of(_records(Path(directory)))


def steps(directory: str | Path) -> pd.DataFrame:
    """Every train step of every run that kept its steps.

    Columns: ``purpose``, ``block``, ``attempt``, ``arm``, ``step`` (from 1), ``seconds`` (of phase
    train) and ``evaluation_s``: what the evaluations right after the step took, 0 where there was
    none.

    Raises:
        InputError: the directory holds no records, or records of another schema.
    """
    store = RecordStore(Path(directory))
    rows = [
        row
        for record in _records(Path(directory))
        if (measured := store.steps_of(record)) is not None
        for row in _steps_of(record, measured)
    ]
    columns = ["purpose", "block", "attempt", "arm", "step", "seconds", "evaluation_s"]
    return pd.DataFrame(rows, columns=columns)


def arms(directory: str | Path) -> pd.DataFrame:
    """Every arm of the summary of matched runs, by its name.

    Columns: the plain fields of :class:`evalskip.summary.ArmSummary` (``wall_s``, ``share``,
    ``evaluations``, ...), and one per phase (``train_s``, ...), in seconds.

    Raises:
        InputError: there is no summary, or it has no matched runs.
    """
    rows = {
        name: {field: getattr(arm, field) for field in _ARM}
        | {f"{phase}_s": arm.phases_s.get(phase) for phase in PHASES}
        for name, arm in _bench(Path(directory)).arms.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("arm")


def comparisons(directory: str | Path) -> pd.DataFrame:
    """Every comparison of an arm with off, by every estimator.

    Columns: ``arm``, ``estimator``, ``blocks``, ``verdict``, and of the throughput gain and the
    time saved, as fractions: the estimate, ``_low`` and ``_high``, and their common ``level``.

    Raises:
        InputError: there is no summary, or it has no matched runs.
    """
    rows = [
        {
            "arm": each.arm,
            "estimator": each.estimator,
            "blocks": each.blocks,
            "verdict": each.verdict,
            **_limits("throughput_gain", each.throughput_gain),
            **_limits("time_saved", each.time_saved),
            "level": each.throughput_gain.level,
        }
        for each in _bench(Path(directory)).comparisons
    ]
    return pd.DataFrame(rows, columns=_COMPARISON)


def _records(directory: Path) -> list[RunRecord]:
    records = RecordStore(directory).read()
    if not records:
        raise InputError(f"{directory}: no runs.jsonl with runs; expected a result directory")
    return records


def _bench(directory: Path) -> BenchSummary:
    bench = read_summary(directory).bench
    if bench is None:
        raise InputError(f"{directory}: no matched runs; expected a result of evalskip bench")
    return bench


def _steps_of(record: RunRecord, measured: Steps) -> Iterator[tuple[Any, ...]]:
    after: dict[int, int] = {}
    for evaluation in measured.timeline.evaluations:
        step = evaluation.after_step
        after[step] = after.get(step, 0) + sum(evaluation.pieces_ns)
    name = record.request.id
    for number, ns in enumerate(measured.timeline.steps_ns, start=1):
        evaluated = after.get(number, 0) / 1e9
        yield name.purpose, name.block, name.attempt, record.arm, number, ns / 1e9, evaluated


def _limits(name: str, value: Interval) -> dict[str, float | None]:
    return {name: value.estimate, f"{name}_low": value.low, f"{name}_high": value.high}
