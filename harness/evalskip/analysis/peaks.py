"""Peak memory of a whole job, from a process that metered every step and every batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import special

from evalskip.summary import Interval

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalskip.analysis.parts import PilotRun

BELIEF = 0.015
"""Standard deviation of a log peak from one process to another: ``bench/validate.py``."""


def peaks_told(
    pilot: PilotRun, job: Mapping[str, Any], *, evaluates: bool, level: float
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
    trained, evaluated = _pieces(pilot.timeline)
    before = min((e["after_step"] for e in pilot.timeline["evaluations"]), default=0)
    most = _most(job["train_shapes"])
    peaks = [_largest([piece for piece in trained if piece[0] <= before], most)]
    if evaluates:
        # what an evaluation leaves behind may raise the peak of the steps after it
        peaks.append(_largest([piece for piece in trained if piece[0] > before], most))
        peaks.append(_largest(evaluated, _most(job["evaluation_shapes"])))
    peak = max(peaks)
    if not peak:
        return None
    factor = float(np.exp(special.ndtri((1 + level) / 2) * BELIEF))
    return Interval(estimate=peak, low=peak / factor, high=peak * factor, level=level)


_Piece = tuple[int, int, int]
"""After which step, of how many tokens, which peak."""


def _pieces(timeline: Mapping[str, Any]) -> tuple[list[_Piece], list[_Piece]]:
    """The metered pieces of training, and of evaluation."""
    trained, evaluated = [], []
    shapes = {e["after_step"]: e["shapes"] for e in timeline["evaluations"]}
    batch: dict[int, int] = {}
    for stretch in timeline["peaks"]:
        peak = stretch.get("allocated", stretch.get("resident", 0))
        step = stretch["after_step"]
        if stretch["phase"] == "evaluate":
            number = batch[step] = batch.get(step, -1) + 1
            own = shapes.get(step, [])
            tokens = own[min(number, len(own) - 1)][1] if own else 0
            evaluated.append((step, tokens, peak))
        elif step:
            micro_batches, _, tokens = timeline["step_shapes"][step - 1]
            trained.append((step, tokens // max(1, micro_batches), peak))
    return trained, evaluated


def _most(shapes: Sequence[Sequence[int]]) -> int:
    return max((tokens for _, tokens in shapes), default=0)


def _largest(pieces: Sequence[_Piece], most: int) -> float:
    """The peak of a piece with the most tokens."""
    if not pieces:
        return 0.0
    tokens = np.array([piece[1] for piece in pieces], dtype=float)
    peaks = np.array([piece[2] for piece in pieces], dtype=float)
    slope = 0.0
    if np.ptp(tokens) > 0:
        slope = max(0.0, float(np.polyfit(tokens, peaks, 1)[0]))
    # a smaller one says less of the largest: what was held before it stays resident
    largest = peaks[tokens == tokens.max()].max()
    return float(max(peaks.max(), largest + slope * max(0.0, most - tokens.max())))
