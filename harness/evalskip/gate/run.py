"""One gate: today's result against a baseline, a budget, or both, and added to history."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from evalskip.analysis.interim import simultaneous_level
from evalskip.errors import MeasurementError
from evalskip.files import read_json
from evalskip.gate.baseline import Experiment, GateSession, add_session, read_baseline
from evalskip.gate.figures import Benchmark, figures_of
from evalskip.gate.history import add_to_history, shifts
from evalskip.gate.judge import (
    GateResult,
    comparable,
    judged,
    noise_of,
    shares_of,
    within_budget,
)
from evalskip.gate.kinds import UNDISTURBED_TIME
from evalskip.machine.fingerprint import same_model
from evalskip.notes import note
from evalskip.records import RecordStore
from evalskip.summary import read_summary

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from evalskip.gate.baseline import Baseline
    from evalskip.gate.figures import Figure
    from evalskip.gate.judge import Change
    from evalskip.notes import Note
    from evalskip.summary import Summary

LEVEL = 0.99


def session_of(
    summary: Summary, directory: Path, benchmark: Path | None = None
) -> tuple[Experiment, GateSession]:
    """What a result says, as one session.

    Args:
        summary: of the result.
        directory: in which it lies.
        benchmark: what pytest-benchmark wrote; ``benchmark.json`` there, if it is.

    Raises:
        InputError: a file is missing, half written or of another schema.
        MeasurementError: nothing was measured that a gate could compare.
    """
    figures = figures_of(summary, _read_benchmark(directory, benchmark))
    if not figures:
        raise MeasurementError(
            f"{directory}: nothing was measured that a gate compares; expected at least six "
            "matched blocks"
        )
    runs = RecordStore(directory).read()
    at = runs[-1].started_at if runs else datetime.now(UTC).isoformat(timespec="milliseconds")
    label = os.environ.get("GITHUB_SHA", "")[:12]
    experiment = Experiment.from_result(summary.scope, summary.bench)
    return experiment, GateSession.from_figures(
        experiment, summary.made, figures, at=at, label=label
    )


def add_to_baseline(
    directory: Path, baseline: Path, history: Path | None = None, benchmark: Path | None = None
) -> Baseline:
    """Add a result to a baseline, as one more session, and to history.

    Raises:
        InputError, MeasurementError: as of :func:`session_of`; or another experiment's baseline.
    """
    experiment, session = session_of(read_summary(directory), directory, benchmark)
    new_baseline = add_session(baseline, experiment, session)
    if history is not None:
        add_to_history(history, session)
    return new_baseline


def gate(
    directory: Path,
    *,
    baseline: Path | None,
    max_share: float | None,
    history: Path | None = None,
    benchmark: Path | None = None,
    level: float = LEVEL,
) -> tuple[GateResult, GateSession]:
    """Judge a result; what was found, and today's session.

    Args:
        directory: of today's results.
        baseline: to compare with.
        max_share: budget of evaluation, as a fraction of T.
        history: file of all sessions, to which today is added.
        benchmark: what pytest-benchmark wrote.
        level: at which a build without a change passes.

    Raises:
        InputError: an input is missing, half written, of another schema or of another experiment.
        MeasurementError: nothing was measured that a gate compares.
    """
    summary, reference = read_summary(directory), None
    experiment, today = session_of(summary, directory, benchmark)
    result = GateResult(
        name=directory.resolve().name, made=summary.made, level=level, sessions=0, changes=[]
    )
    if baseline is not None:
        reference = read_baseline(baseline)
        reference.check(experiment, baseline)
        result.sessions = len(reference.sessions)
    # the level is that of the whole gate
    before = comparable(reference, today) if reference else {}
    questions = len(before)
    questions += len(shares_of(today)) if max_share is not None else 0
    each = simultaneous_level(level, (1,), questions)
    if reference:
        result.changes += judged(reference, today, each)
        result.notes += _notes(reference, today, before, result.changes, each)
    if max_share is not None and summary.bench is not None:
        over = within_budget(summary.bench, today, max_share, each)
        if all(change.change is None for change in over):
            raise MeasurementError(f"{directory}: no arm's evaluation share is known")
        result.changes += over
    if history is not None:
        result.shifts = shifts(add_to_history(history, today), today)
    return result, today


def _notes(
    baseline: Baseline,
    today: GateSession,
    before: Mapping[str, Sequence[Figure]],
    changes: Sequence[Change],
    level: float,
) -> list[Note]:
    notes = []
    if len(baseline.sessions) == 1:
        notes.append(note("baseline_of_one_session"))
    for figures in before.values():
        if (noise := noise_of(figures, level)) is not None:
            kind, arm = figures[0].kind, figures[0].subject
            within = note("gate_change", kind=kind, change=noise)
            notes.append(note("baseline_is_noisy", figure=note(kind), arm=arm, within=within))
    times = [change for change in changes if change.kind == UNDISTURBED_TIME.name]
    if not any(change.change is not None for change in times):
        same = any(same_model(session.machine, today.machine) for session in baseline.sessions)
        why = note("others_disturbed" if same else "baseline_of_another_machine")
        notes.append(note("times_not_compared", why=why))
    if any(change.outcome == "improved" for change in times):
        notes.append(note("training_is_faster"))
    return notes


def _read_benchmark(directory: Path, file: Path | None) -> Benchmark | None:
    path = file or directory / "benchmark.json"
    if file is None and not path.exists():
        return None
    return read_json(path, Benchmark, "the JSON of pytest-benchmark")
