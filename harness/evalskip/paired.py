"""Whether a checkpoint is better than the best so far, from as few batches as that takes.

Batches of an evaluation are the same every time and come in an order drawn anew, so the losses of
two checkpoints are compared batch by batch. Sampling is without replacement, of which the mean of
what is left is a martingale; it is bounded at all times at once by Robbins's normal mixture
(Howard and others 2021, "Time-uniform, nonparametric, nonasymptotic confidence sequences"; Waudby-
Smith and Ramdas 2020 for sampling without replacement). The bound takes the variance as it is seen,
so it is tried on the run's own past: where differences of whole evaluations, put in random orders,
would have crossed it more often than they may, it is widened until they do not.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

FEWEST = 16
"""Batches before which nothing is settled."""
_WHOLE_FIRST = 2
"""Evaluations that are whole whatever they show: there is no past to try the bound on."""
_TUNED = 0.1
"""Of all batches, the part at which the bound is tightest."""
_ORDERS, _PAST, _KEPT_AT = 1000, 4, 0.01
_FLOOR = 0.1
"""Of the spread of the best one's losses, the least deviation of differences that is believed: few
batches that all move alike say nothing of one that jumps."""
_ANY_NUMBER = 6 / math.pi**2


class PairedEvaluations:
    """The evaluations of one run, each as many batches as settle whether it is the best.

    Of one that is worse than the best, batches are left out once that is sure; every other one is
    whole. So only a checkpoint that is called worse may be called so wrongly.

    Args:
        sizes: samples of every batch; one that is smaller comes last.
        wrong: of runs, the most that may call a checkpoint worse that is not.
        planned: evaluations of the run; None: not known.
        seed: of the orders.
    """

    def __init__(
        self, sizes: Sequence[int], wrong: float, planned: int | None = None, seed: int = 0
    ) -> None:
        self._sizes = np.array(sizes, dtype=float)
        self._full = len(sizes) - (1 if len(sizes) > 1 and sizes[-1] < sizes[0] else 0)
        self._wrong, self._planned = wrong, planned
        self._source = np.random.default_rng(seed)
        self._count = 0
        self._order = np.arange(len(sizes))
        self._is_whole = True
        self._best: np.ndarray[Any, Any] | None = None
        """Losses of the best checkpoint, by batch."""
        self._past: list[np.ndarray[Any, Any]] = []
        """Of past whole evaluations, in each of many random orders, how far beyond the bound (which
        is 1) their differences from the best would have gone if none was better."""
        self._bound = np.zeros(0)

    @property
    def best(self) -> float | None:
        """The loss of the best checkpoint; None: there was none."""
        return None if self._best is None else self._mean(self._best)

    def begin(self, *, whole: bool = False) -> list[int]:
        """The batches of the next evaluation, in the order in which they are to come.

        Args:
            whole: whether it is to be whole, as a run's last one is.
        """
        self._count += 1
        self._order = np.arange(len(self._sizes))
        self._source.shuffle(self._order[: self._full])
        enough = self._full > FEWEST and self._count > _WHOLE_FIRST
        self._is_whole = whole or not enough or self._best is None
        if not self._is_whole:
            self._bound = self._widened(self._level())
        order: list[int] = self._order.tolist()
        return order

    def settled_after(self, losses: Sequence[float]) -> int | None:
        """Batches after which the checkpoint is surely worse than the best; None: not yet.

        Args:
            losses: of its first batches, in their order.
        """
        seen = min(len(losses), self._full - 1)
        if self._is_whole or self._best is None or seen < FEWEST:
            return None
        differences = np.array(losses[:seen]) - self._best[self._order[:seen]]
        if not np.isfinite(differences).all():
            return None
        beyond = _left(differences, self._full, self._least()) > self._bound[:seen]
        beyond[: FEWEST - 1] = False
        return int(beyond.argmax()) + 1 if beyond.any() else None

    def finish(self, losses: Sequence[float]) -> float:
        """The loss of the whole set: as it is, or the best one and the mean difference from it.

        Args:
            losses: of the batches that were evaluated, in their order.
        """
        seen = self._order[: len(losses)]
        told = np.array(losses, dtype=float)
        if len(losses) < len(self._sizes) and self._best is not None:
            sizes = self._sizes[seen]
            difference = float(((told - self._best[seen]) * sizes).sum() / sizes.sum())
            return self._mean(self._best) + difference
        whole = np.empty(len(self._sizes))
        whole[seen] = told
        loss = self._mean(whole)
        if self._best is not None and self._full > FEWEST:
            self._keep(whole[: self._full] - self._best[: self._full])
        best = self.best
        if best is None or not math.isfinite(best) or loss < best:
            self._best = whole
        return loss

    def _least(self) -> float:
        """Deviation of differences."""
        spread = 0.0 if self._best is None else float(self._best[: self._full].std())
        return max(_FLOOR * spread, 1e-12)

    def _mean(self, losses: np.ndarray[Any, Any]) -> float:
        return float((losses * self._sizes).sum() / self._sizes.sum())

    def _level(self) -> float:
        """Of this evaluation, so that all of a run's hold together."""
        if self._planned is not None:
            return self._wrong / max(1, self._planned - _WHOLE_FIRST)
        return self._wrong * _ANY_NUMBER / (self._count - _WHOLE_FIRST) ** 2

    def _widened(self, level: float) -> np.ndarray[Any, Any]:
        """The bound, in units of the standard deviation so far; as wide as the past wants it."""
        factors = [float(np.quantile(beyond, 1 - level)) for beyond in self._past]
        return max([1.0, *factors]) * _mixture(self._full, level)

    def _keep(self, differences: np.ndarray[Any, Any]) -> None:
        """Try the bound on these, as if the two checkpoints were equally good."""
        centred = differences - differences.mean()
        if not np.isfinite(centred).all() or not centred.any():
            return
        usual = _mixture(self._full, _KEPT_AT)
        orders = self._source.permuted(np.tile(centred, (_ORDERS, 1)), axis=1)
        # the next one's may lie on the other side
        beyond = np.abs(_left(orders, self._full, self._least())) / usual
        self._past = [*self._past, beyond[:, FEWEST - 1 : -1].max(axis=1)][-_PAST:]


