"""Records as a table, one row per run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from evalskip.probe.measured import PHASES
from evalskip.records import disturbed_blocks

if TYPE_CHECKING:
    from collections.abc import Iterable

    from evalskip.records import RunRecord

_PLAIN = (
    "block",
    "attempt",
    "position",
    "arm",
    "measure",
    "status",
    "started_at",
    "seed",
    "steps",
    "evaluations",
    "train_tokens",
    "evaluation_tokens",
)


def frame_of(records: Iterable[RunRecord]) -> pd.DataFrame:
    """One row per run; durations in seconds.

    Columns: those of the record, ``extrapolated``, ``wall_s`` (T), ``setup_s``, ``total_s`` (both),
    ``turnaround_s``, ``disturbed_s`` of ``observed_s``, ``disturbed`` (whether its block is), one
    per phase (``train_s``, ...), ``evaluation_wait_s`` (of the phase wait, what evaluations
    waited), and what the kernel counted.
    """
    records, rows = list(records), []
    for record in records:
        row = {name: getattr(record, name) for name in _PLAIN}
        row["extrapolated"] = record.extrapolated is not None
        wall = None if record.wall_ns is None else record.wall_ns / 1e9
        setup = record.own_setup_ns / 1e9
        row |= {"wall_s": wall, "setup_s": setup, "turnaround_s": record.turnaround_ns / 1e9}
        row |= {"disturbed_s": record.disturbed_s, "observed_s": record.observed_s}
        row["block_start_s"] = record.block_start_ns / 1e9
        row["total_s"] = None if wall is None else wall + setup
        first = record.first_evaluation_ns
        row["first_evaluation_s"] = None if first is None else first / 1e9
        row |= {f"{phase}_s": record.phases_ns.get(phase, 0) / 1e9 for phase in PHASES}
        row["evaluation_wait_s"] = record.waits_ns.get("evaluate", 0) / 1e9
        rows.append(row | record.usage)
    columns = [
        *_PLAIN,
        "extrapolated",
        "wall_s",
        "setup_s",
        "turnaround_s",
        "disturbed_s",
        "observed_s",
        "disturbed",
        "total_s",
        "first_evaluation_s",
    ]
    columns += [*(f"{phase}_s" for phase in PHASES), "evaluation_wait_s"]
    if not rows:
        return pd.DataFrame(columns=columns)
    frame = pd.DataFrame(rows)
    flags = disturbed_blocks(records)
    frame["disturbed"] = [flags[record.group] for record in records]
    return frame
