"""From a spec to blocks of runs, in random order."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalskip.jobs import RunRequest

if TYPE_CHECKING:
    from evalskip.jobs import Measure
    from evalskip.spec import Spec


@dataclass(frozen=True)
class Block:
    """Every arm once, in random order, on one machine, with one seed."""

    index: int
    measure: Measure
    runs: tuple[RunRequest, ...]

    @property
    def label(self) -> str:
        """How it is named to people: ``block 3`` or ``memory block``."""
        return "memory block" if self.index == MEMORY_BLOCK else f"block {self.index}"


MEMORY_BLOCK = 0
"""Index of the block whose runs meter memory only; blocks that are timed count from 1."""


def plan(spec: Spec) -> list[Block]:
    """All blocks that the spec may need, the memory block first.

    The order within a block depends on the spec's seed and the block's index alone, so that an
    interrupted experiment resumes with the very plan it had. All blocks train with the spec's
    one seed: step i is then the same computation in every run.
    """
    blocks = []
    if "memory" in spec.measure and spec.job.meters_memory_apart:
        blocks.append(_block(spec, MEMORY_BLOCK, "memory"))
    if "time" in spec.measure or not blocks:
        blocks += [_block(spec, index, "time") for index in range(1, spec.design.looks[-1] + 1)]
    return blocks


def _block(spec: Spec, index: int, measure: Measure) -> Block:
    arms = spec.all_arms()
    random.Random(f"{spec.design.seed}:{index}").shuffle(arms)
    runs = tuple(
        RunRequest(
            arm=arm.name,
            schedule=arm.schedule,
            evaluation_rows=arm.evaluation_rows,
            measure=measure,
            block=index,
            position=position,
            seed=spec.design.seed,
            restore_random_state=spec.design.restore_random_state,
            arguments=spec.job.arguments(arm.schedule),
            callbacks=arm.schedule.callbacks(),
        )
        for position, arm in enumerate(arms)
    )
    return Block(index, measure, runs)
