"""Whether the arms of a block differed in evaluation and in nothing else.

*Same work*: every training batch's inputs, bit for bit, everywhere. *Same result*: raw losses and
final weights; bit for bit on a CPU, and on a GPU, whose sums may differ in order, no further apart
than two runs of the off arm.
"""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from evalskip.spec import OFF, OFF_AGAIN
from evalskip.summary import Differing, Matched

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from evalskip.records import RunRecord

    Losses = Callable[[RunRecord], Sequence[float]]


def match(
    blocks: Mapping[int, Sequence[RunRecord]],
    expected: Mapping[str, Sequence[int]],
    losses: Losses,
) -> Matched:
    """Compare every run that ended well with the off run of its block.

    Args:
        blocks: records of whole, timed blocks by index.
        expected: steps after which each arm's schedule evaluates.
        losses: gives a run's raw losses.

    """
    differing: list[Differing] = []
    inexact: list[tuple[int, RunRecord, RunRecord]] = []
    unmatched: set[int] = set()
    reference: str | None = None
    for index, records in blocks.items():
        runs = {record.arm: record for record in records if record.status == "ok"}
        off = runs.get(OFF)
        if off is None:
            unmatched.add(index)
            continue
        # one seed for all blocks: their work must be the same as well
        reference = reference or off.work_digest
        for arm, run in runs.items():
            if run.work_digest != reference:
                differing.append(Differing(block=index, arm=arm, what="work"))
            elif list(run.evaluated_after) != list(expected[arm]):
                differing.append(Differing(block=index, arm=arm, what="evaluations"))
            elif _results(run) != _results(off):
                if "gpu" in run.environment:
                    inexact.append((index, run, off))
                else:
                    differing.append(Differing(block=index, arm=arm, what="result"))
    differing += _too_far_apart(inexact, losses)
    unmatched |= {entry.block for entry in differing}
    return Matched(
        same_work=not any(entry.what != "result" for entry in differing),
        same_result=not any(entry.what == "result" for entry in differing),
        blocks=len(blocks) - len(unmatched),
        differing=differing,
    )


def matched_blocks(matched: Matched, blocks: Mapping[int, Sequence[RunRecord]]) -> list[int]:
    """Indices of blocks that may enter estimates: matched, and with an off run that ended well."""
    unmatched = {entry.block for entry in matched.differing}
    return [
        index
        for index, records in blocks.items()
        if index not in unmatched
        and any(record.arm == OFF and record.status == "ok" for record in records)
    ]


def _results(run: RunRecord) -> tuple[str | None, str | None]:
    return run.losses_digest, run.weights_digest


def _too_far_apart(
    inexact: list[tuple[int, RunRecord, RunRecord]], losses: Losses
) -> list[Differing]:
    """On a GPU: arms whose distance from off is beyond any between two off runs."""
    distances: dict[str, list[tuple[float, float]]] = {}
    for _, run, off in inexact:
        distances.setdefault(run.arm, []).append(
            (_apart(losses(run), losses(off)), _apart(run.weights_sketch, off.weights_sketch))
        )
    floor = distances.pop(OFF_AGAIN, [(0.0, 0.0)])
    far = {
        arm
        for arm, pairs in distances.items()
        if any(median(p[i] for p in pairs) > max(p[i] for p in floor) for i in (0, 1))
    }
    return [
        Differing(block=index, arm=run.arm, what="result")
        for index, run, _ in inexact
        if run.arm in far
    ]


def _apart(one: Sequence[float], other: Sequence[float]) -> float:
    """The largest difference, relative to the values; infinite if there are not as many."""
    if len(one) != len(other):
        return float("inf")
    pairs = zip(one, other, strict=True)
    return max((abs(a - b) / max(abs(a), abs(b), 1e-12) for a, b in pairs), default=0.0)