def _left(differences: np.ndarray[Any, Any], count: int, least: float) -> np.ndarray[Any, Any]:
    """By how much the mean of what is left would have to make up for what was seen.

    In units of the standard deviation so far, at each time.

    Args:
        differences: of batches in their order, of shape (..., seen).
        count: batches in all.
        least: deviation that they have, whatever the first of them show.
    """
    seen = np.arange(1, differences.shape[-1] + 1)
    total = differences.cumsum(axis=-1)
    squares = (differences**2).cumsum(axis=-1)
    variance = (squares - total**2 / seen) / np.maximum(1, seen - 1)
    # few make a small deviation look smaller than it is
    deviation = np.sqrt(np.maximum(variance, least**2)) * (1 + 1 / np.sqrt(seen))
    left: np.ndarray[Any, Any] = total / np.maximum(1, count - seen) / deviation
    return left


def _mixture(count: int, level: float) -> np.ndarray[Any, Any]:
    """The normal mixture's bound on the mean of what is left, in standard deviations."""
    seen = np.arange(1, count + 1)
    variance = seen / ((count - 1) * np.maximum(count - seen, 0.5))
    tuned = max(FEWEST, _TUNED * count)
    # Howard and others 2021, (3.7): where the bound is tightest
    at = tuned / ((count - 1) * (count - tuned))
    rho = at / (2 * math.log(1 / level) + math.log(1 + 2 * math.log(1 / level)))
    grown = variance + rho
    bound: np.ndarray[Any, Any] = np.sqrt(grown * (np.log(grown / rho) + 2 * math.log(1 / level)))
    return bound
