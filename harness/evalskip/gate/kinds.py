"""What a gate can compare, and how much of a change of it matters.

A ratio that is measured within one run holds across machines; an absolute time is compared only on
the same model of machine. A slow-down that hits training and evaluation alike leaves every ratio as
it was: only absolute times show it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Scale = Literal["points", "relative"]


@dataclass(frozen=True)
class Kind:
    """One kind of figure; more of it is worse.

    Changes are differences of fractions (``points``) or of logarithms (``relative``).
    """

    name: str
    what: str
    scale: Scale
    tolerance: float
    """A change up to here is let pass, however sure it is."""
    resolution: float | None
    """A change from here on must not go unseen: where it might, the gate cannot tell. None: the
    figure is looked at, and its noise is nobody's fault."""
    spread: float
    """Standard deviation between sessions that is believed before several were seen."""
    holds_across_machines: bool = True
    unit: Literal["%", "s"] = "%"
    digits: int = 1
    """After the point, in that unit."""

    def scaled(self, value: float) -> float:
        """A value where changes of it are differences."""
        return math.log(value) if self.scale == "relative" else value

    def unscaled(self, value: float) -> float:
        """The value itself again."""
        return math.exp(value) if self.scale == "relative" else value

    def described(self, change: float) -> str:
        """A change as people read it."""
        if self.scale == "relative":
            return f"{100 * math.expm1(change):+.1f} %"
        return f"{100 * change:+.{self.digits + 1}f} points"

    def limits(self, low: float, high: float) -> str:
        """Those of a change, in the same unit."""
        cells = (self.described(limit).split()[0] for limit in (low, high))
        return f"[{', '.join(cells)}]"


THROUGHPUT_GAIN = Kind(
    "throughput_gain", "throughput gain of skipping", "points", 0.01, 0.05, 0.004
)
EVALUATION_SHARE = Kind("evaluation_share", "evaluation share of T", "points", 0.01, 0.05, 0.004)
HEADROOM = Kind("headroom", "batch that evaluation costs", "points", 0.05, 0.2, 0.01)
FIXED_COST = Kind("fixed_cost", "fixed cost per run over T", "relative", 0.25, 0.7, 0.1)
INSTRUMENTATION = Kind(
    "instrumentation",
    "cost of the probe over a train step",
    "points",
    0.001,
    0.005,
    0.0003,
    digits=3,
)
UNDISTURBED_TIME = Kind(
    "undisturbed_time",
    "undisturbed T in seconds",
    "relative",
    0.15,
    None,
    0.1,
    holds_across_machines=False,
    unit="s",
)

KINDS = {
    kind.name: kind
    for kind in (
        THROUGHPUT_GAIN,
        EVALUATION_SHARE,
        HEADROOM,
        FIXED_COST,
        INSTRUMENTATION,
        UNDISTURBED_TIME,
    )
}
