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
        """How it is named to people; see :func:`label_of`."""
        return label_of(self.index)


FIRST_MEMORY_BLOCK, MEMORY_BLOCKS = 150_000, 3
"""Blocks whose runs meter memory only are numbered from beyond this; those that are timed count
from 1. Three runs of an arm are the least that say by how much its peaks differ."""
PILOT_BLOCK = 200_000
"""Index of the one run from which it is told how long the others will take."""
TRIALS, PILOTS, CURVES = 300_000, 400_000, 500_000
"""Indices from which on runs are numbered that belong to no block: beyond those of all blocks."""
_AGREE: tuple[str, list[int]] = ("RanksAgree", [])


def label_of(index: int) -> str:
    """How the block of an index is named to people: ``block 3`` or ``memory block 1``."""
    if index == PILOT_BLOCK:
        return "pilot"
    if FIRST_MEMORY_BLOCK < index <= FIRST_MEMORY_BLOCK + MEMORY_BLOCKS:
        return f"memory block {index - FIRST_MEMORY_BLOCK}"
    return f"block {index}"


def plan(spec: Spec, sliced: Slice | None = None) -> list[Block]:
    """All blocks that the spec may need: those of the first look, those of memory, and the rest.

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
        first = spec.design.looks[0]
        metered = [
            _block(spec, FIRST_MEMORY_BLOCK + number, "memory", sliced)
            for number in range(1, MEMORY_BLOCKS + 1)
        ]
        blocks = [*blocks[:first], *metered, *blocks[first:]]
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
