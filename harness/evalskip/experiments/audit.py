"""What evaluation cost in runs that are over: their logs read, their figures put together."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from evalskip.analysis.audit import audited
from evalskip.analysis.identity import made_now
from evalskip.analysis.recommendation import WITHIN
from evalskip.errors import InputError
from evalskip.logs import read_runs
from evalskip.notes import note
from evalskip.results import fresh_directory
from evalskip.summary import AuditSummary, Effort, Scope, Summary, write_sections
from evalskip.targets import Target

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from evalskip.notes import Note
    from evalskip.summary import AuditedRun


def audit_logs(
    paths: Sequence[str | Path],
    within: float,
    per_hour: float | None,
    out: Path | None,
    target: Target | None = None,
) -> tuple[Summary, list[str]]:
    """Audit runs by their logs, and write the result where a directory is given.

    Args:
        paths: files, folders, globs, or ``-`` for standard input.
        within: the share of training time that evaluation should keep to.
        per_hour: price of an hour; None: not given.
        out: a directory for ``summary.json``; None: nothing is written.
        target: at which such training stops; None: it does not, but by a run's own patience.

    Returns:
        The summary, and why each log that could not be read was not, a line each.

    Raises:
        InputError: no log could be read.
    """
    started = perf_counter()
    reading = read_runs(paths)
    if not reading.runs:
        if len(reading.unread) == 1:
            raise InputError(reading.unread[0])
        if reading.unread:
            raise InputError(
                f"none of {len(reading.unread)} logs could be read", below=reading.unread[:5]
            )
        raise InputError(
            f"{', '.join(map(str, paths))}: no log of a training found; expected a Trainer's "
            "state, its printed log, or LLaMA-Factory's"
        )
    runs = sorted(map(partial(audited, within=within, target=target), reading.runs), key=_by_cost)
    _tell_apart(runs)
    section = AuditSummary(
        runs=runs,
        within=within,
        per_hour=per_hour,
        unread=reading.unread,
        effort=Effort(runs=0, seconds=perf_counter() - started, stopped=note("read_from_log")),
        warnings=_warnings(runs, len(reading.unread)),
    )
    name = out.resolve().name if out else "audit"
    summary = Summary(
        name=name,
        made=made_now(None, {}),
        scope=Scope(
            job=note("finished_runs", count=len(runs)),
            model=near(runs[0].name) if len(runs) == 1 else "",
            parameters=0,
            device=note("own_device"),
        ),
        audit=section,
    )
    if out is not None:
        with fresh_directory(out):
            summary = write_sections(out, summary)
    return summary, reading.unread


def _tell_apart(runs: Sequence[AuditedRun]) -> None:
    """Number those that one file holds."""
    counts = Counter(run.name for run in runs)
    numbers: Counter[str] = Counter()
    for run in sorted(runs, key=lambda run: run.name):
        name = run.name
        if counts[name] > 1:
            numbers[name] += 1
            run.name = f"{name} #{numbers[name]}"


def near(name: str) -> str:
    """A path as seen from where people are, if it lies below."""
    place = Path(name)
    return str(place.relative_to(Path.cwd())) if place.is_relative_to(Path.cwd()) else name


def _by_cost(run: AuditedRun) -> tuple[float, str]:
    """What evaluation took most first."""
    return -((run.evaluation_s or 0) + (run.evaluation_after_s or 0)), run.name


def _warnings(runs: Sequence[AuditedRun], unread: int) -> list[Note]:
    warnings = list(runs[0].warnings) if len(runs) == 1 else []
    if len(runs) > 1:
        without = sum(run.share is None for run in runs)
        if without:
            warnings.append(note("runs_without_share", count=without, whole=len(runs)))
        odd = sum(bool(run.warnings) for run in runs)
        if odd:
            warnings.append(note("runs_with_remarks", count=odd))
    if unread:
        warnings.append(note("logs_unread", count=unread))
    return warnings


@dataclass(frozen=True)
class Audit:
    """What logs say of runs that are over."""

    section: AuditSummary

    @property
    def runs(self) -> list[AuditedRun]:
        """Runs, that in which evaluation took longest first."""
        return self.section.runs

    def frame(self) -> pd.DataFrame:
        """The same as a frame: see :func:`evalskip.analysis.frames.frame_of_audit`."""
        from evalskip.analysis.frames import frame_of_audit

        return frame_of_audit(self.section)


def audit(*paths: str | Path, within: float = WITHIN, target: str | None = None) -> Audit:
    """Read what evaluation cost off the logs of runs that are over.

    ::

        from evalskip import audit

        audit("outputs").frame()[["name", "share", "evaluation_s"]]

    Args:
        *paths: files, folders (searched) or globs.
        within: the share of training time that evaluation should keep to.
        target: at which such training stops, as ``eval_loss=0.925``; None: it does not.

    Raises:
        InputError: no log could be read.
        ValueError: the target is none.
    """
    stop_at = Target.from_text(target) if target is not None else None
    summary, _ = audit_logs(paths, within, None, None, stop_at)
    if summary.audit is None:
        raise InputError("nothing was read")
    return Audit(summary.audit)
