"""What would sparser evaluation have kept in real runs? Replayed from the curves in their logs.

Runs that were stopped by their evaluations are left out: beyond their end there is no curve. Each
of the others is looked at as if it made one evaluation in so many, begun at each of the first, with
the last one among them; what is kept is compared with the best that it evaluated. Logs whose names
begin alike (``010093-1``, ``010093-2``) are of one repository, and count as one.

``make regret-logs LOGS=folder`` writes the table; the logs are other people's and not in this
repository.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path, PurePath
from statistics import median
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from evalskip.analysis.audit import audited
from evalskip.analysis.metrics import metric_of
from evalskip.analysis.past import FEWEST, curve_of
from evalskip.logs import read_runs
from evalskip.public import KeptWorse
from validate_logs import quantile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.logs import FinishedRun
    from evalskip.notes import Note

FIGURES = Path(__file__).resolve().parents[1] / "results/reference/wild/regret.json"
"""For ``make wild``."""
OUT = Path(__file__).resolve().parents[1] / "results/reference/regret-logs.md"
KINDS = {
    "loss": "evaluation loss alone",
    "metric": "a metric of single passes",
    "generate": "generates",
}
POLICIES = {"2": "every 2nd", "3": "every 3rd", "5": "every 5th", "10": "every 10th", "": "last"}
NOTHING = 1e-9
_KEPT = TypeAdapter(list[KeptWorse])


def read_kept() -> list[KeptWorse]:
    """What the logs said when they were read last."""
    return _KEPT.validate_json(FIGURES.read_bytes())


@dataclass(frozen=True)
class Lost:
    """What one run would have lost, by policy, as parts of what training gained.

    What it gained is from the worst evaluation of its first tenth to its best.
    """

    repository: str
    kind: str
    by_loss: bool
    evaluations: int
    parts: dict[str, float]


def lost_of(run: FinishedRun) -> Lost | None:
    """Of one run; None: it was stopped, or its curve says nothing."""
    figures = audited(run, 0.05)
    if figures.missed is None or not figures.missed.policies or _was_stopped(run):
        return None
    metric = metric_of(run)
    curve = curve_of(run, metric) if metric else None
    if metric is None or curve is None or len(curve.steps) < FEWEST:
        return None
    first = float(max(curve.loss[: max(1, len(curve.steps) // 10)]))
    gained = first - float(curve.loss.min())
    if not 0 < gained < float("inf"):
        return None
    return Lost(
        repository=PurePath(run.sources[0].path).name.split("-")[0],
        kind=figures.kind or "loss",
        by_loss=metric.name.endswith("loss"),
        evaluations=len(curve.steps),
        parts={_named(each.policy): each.regret / gained for each in figures.missed.policies},
    )


def _was_stopped(run: FinishedRun) -> bool:
    """Whether it came to an end before its plan did; a checkpoint on the way did not."""
    return bool(run.parts and run.planned_steps and run.steps and run.steps < run.planned_steps)


def _named(policy: Note) -> str:
    count = policy.parameters.get("count")
    return "" if count is None else str(count)


def _medians(rows: Sequence[Lost], policy: str) -> list[float]:
    """Of each repository, the median over its runs."""
    own: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        if policy in row.parts:
            own[row.repository].append(row.parts[policy])
    return sorted(median(parts) for parts in own.values())


def kept_worse(rows: Sequence[Lost]) -> list[KeptWorse]:
    """What the package ships of it."""
    return [
        KeptWorse(
            every=int(policy),
            repositories=len(parts),
            lost=round(median(parts), 4),
            none=sum(part <= NOTHING for part in parts),
        )
        for policy in filter(None, POLICIES)
        if (parts := _medians(rows, policy))
    ]


def _cell(parts: Sequence[float]) -> str:
    if not parts:
        return "–"
    none = sum(part <= NOTHING for part in parts)
    worst = quantile(parts, 0.9)
    ninth = f"{100 * worst:.1f}" if worst <= 1 else "over 100"
    return f"{100 * median(parts):.1f}, {ninth} ({none} of {len(parts)})"


def page(rows: Sequence[Lost], files: int) -> str:
    """The table.

    Args:
        rows: one per run.
        files: logs that were read.
    """
    groups = {KINDS[kind]: [row for row in rows if row.kind == kind] for kind in KINDS}
    groups = {
        **groups,
        "chosen by a loss": [row for row in rows if row.by_loss],
        "chosen by another metric": [row for row in rows if not row.by_loss],
        "all": list(rows),
    }
    repositories = len({row.repository for row in rows})
    lines = [
        "# What sparser evaluation would have kept in public runs",
        "",
        f"{len(rows)} runs of {repositories} public repositories that were not stopped by their "
        f"evaluations and made at least {FEWEST}, read from {files} Trainer logs, "
        "as far as these go. Made by `make regret-logs LOGS=folder`; the logs are other people's "
        "and not in this repository. Regret in per cent of what training gained (worst evaluation "
        "of the first tenth less the best), "
        "mean over where looking begins. In a cell: median and ninth decile over repositories, "
        "and how many of them lose nothing. A curve of the validation set that also chose says "
        "less than new samples would: the best of many noisy figures looks better than it is.",
        "",
        "| evaluation | runs | repositories | " + " | ".join(POLICIES.values()) + " |",
        "| --- | ---: | ---: |" + " --- |" * len(POLICIES),
    ]
    for name, own in groups.items():
        if own:
            cells = " | ".join(_cell(_medians(own, policy)) for policy in POLICIES)
            lines.append(
                f"| {name} | {len(own)} | {len({row.repository for row in own})} | {cells} |"
            )
    return "\n".join([*lines, ""])


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("logs", type=Path, nargs="+", help="folders of Trainer logs")
    reading = read_runs(parser.parse_args().logs)
    rows = [lost for run in reading.runs if (lost := lost_of(run)) is not None]
    FIGURES.write_text(_KEPT.dump_json(kept_worse(rows), indent=2).decode() + "\n")
    OUT.write_text(page(rows, reading.files), encoding="utf-8")
    print(OUT)


if __name__ == "__main__":
    main()
