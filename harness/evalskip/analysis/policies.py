"""By what a checkpoint is chosen: schedules, and what is proposed in place of an evaluation set."""

from __future__ import annotations

import random
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Literal

import numpy as np

from evalskip.notes import note
from evalskip.paired import PairedEvaluations

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from evalskip.analysis.curves import LossCurve
    from evalskip.analysis.pieces import Floats
    from evalskip.notes import Note

SUBSETS = (0.1, 0.25)
"""Of the evaluation samples, the shares of random subsets; the first is drawn anew as well."""
WRONG = 0.05
"""Of runs, that may call a checkpoint worse that is not, where evaluations end once settled."""
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
        cost: what an evaluation of as many samples takes over what it takes as written.
        shifts: the points that it would see if it began elsewhere; None: it begins where it does.
        unit: what differs between runs that share nothing by chance: their seeds, or the training
            samples that they held back.
    """

    name: str
    kind: Literal["schedule", "substitute", "remedy"]
    note: Note
    places: Callable[[LossCurve], Sequence[int]]
    signal: Callable[[LossCurve], Floats] | None = None
    samples: Callable[[LossCurve], int] | None = None
    cost: float = 1.0
    shifts: Callable[[LossCurve], Sequence[Sequence[int]]] | None = None
    unit: Callable[[LossCurve], int] = attrgetter("seed")


def remedied(as_written: CheckpointPolicy, remedy: Note, cost: float) -> CheckpointPolicy:
    """The job as written, evaluated for less: it sees the same.

    Args:
        as_written: the job's own policy.
        remedy: that makes it so.
        cost: of an evaluation, over what it takes as written.
    """
    return CheckpointPolicy("remedies", "remedy", remedy, as_written.places, cost=cost)


def settled(as_written: CheckpointPolicy, batch: int) -> CheckpointPolicy:
    """The job as written, whose evaluations end once it is sure that they are no new best.

    Args:
        as_written: the job's own policy.
        batch: samples of an evaluation batch.
    """

    def run(curve: LossCurve) -> tuple[Floats, float]:
        """What is logged at every point, and the samples of an evaluation, in the mean."""
        losses = _losses(curve.samples)
        there = losses.shape[1]
        begins = range(0, there, batch)
        sizes = [min(batch, there - begin) for begin in begins]
        places = list(as_written.places(curve))
        evaluations = PairedEvaluations(sizes, WRONG, len(places), curve.seed)
        logged, used = curve.loss.copy(), 0
        for place in places:
            order = evaluations.begin(whole=place == places[-1])
            means = [float(losses[place, b * batch : (b + 1) * batch].mean()) for b in order]
            seen = evaluations.settled_after(means) or len(means)
            used += sum(sizes[number] for number in order[:seen])
            logged[place] = evaluations.finish(means[:seen])
        return logged, used / max(1, len(places))

    return CheckpointPolicy(
        f"settled:{WRONG:g}",
        "substitute",
        note("until_settled", wrong=WRONG),
        as_written.places,
        lambda curve: run(curve)[0],
        lambda curve: round(run(curve)[1]),
    )


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
        _of_subset(every, SUBSETS[0], is_fixed=False),
        *(_of_subset(every, part, is_fixed=True) for part in SUBSETS),
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


def _of_subset(
    every: Callable[[LossCurve], Sequence[int]], part: float, *, is_fixed: bool
) -> CheckpointPolicy:
    """A random subset: at each point of a run the same samples, or others.

    The same ones vary far less from point to point, since each sample has a level of its own.
    """

    def count(curve: LossCurve) -> int:
        there: int = _losses(curve.samples).shape[1]
        return max(1, round(part * there))

    def signal(curve: LossCurve) -> Floats:
        samples = _losses(curve.samples)
        means = []
        for step, point in zip(curve.steps, samples, strict=True):
            source = random.Random(curve.seed if is_fixed else f"{curve.seed} {step}")
            means.append(point[source.sample(range(samples.shape[1]), count(curve))].mean())
        return np.array(means)

    name = f"fixed:{part:g}" if is_fixed else f"subset:{part:g}"
    told = note("fixed_samples", part=part) if is_fixed else note("random_samples", part=part)
    return CheckpointPolicy(name, "substitute", told, every, signal, count)


def _losses(losses: Floats | None) -> Floats:
    if losses is None:
        raise ValueError("the curve does not hold these losses")
    return losses
