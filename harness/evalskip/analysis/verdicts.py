"""From intervals to verdicts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from scipy import special

from evalskip.summary import headline_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.summary import Comparison, Interval, Verdict

FEWEST_BLOCKS = 6
"""Below this many blocks a verdict is inconclusive, whatever the interval."""


def judge(gain: Interval, claimed: tuple[float, float], blocks: int) -> Verdict:
    """``supported`` if the whole interval lies in the claimed range, ``refuted`` if outside."""
    if blocks < FEWEST_BLOCKS or gain.low is None or gain.high is None:
        return "inconclusive"
    if claimed[0] <= gain.low and gain.high <= claimed[1]:
        return "supported"
    if gain.high < claimed[0] or gain.low > claimed[1]:
        return "refuted"
    return "inconclusive"


def with_verdicts(
    comparisons: Sequence[Comparison], arms: Sequence[str], claimed: tuple[float, float]
) -> list[Comparison]:
    """The same comparisons, with a verdict on both readings of a claim at each arm that is judged.

    The verdict stands at the comparison that the arm's figure is taken from. Where the matched
    estimate and the whole span disagree it is ``inconclusive``.

    Args:
        comparisons: of an experiment, by all estimators.
        arms: at which the claim is judged.
        claimed: range, of throughput gain in one reading, and of time saved in the other.
    """
    judged_comparisons = list(comparisons)
    for arm in arms:
        headline = headline_of(comparisons, arm)
        if headline is None or headline.estimator == "wall_clock":
            continue
        disagree = any(c.arm == arm and c.disagrees for c in comparisons)
        verdicts: list[Verdict] = [
            "inconclusive" if disagree else judge(interval, claimed, headline.blocks)
            for interval in (headline.throughput_gain, headline.time_saved)
        ]
        judged_comparisons[judged_comparisons.index(headline)] = headline.model_copy(
            update=dict(zip(("verdict", "verdict_time_saved"), verdicts, strict=True))
        )
    return judged_comparisons


def settled(comparisons: Sequence[Comparison], arms: Sequence[str]) -> bool:
    """Whether every arm that is judged has a verdict that further blocks would not be run for."""
    verdicts = {c.arm: c.verdict for c in comparisons if c.verdict}
    return all(verdicts.get(arm, "inconclusive") != "inconclusive" for arm in arms)


def unseen_probability(count: int, cases: int = 0) -> float:
    """How likely a kind of run may be that was seen so often in so many runs, at 95% confidence.

    The upper limit of Clopper and Pearson (1934), one-sided. Of what was never seen it is
    1 - 0.05^(1/n): at this probability n runs hold none of its kind in one case of twenty.
    """
    return float(special.betaincinv(cases + 1, count - cases, 0.95)) if cases < count else 1.0


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
    half_width = (math.log1p(gain.high) - math.log1p(gain.low)) / 2
    distance = min(abs(math.log1p(gain.estimate) - math.log1p(edge)) for edge in claimed)
    if distance < half_width / 20:
        return None
    return max(FEWEST_BLOCKS, math.ceil(blocks * (half_width / distance) ** 2))
