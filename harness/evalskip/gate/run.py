"""One gate: today's result against a baseline, a budget, or both, and added to history."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from evalskip.errors import InputError, MeasurementError
from evalskip.gate.baseline import Experiment, Session, add_session, read_baseline
from evalskip.gate.figures import figures_of
from evalskip.gate.history import add_to_history, shifts
from evalskip.gate.judge import GateResult, judged, within_budget
from evalskip.machine.fingerprint import same_model
from evalskip.records import RecordStore
from evalskip.summary import read_summary

if TYPE_CHECKING:
    from pathlib import Path

    from evalskip.gate.baseline import Baseline

LEVEL = 0.99


def session_of(directory: Path, benchmark: Path | None = None) -> tuple[Experiment, Session]:
    """What a result directory says, as one session.

    Args:
        directory: of results.
        benchmark: what pytest-benchmark wrote; ``benchmark.json`` there, if it is.

    Raises:
        InputError: a file is missing, half written or of another schema.
        MeasurementError: nothing was measured that a gate could compare.
    """
    summary = read_summary(directory)
    figures = figures_of(summary, _read_benchmark(directory, benchmark))
    if not figures:
        raise MeasurementError(
            f"{directory}: nothing was measured that a gate compares; expected at least two "
            "matched blocks"
        )
    runs = RecordStore(directory).read()
    at = runs[-1].started_at if runs else datetime.now(UTC).isoformat(timespec="milliseconds")
    label = os.environ.get("GITHUB_SHA", "")[:12]
    return Experiment.of(summary), Session.of(summary, figures, at=at, label=label)


def add_to_baseline(directory: Path, baseline: Path, benchmark: Path | None = None) -> Baseline:
    """Add a result to a baseline, as one more session.

    Raises:
        InputError, MeasurementError: as of :func:`session_of`; or another experiment's baseline.
    """
    return add_session(baseline, *session_of(directory, benchmark))


def gate(
    directory: Path,
    *,
    baseline: Path | None,
    max_share: float | None,
    history: Path | None = None,
    benchmark: Path | None = None,
    level: float = LEVEL,
) -> tuple[GateResult, Session]:
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
        MeasurementError: nothing was measured that could be compared.
    """
    experiment, today = session_of(directory, benchmark)
    result = GateResult(name=directory.resolve().name, level=level, sessions=0, changes=[])
    if baseline is not None:
        known = read_baseline(baseline)
        known.check(experiment, baseline)
        result.sessions = len(known.sessions)
        result.changes += judged(known, today, level)
        result.notes += _notes(known, today)
    if max_share is not None:
        result.changes += within_budget(today.figures, max_share, level)
    if all(change.change is None for change in result.changes):
        raise MeasurementError(f"{directory}: none of its figures could be compared")
    if history is not None:
        result.shifts = shifts(add_to_history(history, today))
    return result, today


def _notes(baseline: Baseline, today: Session) -> list[str]:
    notes = []
    if len(baseline.sessions) == 1:
        notes.append(
            "the baseline holds one session: how sessions differ is believed, not known; add more"
        )
    if not any(same_model(session.machine, today.machine) for session in baseline.sessions):
        notes.append(
            "another model of machine than the baseline's: absolute times are not compared, and a "
            "slow-down of training and evaluation alike would not be seen"
        )
    return notes


def _read_benchmark(directory: Path, given: Path | None) -> dict[str, Any] | None:
    path = given or directory / "benchmark.json"
    if given is None and not path.exists():
        return None
    try:
        found = json.loads(path.read_text())
        for each in found["benchmarks"]:
            stats = each["stats"]
            float(stats["median"]), float(stats["iqr"]), int(stats["rounds"]), each["name"]
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{path}: expected the JSON of pytest-benchmark") from None
    return dict(found)
