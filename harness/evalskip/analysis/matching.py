"""Whether the arms of a block differed in evaluation and in nothing else.

*Same work*: every training batch's inputs, bit for bit, everywhere. *Same result*: raw losses and
final weights; bit for bit on a CPU, and on a GPU, whose sums may differ in order, about as far
apart as two runs of the off arm.
"""

from __future__ import annotations

import math
from statistics import median
from typing import TYPE_CHECKING, Literal

from evalskip.records import Attempt
from evalskip.spec import OFF, OFF_AGAIN
from evalskip.summary import Differing, Matched

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from evalskip.records import RunRecord

    Losses = Callable[[RunRecord], Sequence[float]]


# distances of equal set-ups vary; with no margin, every few-block experiment would be rejected
_MARGIN = 3.0


def match(
    attempts: Mapping[Attempt, Sequence[RunRecord]],
    expected: Mapping[str, Sequence[int] | None],
    losses: Losses,
) -> Matched:
    """Compare every run that ended well with the off run of its block.

    Args:
        attempts: records of whole, timed blocks.
        expected: steps after which each arm's schedule evaluates; None: not foreseen. Arms that
            are not named here, since their evaluations steer their training, are not compared.
        losses: gives a run's raw losses.
    """
    differing: list[Differing] = []
    inexact: list[tuple[RunRecord, RunRecord]] = []
    unmatched: set[Attempt] = set()
    reference: str | None = None
    for attempt, records in attempts.items():
        runs = {record.arm: record for record in records if record.status == "ok"}
        off = runs.get(OFF)
        if off is None:
            unmatched.add(attempt)
            continue
        # one seed for all blocks: their work must be the same as well
        reference = reference or off.work_digest
        for arm, run in runs.items():
            if arm not in expected:
                continue
            if run.work_digest != reference or run.steps != off.steps:
                differing.append(_differing(run, "work"))
            elif not _as_expected(run, expected[arm]):
                differing.append(_differing(run, "evaluations"))
            elif _results(run) != _results(off):
                if "gpu" in run.environment:
                    inexact.append((run, off))
                else:
                    differing.append(_differing(run, "result"))
    differing += _too_far_apart(inexact, losses)
    unmatched |= {Attempt("time", entry.block, entry.attempt) for entry in differing}
    return Matched(
        proven=reference is not None,
        same_work=not any(entry.what != "result" for entry in differing),
        same_result=not any(entry.what == "result" for entry in differing),
        blocks=len(attempts) - len(unmatched),
        differing=differing,
    )


def matched_attempts(
    matched: Matched, attempts: Mapping[Attempt, Sequence[RunRecord]]
) -> list[Attempt]:
    """Those that may enter estimates: matched, and with an off run that ended well."""
    unmatched = {Attempt("time", entry.block, entry.attempt) for entry in matched.differing}
    return [
        attempt
        for attempt, records in attempts.items()
        if attempt not in unmatched
        and any(record.arm == OFF and record.status == "ok" for record in records)
    ]


def _as_expected(run: RunRecord, steps: Sequence[int] | None) -> bool:
    return steps is None or list(run.evaluated_after) == list(steps)


def _differing(run: RunRecord, what: Literal["work", "result", "evaluations"]) -> Differing:
    return Differing(block=run.block, attempt=run.attempt, arm=run.arm, what=what)


def _results(run: RunRecord) -> tuple[str | None, str | None]:
    return run.losses_digest, run.weights_digest


def _too_far_apart(inexact: list[tuple[RunRecord, RunRecord]], losses: Losses) -> list[Differing]:
    """On a GPU: arms that are typically beyond ``_MARGIN`` times any distance of two off runs."""
    distances: dict[str, list[tuple[float, float]]] = {}
    for run, off in inexact:
        distances.setdefault(run.arm, []).append(
            (_apart(losses(run), losses(off)), _apart(run.weights_sketch, off.weights_sketch))
        )
    floor = distances.pop(OFF_AGAIN, [(0.0, 0.0)])
    far = {
        arm
        for arm, pairs in distances.items()
        if any(median(p[i] for p in pairs) > _MARGIN * max(p[i] for p in floor) for i in (0, 1))
    }
    return [_differing(run, "result") for run, _ in inexact if run.arm in far]


def _apart(one: Sequence[float], other: Sequence[float]) -> float:
    """The largest difference, relative to the values; infinite if there are not as many.

    A value that is not a number is infinitely far from one that is, and equal to another.
    """
    if len(one) != len(other):
        return math.inf
    return max((_distance(a, b) for a, b in zip(one, other, strict=True)), default=0.0)


def _distance(a: float, b: float) -> float:
    if a == b or (math.isnan(a) and math.isnan(b)):
        return 0.0
    if not (math.isfinite(a) and math.isfinite(b)):
        return math.inf
    return abs(a - b) / max(abs(a), abs(b))
