"""Peak memory of a whole job, from a process that metered every step and every batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from evalskip.summary import Interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.analysis.parts import PilotRun
    from evalskip.probe.measured import FullJob, Timeline

PRIOR_SD_PEAK = 0.015
"""Standard deviation of a log peak from one process to another: ``bench/validate.py``."""


def predicted_peaks(
    pilot: PilotRun, job: FullJob, *, evaluates: bool, level: float
) -> Interval | None:
    """The highest peak that a run will have, in bytes: allocated on a device, resident on a CPU.

    Where batches differ in length, a peak grows with the tokens of its piece, and the largest batch
    that was looked at decides.

    Args:
        pilot: whose every step and batch was metered.
        job: of the process that looked at the batches of the whole job.
        evaluates: whether the run evaluates.
        level: of the interval.
    """
    before, after, evaluated = _pieces(pilot.timeline)
    most = _most(job.train_shapes)
    candidates = [_largest(before, most)]
    if evaluates:
        # what an evaluation leaves behind may raise the peak of the steps after it
        candidates += [_largest(after, most), _largest(evaluated, _most(job.evaluation_shapes))]
    peak, added = max(candidates)
    if not peak:
        return None
    factor = float(np.exp(special.ndtri((1 + level) / 2) * PRIOR_SD_PEAK))
    return Interval(
        estimate=peak, low=(peak - added) / factor, high=(peak + added) * factor, level=level
    )


_Piece = tuple[int, int]
"""Of how many tokens, which peak."""


def _pieces(timeline: Timeline) -> tuple[list[_Piece], list[_Piece], list[_Piece]]:
    """The metered steps before any evaluation, those after one, and evaluation batches."""
    before: list[_Piece] = []
    after: list[_Piece] = []
    evaluated: list[_Piece] = []
    shapes = {e.after_step: e.shapes for e in timeline.evaluations}
    batch: dict[int, int] = {}
    for stretch in timeline.peaks:
        peak = stretch.get("allocated", stretch.get("resident", 0))
        step = stretch["after_step"]
        if stretch["phase"] == "evaluate":
            number = batch[step] = batch.get(step, -1) + 1
            own = shapes.get(step, [])
            tokens = own[min(number, len(own) - 1)][1] if own else 0
            evaluated.append((tokens, peak))
        elif step and stretch["phase"] == "train":
            micro_batches, _, tokens = timeline.step_shapes[step - 1]
            into = after if evaluated else before
            into.append((tokens // max(1, micro_batches), peak))
    return before, after, evaluated


def _most(shapes: Sequence[Sequence[int]]) -> int:
    return max((tokens for _, tokens in shapes), default=0)


def _largest(pieces: Sequence[_Piece], most: int) -> tuple[float, float]:
    """The peak of a piece with the most tokens, and how much of it none that was seen had."""
    if not pieces:
        return 0.0, 0.0
    tokens = np.array([piece[0] for piece in pieces], dtype=float)
    peaks = np.array([piece[1] for piece in pieces], dtype=float)
    slope = 0.0
    if np.ptp(tokens) > 0:
        slope = max(0.0, float(np.polyfit(tokens, peaks, 1)[0]))
    # a smaller one says less of the largest: what was held before it stays resident
    largest = peaks[tokens == tokens.max()].max()
    peak = float(max(peaks.max(), largest + slope * max(0.0, most - tokens.max())))
    return peak, peak - float(peaks.max())
