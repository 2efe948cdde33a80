"""Step times around an evaluation: what it does to the steps that follow."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Any

from evalskip.records import RecordStore
from evalskip.report.plots.drawing import COLOURS, INK, Plot, figure, svg_of
from evalskip.report.tables import Table

if TYPE_CHECKING:
    from pathlib import Path

    from evalskip.summary import Summary

_BEFORE, _AFTER = 4, 8
_MOST_ARMS = 4


def plot(summary: Summary, directory: Path) -> Plot | None:
    """Median step time by its distance from an evaluation, in units of the run's median step."""
    if not (directory / "runs.jsonl").is_file():
        return None
    store = RecordStore(directory)
    around: dict[str, dict[int, list[float]]] = {}
    for record in store.read():
        if record.status == "ok" and record.measure == "time" and record.evaluations:
            timeline = store.steps_of(record).get("timeline")
            if timeline:
                _add(around.setdefault(record.arm, {}), timeline)
    around = {arm: found for arm, found in around.items() if len(found) > 1}
    if not around:
        return None
    places = sorted({place for found in around.values() for place in found})
    table = Table(
        title="Steps around an evaluation",
        note="Median time of a step, by how many steps it lies after an evaluation (1: right after "
        "it), as a multiple of the median step of its run.",
        columns=("arm", *(f"{place:+d}" for place in places)),
        rows=[
            (arm, *(f"{median(found[p]):.3f}" if p in found else "–" for p in places))
            for arm, found in around.items()
        ],
    )
    with figure() as (made, axes):
        axes.axvline(0.5, color=INK, lw=0.8, ls=":")
        for (arm, found), colour in zip(list(around.items())[:_MOST_ARMS], COLOURS, strict=False):
            own = sorted(found)
            axes.plot(own, [median(found[p]) for p in own], "o-", ms=4, color=colour, label=arm)
        axes.set_xlabel("steps from the evaluation")
        axes.set_ylabel("step time / median step")
        axes.legend(fontsize=9)
        return Plot("around", svg_of(made, table.title), table)


def _add(found: dict[int, list[float]], timeline: dict[str, Any]) -> None:
    """The steps of one run, by place: 0 is the last before an evaluation, 1 the first after it."""
    steps = timeline["steps_ns"]
    usual = median(steps) if steps else 0
    if not usual:
        return
    for evaluation in timeline["evaluations"]:
        after = evaluation["after_step"]
        for place in range(1 - _BEFORE, _AFTER + 1):
            step = after + place - 1
            if 0 < step < len(steps):  # the first step of a run is slow for another reason
                found.setdefault(place, []).append(steps[step] / usual)
