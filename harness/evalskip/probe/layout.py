"""After which of its steps a slice does what the whole does, and which samples it evaluates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


# steps of a pilot between two evaluations
STEPS_BETWEEN = 6


@dataclass(frozen=True)
class Layout:
    """After which steps of a slice something happens."""

    evaluate: frozenset[int] = frozenset()
    save: frozenset[int] = frozenset()
    log: frozenset[int] = frozenset()


def layout(steps: int, evaluated_after: Sequence[int], saves: int, logs: int) -> Layout:
    """Where a slice does what the whole does.

    It evaluates after a third and two thirds of its steps where the whole has more evaluations than
    one, and after half where it has one; a save and a log come before that, outside the windows
    that follow evaluations.

    Args:
        steps: of the slice.
        evaluated_after: steps of the whole's evaluations inside training.
        saves: of the whole.
        logs: of the whole.
    """
    third = steps // 3
    places = {0: (), 1: (steps // 2,)}
    return Layout(
        frozenset(places.get(sum(step > 0 for step in evaluated_after), (third, 2 * third))),
        frozenset({third - 1} if saves else ()),
        frozenset({third - 2} if logs else ()),
    )


def pilot_layout(steps: int, saves: int, logs: int) -> Layout:
    """Where a pilot evaluates: after equal parts of its steps, the last step among them.

    About six steps lie between: where they are fewer, what one evaluation leaves in caches makes
    the next one faster than it is in the job. A log and two saves, of which the first may pay for
    set-up, come among the first steps, which are slow anyhow.

    Args:
        steps: of the pilot's process, at least 4.
        saves: of the whole job.
        logs: of the whole job.
    """
    cycles = max(2, round(steps / STEPS_BETWEEN))
    ends = [steps * cycle // cycles for cycle in range(1, cycles + 1)]
    return Layout(
        evaluate=frozenset(ends),
        save=frozenset(range(1, min(saves, 2, ends[0] - 1) + 1)),
        log=frozenset({1} if logs else ()),
    )


def repeats(layout: Layout, evaluations: int) -> int:
    """How many evaluations follow each one at once, so that there are so many in all, or more."""
    places = len(layout.evaluate)
    return max(0, -(-evaluations // places) - 1) if places else 0


FEWEST_PILOT_STEPS, OTHER_PILOT_STEPS = 4, 20
"""Of the first process of a pilot, and of each further one: a few percent of slowness wear off
over the first ten steps, so one long process tells more than two short ones."""


def pilot_steps(count: int, steps: int, most: float, reserved: int) -> int:
    """How many steps a pilot's process trains.

    Args:
        count: of them, where there are enough for another process as well.
        steps: of the whole job.
        most: of these, the share that all processes may train together.
        reserved: for others, of that.

    Returns:
        All that are left where they are not enough for another process, and four at least.
    """
    left = int(most * steps) - reserved
    return max(FEWEST_PILOT_STEPS, left if is_alone(count, steps, most, reserved) else count)


def is_alone(count: int, steps: int, most: float, reserved: int) -> bool:
    """Whether such a process leaves no steps for another one; see :func:`pilot_steps`."""
    return int(most * steps) - reserved < count + OTHER_PILOT_STEPS


def pilot_samples(there: int, count: int, batch: int) -> Sequence[int]:
    """The samples that a pilot evaluates: whole batches, evenly spread, and a smaller last one.

    Without a smaller batch, what a batch costs cannot be told from what its samples cost.

    Args:
        there: samples of the evaluation set.
        count: samples that are wanted, about.
        batch: samples in a batch.
    """
    if count >= there:
        short = batch // 2 if there % batch == 0 and there > batch else 0
        return range(there - short)
    chosen = spread_batches(there // batch, count // batch + 1, batch)
    return chosen[: len(chosen) - batch // 2]


def spread_batches(there: int, count: int, size: int) -> list[int]:
    """Places of the samples of so many batches, evenly spread over all."""
    count = min(count, there)
    batches = [(2 * number + 1) * there // (2 * count) for number in range(count)]
    return [sample for batch in batches for sample in range(batch * size, (batch + 1) * size)]
