"""The figures of public runs: one per row of ``runs.csv``, as it names them."""

from __future__ import annotations

import csv
import math
from dataclasses import astuple, dataclass, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


@dataclass(frozen=True)
class WildRun:
    """What evaluation cost in one public run."""

    source: str
    repo_or_org: str
    commit: str
    path_or_system: str
    task: str
    total_s: float
    """Of training, evaluations included."""
    evals: int
    eval_s: float
    share_pct: float
    gain_pct: float | None
    load: float | None
    """Evaluated samples per trained sample."""
    train_over_eval_cost_per_sample: float | None
    flag: str

    @property
    def is_whole(self) -> bool:
        """Whether its evaluations lie in the time that they are divided by."""
        return self.share_pct <= 100


COLUMNS = tuple(field.name for field in fields(WildRun))
_MOST_S = 1e9
"""About thirty years; a longer run is a damaged number."""


_LONGEST_NAME = 200


def word(value: object) -> str:
    """A name that a log holds, on one line and no longer than names are."""
    return " ".join(str(value).split())[:_LONGEST_NAME]


def run_of(
    *, source: str, path: str, task: str, total_s: float, evals: int, eval_s: float, flag: str
) -> WildRun:
    """The figures of a run that was read from a log.

    Raises:
        ValueError: seconds that no run can have.
    """
    if not (math.isfinite(total_s) and math.isfinite(eval_s)):
        raise ValueError("a time is no finite number")
    if not 0 < total_s <= _MOST_S:
        raise ValueError("training takes no time, or takes decades")
    if not 0 <= eval_s <= total_s:
        raise ValueError("evaluation takes longer than the run, or less than no time")
    if evals < 1:
        raise ValueError("no evaluation inside the run")
    rest = total_s - eval_s
    return WildRun(
        source=source,
        repo_or_org="",
        commit="",
        path_or_system=path,
        task=word(task),
        total_s=round(total_s, 3),
        evals=evals,
        eval_s=round(eval_s, 3),
        share_pct=round(100 * eval_s / total_s, 3),
        gain_pct=round(100 * eval_s / rest, 2) if rest else None,
        load=None,
        train_over_eval_cost_per_sample=None,
        flag=word(flag),
    )


def read_figures(path: Path) -> list[WildRun]:
    """Every row of a ``runs.csv``.

    Raises:
        ValueError: it has other columns, or a figure is none.
    """
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        try:
            if tuple(next(rows, ())) != COLUMNS:
                raise ValueError(f"{path}: expected the columns {', '.join(COLUMNS)}")
            return [_run(row, f"{path}:{rows.line_num}") for row in rows]
        except csv.Error as error:
            raise ValueError(f"{path}:{rows.line_num}: {error}") from None


def write_figures(runs: Iterable[WildRun], path: Path) -> None:
    """Write a ``runs.csv``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # the name of a file may be no Unicode
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(COLUMNS)
        rows.writerows(astuple(run) for run in runs)


def _run(row: list[str], place: str) -> WildRun:
    if len(row) != len(COLUMNS):
        raise ValueError(f"{place}: expected {len(COLUMNS)} columns, got {len(row)}")
    texts, figures, flag = row[:5], row[5:12], row[12]
    try:
        total_s, evals, eval_s, share = figures[:4]
        gain, load, cost = (float(text) if text else None for text in figures[4:])
        return WildRun(
            *texts, float(total_s), int(evals), float(eval_s), float(share), gain, load, cost, flag
        )
    except ValueError:
        raise ValueError(f"{place}: a figure is no number") from None
