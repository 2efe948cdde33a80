"""How far apart evaluations should be where training stops by what they say.

Evaluations too close together cost time; too far apart, they tell late that training is over. Let p
be the cost of a unit of work (a step), e that of an evaluation, and R the work until training could
end: until the target is met, or the best checkpoint reached. Where evaluations fall has nothing to
do with R, so a target is noticed half a spacing s late, after about R / s + 1/2 evaluations::

    T(s) = p (R + s / 2) + e (R / s + 1 / 2)          least at s = sqrt(2 R e / p)

as checkpoints should be apart by Young (1974) and Daly (2006). With a patience of k, training goes
on until k evaluations showed nothing better than the best one seen. That one is the last before the
true best or the first after it, whichever is better, so training overshoots by k - 1/2 to k + 1/2
spacings: the more where losses fall faster than they rise, k where they do both alike::

    T(s) = p (R + k s) + e (R / s + k)                least at s = sqrt(R e / (p k))

Around its least T is flat, so neither R nor k need be known well. Where R is not known at all,
spacings that grow with the work so far, as if R were twice that, waste 1.41 times what those for a
known R do, wherever training ends: with s = a sqrt(w) at work w, R is reached after 2 sqrt(R) / a
evaluations, and the sum is least where the law has 2 w for R.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

NEAR = 0.01
"""Of T: what costs no more than so much above the least is as good."""


@dataclass(frozen=True)
class SpacingLaw:
    """What evaluations at a spacing cost a training that stops by them.

    Args:
        work: steps until training could end, from the first evaluation that is due or from its
            start.
        step_s: seconds of a step.
        evaluation_s: seconds of an evaluation.
        patience: evaluations without a new best after which training stops; None: it stops at a
            target.

    Raises:
        ValueError: a cost or the work is not above 0, or the patience is below 1.
    """

    work: float
    step_s: float
    evaluation_s: float
    patience: int | None = None

    def __post_init__(self) -> None:
        if not (self.work > 0 and self.step_s > 0 and self.evaluation_s > 0):
            raise ValueError("SpacingLaw: expected work and costs above 0")
        if self.patience is not None and self.patience < 1:
            raise ValueError(f"SpacingLaw: patience: expected at least 1, got {self.patience}")

    @property
    def late(self) -> float:
        """Spacings by which training goes on in vain, in the mean."""
        return 0.5 if self.patience is None else float(self.patience)

    @property
    def best(self) -> float:
        """The spacing that costs least, in steps."""
        return math.sqrt(self.work * self.evaluation_s / (self.step_s * self.late))

    def seconds(self, spacing: float) -> float:
        """What training takes until it stops, evaluations every so many steps."""
        return self.step_s * self.stops_after(spacing) + self.evaluation_s * self.evaluations(
            spacing
        )

    def stops_after(self, spacing: float) -> float:
        """Steps until training stops, in the mean."""
        return self.work + self.late * spacing

    def evaluations(self, spacing: float) -> float:
        """How many there are until then, in the mean."""
        return self.work / spacing + self.late

    def near(self, within: float = NEAR) -> tuple[float, float]:
        """The spacings, in steps, that cost at most a part of T more than the best."""
        least = self.seconds(self.best)
        wasted = 2 * math.sqrt(self.work * self.evaluation_s * self.step_s * self.late)
        # with x = s / best, what is wasted is wasted / 2 (x + 1 / x)
        half = 1 + within * least / wasted
        apart = half + math.sqrt(half**2 - 1)
        return self.best / apart, self.best * apart
