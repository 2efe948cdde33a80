"""By what a checkpoint is chosen: schedules, and what is proposed in place of an evaluation set."""

from __future__ import annotations

import random
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Literal

import numpy as np

from evalskip.notes import note

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from evalskip.analysis.curves import LossCurve
    from evalskip.analysis.pieces import Floats
    from evalskip.notes import Note

SUBSET = 0.1
"""Of the evaluation samples, the share of a random subset."""
HELD_BACK = (1.0, 0.5, 0.1)
"""Of the training samples that are held back, those that may stand for an evaluation set."""


@dataclass(frozen=True)
class CheckpointPolicy:
    """When, or by what, a checkpoint of a curve is chosen.

    Args:
        name: of the policy.
        kind: of the policy.
        note: what it evaluates, or when.
        places: the points that it sees.
        signal: what it sees there; None: the evaluation.
        samples: how many it evaluates each time; None: all.
        shifts: the points that it would see if it began elsewhere; None: it begins where it does.
        unit: what differs between runs that share nothing by chance: their seeds, or the training
            samples that they held back.
    """

    name: str
    kind: Literal["schedule", "substitute"]
    note: Note
    places: Callable[[LossCurve], Sequence[int]]
    signal: Callable[[LossCurve], Floats] | None = None
    samples: Callable[[LossCurve], int] | None = None
    shifts: Callable[[LossCurve], Sequence[Sequence[int]]] | None = None
    unit: Callable[[LossCurve], int] = attrgetter("seed")


def substitutes(
    as_written: CheckpointPolicy, train_samples: int, held_back: int
) -> list[CheckpointPolicy]:
    """What is proposed in place of an evaluation set, where the job as written evaluates.

    Args:
        as_written: the job's own policy.
        train_samples: with those that are held back.
        held_back: of them, so many.
    """
    every = as_written.places

    def holdout(count: int) -> CheckpointPolicy:
        def signal(curve: LossCurve) -> Floats:
            means: Floats = _losses(curve.holdout)[:, :count].mean(axis=1)
            return means

        return CheckpointPolicy(
            f"holdout:{count}",
            "substitute",
            note("samples_held_back", count=count, part=count / train_samples),
            every,
            signal,
            lambda _: count,
            unit=attrgetter("holdout_set"),
        )

    return [
        *(
            holdout(count)
            for count in dict.fromkeys(max(1, round(h * held_back)) for h in HELD_BACK)
        ),
        CheckpointPolicy(
            f"subset:{SUBSET:g}",
            "substitute",
            note("random_samples", part=SUBSET),
            every,
            _of_random_subsets,
            _subset,
        ),
        CheckpointPolicy(
            "train_loss",
            "substitute",
            note("training_loss"),
            every,
            lambda curve: _losses(curve.train),
            lambda _: 0,
        ),
    ]


def schedule_policies(
    evaluated_after: Mapping[str, tuple[Note, Sequence[int]]],
    shifts: Mapping[str, Sequence[Sequence[int]]] | None = None,
) -> list[CheckpointPolicy]:
    """Schedules as policies.

    Args:
        evaluated_after: by name, each as a note, and the steps after which it evaluates.
        shifts: by name, the steps of the same schedule begun elsewhere.
    """

    def policy(name: str, schedule: Note, steps: Sequence[int]) -> CheckpointPolicy:
        others = (shifts or {}).get(name)
        return CheckpointPolicy(
            name,
            "schedule",
            schedule,
            lambda curve: curve.places(steps),
            shifts=(lambda curve: [curve.places(each) for each in others]) if others else None,
        )

    return [policy(name, schedule, steps) for name, (schedule, steps) in evaluated_after.items()]


def _subset(curve: LossCurve) -> int:
    samples: int = _losses(curve.samples).shape[1]
    return max(1, round(SUBSET * samples))


def _of_random_subsets(curve: LossCurve) -> Floats:
    """At each point the mean over samples drawn anew."""
    samples = _losses(curve.samples)
    count, size = samples.shape[1], _subset(curve)
    means = []
    for step, point in zip(curve.steps, samples, strict=True):
        source = random.Random(f"{curve.seed} {step}")
        means.append(point[source.sample(range(count), size)].mean())
    return np.array(means)


def _losses(losses: Floats | None) -> Floats:
    if losses is None:
        raise ValueError("the curve does not hold these losses")
    return losses
