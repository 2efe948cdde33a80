"""From a spec to blocks of runs, in random order."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from evalskip.jobs import RunId, RunRequest

if TYPE_CHECKING:
    from evalskip.jobs import Measure
    from evalskip.slices import Slice
    from evalskip.spec import Arm, Spec

MEMORY_BLOCKS = 3
"""Three runs of an arm are the least that say by how much its peaks differ."""
_AGREE: tuple[str, list[Any]] = ("RanksAgree", [])


@dataclass(frozen=True)
class Block:
    """Every arm once, in random order, on one machine, with one seed."""

    runs: tuple[RunRequest, ...]

    @property
    def id(self) -> RunId:
        """That of its first run."""
        return self.runs[0].id

    @property
    def measure(self) -> Measure:
        """What all of its runs measure."""
        return self.runs[0].measure

    @property
    def evaluation_samples(self) -> tuple[int, ...]:
        """Sizes of the evaluation sets that its runs need."""
        return tuple(
            sorted({run.evaluation_samples for run in self.runs if run.evaluation_samples})
        )

    @property
    def label(self) -> str:
        """How it is named to people; see :func:`label_of`."""
        return label_of(self.id)

    def with_attempt(self, attempt: int) -> Block:
        """The same block at another attempt."""
        return Block(tuple(run.with_attempt(attempt) for run in self.runs))


def label_of(run: RunId) -> str:
    """How the block of a run is named to people: ``block 3``, ``memory block 1``, ``pilot 2``."""
    kinds = {"time": "block", "memory": "memory block"}
    return f"{kinds.get(run.purpose, run.purpose)} {run.block}"


def plan(spec: Spec, sliced: Slice | None = None) -> list[Block]:
    """All blocks that the spec may need: those of the first look, those of memory, and the rest.

    The order within a block depends on the spec's seed and the block's number alone, so that an
    interrupted experiment resumes with the very plan it had. All blocks train with the spec's
    one seed: step i is then the same computation in every run.

    Args:
        spec: what was asked for.
        sliced: run so much of the job; None: all of it.
    """
    apart = "memory" in spec.measure and spec.job.meters_memory_apart
    blocks = []
    if "time" in spec.measure or not apart:
        numbers = range(1, spec.design.looks[-1] + 1)
        blocks += [_block(spec, "time", number, sliced) for number in numbers]
    if apart:
        first = spec.design.looks[0]
        numbers = range(1, MEMORY_BLOCKS + 1)
        metered = [_block(spec, "memory", number, sliced) for number in numbers]
        blocks = [*blocks[:first], *metered, *blocks[first:]]
    return blocks


def _block(
    spec: Spec, purpose: Literal["time", "memory"], number: int, sliced: Slice | None
) -> Block:
    arms = spec.all_arms()
    key = number if purpose == "time" else f"{purpose}:{number}"
    random.Random(f"{spec.design.seed}:{key}").shuffle(arms)
    ids = (RunId(purpose=purpose, block=number, position=place) for place in range(len(arms)))
    return Block(
        tuple(
            request_for(spec, arm, run_id, measure=purpose, sliced=sliced)
            for arm, run_id in zip(arms, ids, strict=True)
        )
    )


def request_for(
    spec: Spec, arm: Arm, run_id: RunId, *, measure: Measure, sliced: Slice | None
) -> RunRequest:
    """What a run of one arm is asked for."""
    return RunRequest(
        id=run_id,
        arm=arm.name,
        schedule=arm.schedule,
        evaluation_samples=arm.evaluation_samples,
        measure=measure,
        seed=spec.design.seed,
        restore_random_state=spec.design.restore_random_state,
        arguments=spec.job.arguments(arm.schedule),
        evaluation=dict(arm.evaluation),
        sliced=sliced,
        # a schedule that ranks see otherwise ends in a hang
        callbacks=[
            *arm.remedies.callbacks(),
            *arm.schedule.callbacks(),
            *arm.place.callbacks(),
            *([_AGREE] if spec.job.ranks > 1 else []),
        ],
        # of one block: what the same weights say is the same in every one
        tells_losses=run_id.purpose == "time" and run_id.block == 1 and spec.has_remedies,
    )
