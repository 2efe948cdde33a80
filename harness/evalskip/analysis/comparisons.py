"""From the log of a ratio of times to a comparison, in both readings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.analysis.intervals import throughput_gain, time_saved
from evalskip.analysis.verdicts import FEWEST_BLOCKS
from evalskip.spec import OFF
from evalskip.summary import Comparison

if TYPE_CHECKING:
    from evalskip.summary import Estimator, Interval


def comparison_of(
    arm: str,
    estimator: Estimator,
    log_ratio: Interval,
    *,
    blocks: int,
) -> Comparison:
    """An arm against off, by one estimator.

    Args:
        arm: compared with off.
        estimator: that made it.
        log_ratio: log T(arm) / T(off).
        blocks: that it is made from.
    """
    log_ratio = if_enough(log_ratio, blocks)
    return Comparison(
        arm=arm,
        against=OFF,
        estimator=estimator,
        blocks=blocks,
        throughput_gain=throughput_gain(log_ratio),
        time_saved=time_saved(log_ratio),
    )


def if_enough(interval: Interval, blocks: int) -> Interval:
    """Too few blocks give an estimate, and no interval."""
    if blocks >= FEWEST_BLOCKS:
        return interval
    return interval.model_copy(update={"low": None, "high": None, "degrees": None})
