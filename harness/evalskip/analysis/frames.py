"""Records as a table, one row per run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from evalskip.probe.measured import PHASES
from evalskip.records import disturbed_blocks

if TYPE_CHECKING:
    from collections.abc import Iterable

    from evalskip.records import RunRecord
    from evalskip.summary import AuditSummary

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


_AUDITED = (
    "name",
    "training_s",
    "evaluations",
    "sets",
    "evaluation_s",
    "evaluation_error_s",
    "evaluations_after",
    "evaluation_after_s",
    "share",
    "share_with_after",
    "gain",
    "gain_with_after",
    "first_evaluation_s",
    "first_share",
    "trained_samples",
    "evaluated_samples",
    "train_over_evaluation",
    "generates",
    "kind",
    "steps",
    "planned_steps",
    "epochs",
)


def frame_of_audit(section: AuditSummary) -> pd.DataFrame:
    """One row per finished run, that in which evaluation took longest first.

    Columns: the plain fields of :class:`evalskip.summary.AuditedRun` (durations in seconds, shares
    and gains as fractions), ``schedule`` and ``unknown`` (why ``training_s`` is not known) as codes
    of notes, ``eval_steps`` (what keeps to the share, or stops soonest, where it is known),
    ``patience`` and ``reached_step`` (of :class:`evalskip.summary.Stopping`) and ``sources``.
    """
    rows = []
    for run in section.runs:
        row = {name: getattr(run, name) for name in _AUDITED}
        row["schedule"] = str(run.schedule)
        row["unknown"] = run.share_unknown.code if run.share_unknown else None
        row["eval_steps"] = run.recommendation.every_steps if run.recommendation else None
        stopping = run.stopping
        row["patience"] = stopping.condition.patience if stopping else None
        row["reached_step"] = stopping.reached_step if stopping else None
        row["sources"] = "; ".join(source.path for source in run.sources)
        rows.append(row)
    more = ("schedule", "unknown", "eval_steps", "patience", "reached_step", "sources")
    return pd.DataFrame(rows, columns=[*_AUDITED, *more])


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
