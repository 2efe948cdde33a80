"""From intervals to verdicts, at a level that holds over all looks and all questions."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.summary import Interval, Verdict

FEWEST_BLOCKS = 6
"""Below this many blocks a verdict is inconclusive, whatever the interval."""


def simultaneous_level(level: float, looks: int, questions: int) -> float:
    """The level of each interval, so that all of them hold together (Bonferroni).

    Args:
        level: wanted for the whole experiment: the chance that no look at any question misleads.
        looks: how many are planned.
        questions: how many are judged at each.
    """
    return 1 - (1 - level) / max(1, looks * questions)


def judge(gain: Interval, claimed: tuple[float, float], blocks: int) -> Verdict:
    """``supported`` if the whole interval lies in the claimed range, ``refuted`` if outside."""
    if blocks < FEWEST_BLOCKS or gain.low is None or gain.high is None:
        return "inconclusive"
    if claimed[0] <= gain.low and gain.high <= claimed[1]:
        return "supported"
    if gain.high < claimed[0] or gain.low > claimed[1]:
        return "refuted"
    return "inconclusive"


def overall(verdicts: Sequence[Verdict]) -> Verdict:
    """One verdict of several points."""
    if not verdicts:
        return "not_run"
    if {"supported", "refuted"} <= set(verdicts):
        return "conditional"
    return verdicts[0] if len(set(verdicts)) == 1 else "inconclusive"


def blocks_to_settle(gain: Interval, claimed: tuple[float, float], blocks: int) -> int | None:
    """About how many blocks would settle an inconclusive verdict; None: none that is known.

    The interval narrows with the root of the blocks; it is settled once it reaches no further
    than the nearest edge of the claimed range.
    """
    if gain.low is None or gain.high is None:
        return None
    reach = (math.log1p(gain.high) - math.log1p(gain.low)) / 2
    distance = min(abs(math.log1p(gain.estimate) - math.log1p(edge)) for edge in claimed)
    if distance < reach / 20:
        return None
    return max(FEWEST_BLOCKS, math.ceil(blocks * (reach / distance) ** 2))
