"""Arms whose evaluations another process made."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from evalskip.summary.parts import Interval, Part


class BesideSummary(Part):
    """What evaluating beside training, or once it is over, came to: means over runs."""

    where: Literal["beside", "afterwards"] = Field(description="when the second process evaluates")
    device: str = Field(description="of the second process")
    cores: list[int] = Field(description="on which it stays; empty: all")
    slow_down: Interval | None = Field(
        description="T(arm) / T(off) - 1 by the clock, snapshots and the wait at the end taken "
        "out; null: no block holds both"
    )
    snapshot_s: float | None = Field(description="of one; null: none was taken")
    snapshot_share: float | None = Field(
        description="of the time between two snapshots; null: fewer than two were taken"
    )
    evaluation_s: float | None = Field(description="of one, in the second process")
    lag_s: float | None = Field(description="from a snapshot to its metrics, median")
    lag_steps: float | None = Field(description="the same, in steps of training")
    waited_s: float = Field(description="at the end of training")
    overshoot_steps: int | None = Field(
        default=None, description="trained after the step whose metrics ended it; null: none did"
    )
    evaluated: int = Field(description="snapshots, in all runs")
    dropped: int = Field(description="that gave way to newer ones, in all runs")
    unseen: int = Field(description="whose metrics did not come in time, in all runs")
    restarts: int = Field(description="of the second process, in all runs")
    went_inside: int = Field(description="runs that evaluated inside training in the end")
    peak_bytes: int = Field(description="of the second process's memory")
