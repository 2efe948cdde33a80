"""Estimates of what evaluation costs, which check each other."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from evalskip.analysis.intervals import (
    jackknife_t,
    mean_interval,
    ratio,
    replicates,
    throughput_gain,
    time_saved,
)
from evalskip.analysis.matched_steps import LOWER_QUARTILE, MEDIAN, locate, log_gains, quantile_of
from evalskip.spec import OFF
from evalskip.summary import TOGETHER, Comparison

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd

    from evalskip.analysis.matched_steps import LogGains
    from evalskip.analysis.pieces import Pieces
    from evalskip.summary import Estimator, Interval


# noise that drifts within a run moves evaluations and steps a little differently; by simulation
# (`make simulate`) the plain interval then covers 93 %, and with this factor as much as it says
WIDENING = 1.2


def direct(runs: pd.DataFrame, arm: str, level: float) -> Comparison | None:
    """Paired log ratios of T within blocks: what a user would see today, noise included.

    Args:
        runs: timed runs of matched blocks that ended well, as
            :func:`evalskip.analysis.frames.frame_of` gives them.
        arm: compared with off.
        level: of the intervals.

    Returns:
        None where no block holds both.
    """
    wall = _paired(runs, arm, "wall_s")
    if not wall:
        return None
    clean = _paired(runs[runs["block_contaminated"].eq(False)], arm, "wall_s")
    return _comparison(
        arm,
        "direct",
        mean_interval(wall, level),
        blocks=len(wall),
    ).model_copy(
        update={
            "throughput_gain_with_setup": throughput_gain(
                mean_interval(_paired(runs, arm, "total_s"), level)
            ),
            "throughput_gain_uncontaminated": (
                throughput_gain(mean_interval(clean, level)) if clean else None
            ),
        }
    )


def attributed(runs: pd.DataFrame, arm: str, level: float) -> Comparison | None:
    """T over T without its evaluations, in each run that evaluates; see :func:`direct`.

    Immune to what slows a whole run alike; a burst inside the run still bends it.
    """
    own = runs[runs["arm"] == arm]
    if own.empty:
        return None
    evaluated = own["evaluate_s"] + own["evaluation_wait_s"]
    logs = [
        math.log(wall / (wall - evaluate))
        for wall, evaluate in zip(own["wall_s"], evaluated, strict=True)
    ]
    return _comparison(arm, "attributed", mean_interval(logs, level), blocks=len(logs))


def matched(
    arm: str,
    on: Pieces,
    offs: Sequence[Pieces],
    *,
    window: int,
    level: float,
    level_of_verdict: float,
) -> list[Comparison]:
    """Matched steps, hidden cost, and both together, on which verdicts rest.

    Args:
        arm: compared with off.
        on: its pieces.
        offs: those of the arms that do not evaluate.
        window: steps after an evaluation that may bear its hidden cost.
        level: of the intervals of the parts.
        level_of_verdict: of the interval of both together, which holds over all looks and
            questions.
    """
    blocks = sorted(set(on.blocks).intersection(*(off.blocks for off in offs)))
    if not blocks or not offs:
        return []
    gains = replicated_gains(on, offs, blocks, window=window)

    def interval(values: Iterable[float], level: float) -> Interval:
        return jackknife_t(list(values), level, widening=WIDENING)

    at_median = replicated_gains(on, offs, blocks, window=window, quantile=MEDIAN)
    median = interval((gain.together for gain in at_median), level)
    return [
        _comparison(
            arm,
            "matched_steps",
            interval((gain.matched_steps for gain in gains), level),
            blocks=len(blocks),
        ),
        _comparison(
            arm,
            "hidden_cost",
            interval((gain.hidden_cost for gain in gains), level),
            blocks=len(blocks),
        ),
        _comparison(
            arm,
            TOGETHER,
            interval((gain.together for gain in gains), level_of_verdict),
            blocks=len(blocks),
        ).model_copy(update={"throughput_gain_at_median": throughput_gain(median)}),
    ]


def undisturbed_time(arm: Pieces, level: float) -> Interval:
    """T in seconds with each piece at the lower quartile across runs.

    Unlike a gain this is an absolute time: it holds for one machine, and on a shared one whole
    processes differ, which its interval shows.

    Args:
        arm: its runs.
        level: of the interval.
    """
    arm = arm.weighted(arm)
    parts = (arm.steps, arm.evaluations, arm.remainders)
    totals = []
    for kept in replicates(range(len(arm.blocks))):
        located = [quantile_of(part[kept], LOWER_QUARTILE).sum() for part in parts if part.size]
        totals.append(math.log(sum(located)))
    return ratio(jackknife_t(totals, level, widening=WIDENING))


def fixed_cost(runs: pd.DataFrame, level: float) -> Interval | None:
    """What a run takes beyond T, in units of the T of off in its block.

    Args:
        runs: timed runs that ended well; see :func:`direct`.
        level: of the interval.
    """
    keys = [runs["block"], runs["attempt"]]
    beyond = (runs["turnaround_s"] - runs["wall_s"]).groupby(keys).median()
    off = runs["wall_s"].where(runs["arm"] == OFF).groupby(keys).first()
    ratios = (beyond / off).dropna()
    logs = [math.log(value) for value in ratios if value > 0]
    return ratio(mean_interval(logs, level)) if logs else None


def replicated_gains(
    on: Pieces,
    offs: Sequence[Pieces],
    blocks: Sequence[int],
    *,
    window: int,
    quantile: float = LOWER_QUARTILE,
) -> list[LogGains]:
    """The log gains on each of the sets of blocks that the jackknife wants."""
    inside = on.window(window)
    offs, on = [off.weighted(on) for off in offs], on.weighted(on)
    return [
        log_gains(
            locate(on.at(kept), inside, quantile),
            [locate(off.at(kept), inside, quantile) for off in offs],
        )
        for kept in replicates(blocks)
    ]


def _paired(runs: pd.DataFrame, arm: str, column: str) -> list[float]:
    """Log ratios of a column, arm against off, of the blocks that hold both."""
    if runs.empty:
        return []
    times = runs.pivot(index=["block", "attempt"], columns="arm", values=column)
    if arm not in times or OFF not in times:
        return []
    pairs = times[[arm, OFF]].dropna()
    return [math.log(on / off) for on, off in zip(pairs[arm], pairs[OFF], strict=True)]


def _comparison(
    arm: str,
    estimator: Estimator,
    log_ratio: Interval,
    *,
    blocks: int,
) -> Comparison:
    return Comparison(
        arm=arm,
        against=OFF,
        estimator=estimator,
        blocks=blocks,
        throughput_gain=throughput_gain(log_ratio),
        time_saved=time_saved(log_ratio),
    )
