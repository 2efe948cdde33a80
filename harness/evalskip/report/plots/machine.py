"""What the machine was doing while the runs were made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.records import RecordStore
from evalskip.report.plots.drawing import COLOURS, Plot, figure, svg_of
from evalskip.report.tables import Table

if TYPE_CHECKING:
    from pathlib import Path

    from evalskip.summary import Summary


def plot(summary: Summary, directory: Path) -> Plot | None:
    """T of every run in the order in which they were made; those that others disturbed are marked."""
    if not (directory / "runs.jsonl").is_file():
        return None
    runs = [
        record
        for record in RecordStore(directory).read()
        if record.measure == "time" and record.status == "ok" and record.wall_ns
    ]
    if not runs:
        return None
    arms = list(dict.fromkeys(record.arm for record in runs))
    table = Table(
        title="Every run, as it was made",
        note="T in seconds, and whether others kept the machine busy meanwhile.",
        columns=("run", "began at", "block", "arm", "T s", "contaminated"),
        rows=[
            (
                str(number),
                record.started_at,
                str(record.block),
                record.arm,
                f"{(record.wall_ns or 0) / 1e9:.2f}",
                {True: "yes", False: "no", None: "not judged"}[record.contaminated],
            )
            for number, record in enumerate(runs, 1)
        ],
    )
    with figure() as (made, axes):
        for arm, colour in zip(arms, COLOURS * len(arms), strict=False):
            own = [(number, r) for number, r in enumerate(runs, 1) if r.arm == arm]
            seconds = [(r.wall_ns or 0) / 1e9 for _, r in own]
            axes.plot([number for number, _ in own], seconds, "o", ms=4, color=colour, label=arm)
        disturbed = [(n, r) for n, r in enumerate(runs, 1) if r.contaminated]
        if disturbed:
            axes.plot(
                [number for number, _ in disturbed],
                [(r.wall_ns or 0) / 1e9 for _, r in disturbed],
                "x",
                ms=9,
                color=COLOURS[5],
                label="contaminated",
            )
        axes.set_ylim(0)
        axes.set_xlabel("run, in the order in which they were made")
        axes.set_ylabel("T, s")
        axes.legend(fontsize=8, ncols=2, loc="lower right")
        return Plot("machine", svg_of(made, table.title), table)
