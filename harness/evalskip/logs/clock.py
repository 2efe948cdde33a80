"""What evaluations took by a clock of whole seconds, where nothing else says it."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from evalskip.logs.finished import ClockedTime

if TYPE_CHECKING:
    from evalskip.logs.finished import Evaluation

_ROUNDING = 0.41
"""Standard deviation of a difference of two times that are cut to whole seconds."""


_TIME = re.compile(r"(?:(\d{1,5}) days?, )?(\d{1,5}):(\d\d):(\d\d(?:\.\d+)?)")


def clock_seconds(text: str) -> float | None:
    """Seconds of ``1 day, 0:02:03``, or ``0:00:01.53``; None: it is no time of a clock."""
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


class Clock:
    """Seconds since training began, entry by entry, and what evaluations took by them."""

    def __init__(self) -> None:
        self.entries = 0
        self._before = self._last = 0.0
        self._first: float | None = None
        self._last_step = 0.0
        self._trained = self._trained_steps = 0.0
        self._evaluations: list[tuple[Evaluation, float, float]] = []

    def add(self, elapsed: float, step: float | None, evaluation: Evaluation | None) -> None:
        """One more entry.

        Args:
            elapsed: seconds since training, or its last part, began.
            step: after which; None: not logged.
            evaluation: that it is of; None: it is of none.
        """
        if elapsed < self._last:  # resumed: the clock begins anew
            self._before += self._last
            self._last = 0.0
        passed = elapsed - self._last
        steps = max(0.0, (step or self._last_step) - self._last_step)
        if evaluation is not None:
            self._evaluations.append((evaluation, passed, steps))
        elif self.entries:  # the first holds what comes before the first step
            self._trained += passed
            self._trained_steps += steps
        self.entries += 1
        self._first = elapsed if self._first is None else self._first
        self._last = elapsed
        self._last_step = max(step or 0.0, self._last_step)

    def closed(self) -> ClockedTime | None:
        """The time in all, with evaluations given theirs; None: the clock stands still."""
        total = self._before + self._last
        if self._first is None or total <= self._first:
            return None
        step_s = self._trained / self._trained_steps if self._trained_steps else 0.0
        for evaluation, passed, steps in self._evaluations:
            if evaluation.seconds is None:
                evaluation.seconds = max(0.0, passed - steps * step_s)
        error = 2 * _ROUNDING * math.sqrt(max(1, len(self._evaluations)))
        return ClockedTime(total, error)
