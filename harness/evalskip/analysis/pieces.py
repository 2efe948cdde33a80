"""The times of a run's pieces as arrays, one row per block: what estimates are made of."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from evalskip.cut import cut, times
from evalskip.notes import Note, note
from evalskip.probe.measured import PHASES
from evalskip.slices import weights

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt

    from evalskip.records import RunRecord, Steps

    Mask = npt.NDArray[np.bool_]
    Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Pieces:
    """One arm's runs: row b of each array is the run of ``blocks[b]``, in seconds.

    All pieces of a run sum to its T. Column i of ``steps`` is step i; column k of ``evaluations``
    is all that is evaluated after step ``evaluated_after[k]``, from the loader's start to the log;
    those of ``remainders`` are the time before the loop and after it, each save and each log of
    training.

    Where only a slice of the job was run, evaluations and remainders are given for the whole of it,
    and ``weights`` says how many of its steps each step stands for; they differ between arms, so
    those that are compared need the same: see :meth:`weighted`.
    """

    blocks: tuple[int, ...]
    steps: Floats
    evaluations: Floats
    remainders: Floats
    evaluated_after: tuple[int, ...]
    weights: tuple[float, ...] | None = None

    def totals(self, weights: Floats) -> Floats:
        """Per run, T in seconds.

        Args:
            weights: how many of the job's steps each step stands for, of shape (steps,).
        """
        beside = self.evaluations.sum(axis=1) + self.remainders.sum(axis=1)
        totals: Floats = self.steps @ weights + beside
        return totals

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


def pieces_of(
    runs: Mapping[int, RunRecord], steps_of: Callable[[RunRecord], Steps | None], window: int
) -> tuple[Pieces | None, list[Note]]:
    """One arm's pieces, and a warning for each run that had to be left out.

    Left out is a run without times, whose times do not sum to T or run backwards, or that has
    other pieces than most runs of its arm.

    Args:
        runs: of one arm, by block; all ended well.
        steps_of: gives what a run measured step by step, as its file in ``steps/`` holds it.
        window: steps after an evaluation that may bear its after-effect.
    """
    warnings: list[Note] = []
    rows: dict[int, _Row] = {}
    for block, run in runs.items():
        steps = steps_of(run)
        row = _row(steps, window) if steps else None
        if row is None:
            warnings.append(note("times_are_missing", arm=run.arm, block=block))
        elif row.runs_backwards:
            warnings.append(note("clock_went_backwards", arm=run.arm, block=block))
        elif abs(row.total - (run.wall_ns or 0)) > (len(PHASES) if row.weights else 0):
            warnings.append(note("times_do_not_sum", arm=run.arm, block=block))
        else:
            rows[block] = row
    shapes = [row.shape for row in rows.values()]
    if not shapes:
        return None, warnings
    usual = max(sorted(set(shapes)), key=shapes.count)
    for block in [block for block, row in rows.items() if row.shape != usual]:
        warnings.append(
            note(
                "other_pieces",
                arm=runs[block].arm,
                block=block,
                steps=len(rows[block].steps),
                evaluations=len(rows[block].evaluations),
                usual_steps=usual[0],
                usual_evaluations=usual[1],
            )
        )
        del rows[block]
    usual_rows = list(rows.values())
    return (
        Pieces(
            tuple(rows),
            np.array([row.steps for row in usual_rows], dtype=float) / 1e9,
            np.array([row.evaluations for row in usual_rows], dtype=float) / 1e9,
            np.array([row.remainders for row in usual_rows], dtype=float) / 1e9,
            usual_rows[0].evaluated_after,
            usual_rows[0].weights,
        ),
        warnings,
    )


@dataclass(frozen=True)
class _Row:
    """Nanoseconds of one run's pieces, those of evaluations and remainders for the whole job."""

    steps: list[float]
    evaluations: list[float]
    remainders: list[float]
    evaluated_after: tuple[int, ...]
    weights: tuple[float, ...] | None
    runs_backwards: bool

    @property
    def shape(self) -> tuple[int, ...]:
        return len(self.steps), len(self.evaluations), len(self.remainders)

    @property
    def total(self) -> float:
        """T, of the whole job."""
        steps = times(self.weights, self.steps) if self.weights else self.steps
        return sum(steps) + sum(self.evaluations) + sum(self.remainders)


def _row(run: Steps, window: int) -> _Row:
    pieces = cut(run.timeline, unit_ns=1)
    slice_weights = weights(run.timeline, run.full_run, window) if run.full_run else None
    whole_job = slice_weights.applied(pieces) if slice_weights else pieces
    after = whole_job.evaluations_after()
    return _Row(
        steps=pieces.steps,
        evaluations=[sum(e.total + e.log for e in evaluated) for evaluated in after.values()],
        remainders=whole_job.remainders,
        evaluated_after=tuple(after),
        weights=tuple(slice_weights.steps) if slice_weights else None,
        runs_backwards=pieces.runs_backwards,
    )
