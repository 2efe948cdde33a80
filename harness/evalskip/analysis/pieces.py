"""The times of a run's pieces as arrays, one row per block: what matched steps works on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt

    from evalskip.records import RunRecord

    Mask = npt.NDArray[np.bool_]
    Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Pieces:
    """One arm's runs: row b of each array is the run of ``blocks[b]``, in seconds.

    All pieces of a run sum to its T. Column i of ``steps`` is step i; those of ``evaluations`` are
    each evaluation's loader start, batches, aggregation and log, in order; those of ``remainders``
    are the time before and after the loop, each save and each log of training.
    """

    blocks: tuple[int, ...]
    steps: Floats
    evaluations: Floats
    remainders: Floats
    evaluated_after: tuple[int, ...]

    def at(self, blocks: Sequence[int]) -> Pieces:
        """The same arm with the rows of these blocks only."""
        place = {block: row for row, block in enumerate(self.blocks)}
        rows = [place[block] for block in blocks]
        return replace(
            self,
            blocks=tuple(blocks),
            steps=self.steps[rows],
            evaluations=self.evaluations[rows],
            remainders=self.remainders[rows],
        )

    def window(self, length: int) -> Mask:
        """Which steps lie within ``length`` steps after an evaluation.

        None do where all would: there is then nothing to tell a hidden cost from.
        """
        inside = np.zeros(self.steps.shape[1], dtype=bool)
        for step in self.evaluated_after:
            inside[step : step + length] = True
        return inside & ~inside.all()


def pieces_of(
    runs: Mapping[int, RunRecord], timeline_of: Callable[[RunRecord], Mapping[str, Any]]
) -> tuple[Pieces | None, list[str]]:
    """One arm's pieces, and a warning for each run that had to be left out.

    Left out is a run without times, whose times do not sum to T or run backwards, or that has
    other pieces than most runs of its arm.

    Args:
        runs: of one arm, by block; all ended well.
        timeline_of: gives a run's timeline, as its file in ``steps/`` holds it.
    """
    warnings: list[str] = []
    rows: dict[int, tuple[list[int], list[int], list[int]]] = {}
    for block, run in runs.items():
        row = _row(timeline_of(run))
        if row is None:
            warnings.append(f"{run.arm}, block {block}: left out: its times per step are missing")
        elif min(map(min, filter(None, row)), default=0) < 0:
            warnings.append(f"{run.arm}, block {block}: left out: its clock went backwards")
        elif sum(map(sum, row)) != run.wall_ns:
            warnings.append(f"{run.arm}, block {block}: left out: its times do not sum to T")
        else:
            rows[block] = row
    shapes = [tuple(map(len, row)) for row in rows.values()]
    if not shapes:
        return None, warnings
    usual = max(sorted(set(shapes)), key=shapes.count)
    for block in [block for block, row in rows.items() if tuple(map(len, row)) != usual]:
        warnings.append(
            f"{runs[block].arm}, block {block}: left out: {len(rows[block][0])} steps and "
            f"{len(rows[block][1])} pieces of evaluation, expected {usual[0]} and {usual[1]}"
        )
        del rows[block]
    arrays = [
        np.array([row[part] for row in rows.values()], dtype=float) / 1e9 for part in (0, 1, 2)
    ]
    first = next(iter(rows))
    return (
        Pieces(tuple(rows), arrays[0], arrays[1], arrays[2], tuple(runs[first].evaluated_after)),
        warnings,
    )


def _row(timeline: Mapping[str, Any]) -> tuple[list[int], list[int], list[int]] | None:
    """Nanoseconds of a run's steps, pieces of evaluation, and remainders."""
    if not timeline:
        return None
    evaluations: list[int] = []
    for evaluation in timeline["evaluations"]:
        evaluations += [evaluation["loader_ns"], *evaluation["batches_ns"]]
        evaluations += [evaluation["aggregation_ns"], evaluation["log_ns"]]
    remainders = [timeline["before_loop_ns"], timeline["after_loop_ns"]]
    remainders += [ns for _, ns in timeline["saves_ns"]] + [ns for _, ns in timeline["logs_ns"]]
    return timeline["steps_ns"], evaluations, remainders
