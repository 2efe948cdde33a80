"""From a spec to blocks of runs, in random order."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalskip.jobs import RunRequest

if TYPE_CHECKING:
    from evalskip.jobs import Measure
    from evalskip.slices import Slice
    from evalskip.spec import Arm, Spec


@dataclass(frozen=True)
class Block:
    """Every arm once, in random order, on one machine, with one seed."""

    index: int
    measure: Measure
    runs: tuple[RunRequest, ...]

    @property
    def label(self) -> str:
        """How it is named to people: ``block 3`` or ``memory block``."""
        return _NAMED.get(self.index, f"block {self.index}")


MEMORY_BLOCK = 0
"""Index of the block whose runs meter memory only; blocks that are timed count from 1."""
PILOT_BLOCK = 200_000
"""Index of the one run from which it is told how long the others will take."""
TRIALS, PILOTS, CURVES = 300_000, 400_000, 500_000
"""Indices from which on runs are numbered that belong to no block: beyond those of all blocks."""
_AGREE: tuple[str, list[int]] = ("RanksAgree", [])
_NAMED = {MEMORY_BLOCK: "memory block", PILOT_BLOCK: "pilot"}


def plan(spec: Spec, sliced: Slice | None = None) -> list[Block]:
    """All blocks that the spec may need, the memory block right after the first that is timed.

    The order within a block depends on the spec's seed and the block's index alone, so that an
    interrupted experiment resumes with the very plan it had. All blocks train with the spec's
    one seed: step i is then the same computation in every run.

    Args:
        spec: what was asked for.
        sliced: run so much of the job; None: all of it.
    """
    apart = "memory" in spec.measure and spec.job.meters_memory_apart
    blocks = []
    if "time" in spec.measure or not apart:
        indices = range(1, spec.design.looks[-1] + 1)
        blocks += [_block(spec, index, "time", sliced) for index in indices]
    if apart:
        blocks.insert(1, _block(spec, MEMORY_BLOCK, "memory", sliced))
    return blocks


def _block(spec: Spec, index: int, measure: Measure, sliced: Slice | None) -> Block:
    arms = spec.all_arms()
    random.Random(f"{spec.design.seed}:{index}").shuffle(arms)
    runs = tuple(
        request_for(spec, arm, index, measure=measure, position=position, sliced=sliced)
        for position, arm in enumerate(arms)
    )
    return Block(index, measure, runs)


def request_for(
    spec: Spec, arm: Arm, block: int, *, measure: Measure, position: int, sliced: Slice | None
) -> RunRequest:
    """What a run of one arm is asked for."""
    return RunRequest(
        arm=arm.name,
        schedule=arm.schedule,
        evaluation_rows=arm.evaluation_rows,
        measure=measure,
        block=block,
        position=position,
        seed=spec.design.seed,
        restore_random_state=spec.design.restore_random_state,
        arguments=spec.job.arguments(arm.schedule),
        evaluation=dict(arm.evaluation),
        sliced=sliced,
        # a schedule that ranks see otherwise ends in a hang
        callbacks=[*arm.schedule.callbacks(), *([_AGREE] if spec.job.ranks > 1 else [])],
    )
