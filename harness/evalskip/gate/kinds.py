"""What a gate can compare, and how much of a change of it matters.

What takes time is compared on the same model of machine only, ratios too: caches and vector units
speed up an evaluation and a train step by different factors, and where that makes evaluation a
tenth cheaper a gate across machines would fail without a change. What fits into a memory limit is
the same everywhere. A slow-down that hits training and evaluation alike leaves every ratio as it
was: only absolute times show it. And where training alone grows faster, ratios over it grow.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

Scale = Literal["points", "relative"]

_FLOOR = 0.001


@dataclass(frozen=True)
class FigureKind:
    """One kind of figure; more of it is worse.

    Changes are differences of fractions (``points``) or of logarithms (``relative``).
    """

    name: str
    scale: Scale
    tolerance: Callable[[float], float]
    """Of a value: a change up to here is let pass, however sure it is."""
    resolution: Callable[[float], float] | None
    """Of a value: a change from here on must not go unseen; where it might, the gate cannot tell.
    None: the figure is looked at, and its noise is nobody's fault."""
    spread: Callable[[float], float]
    """Of a value: its standard deviation between sessions, believed before several were seen."""
    holds_across_machines: bool = False
    unit: Literal["%", "s", "times", "MiB"] = "%"
    digits: int = 1
    """After the point, in that unit."""

    @property
    def per_unit(self) -> float:
        """What one of its unit is as a value: fractions and bytes are said otherwise."""
        return {"%": 0.01, "MiB": 2.0**20}.get(self.unit, 1.0)

    def scaled(self, value: float) -> float:
        """A value where changes of it are differences."""
        return math.log(value) if self.scale == "relative" else value

    def unscaled(self, value: float) -> float:
        """The value itself again."""
        return math.exp(value) if self.scale == "relative" else value


def _always(value: float) -> Callable[[float], float]:
    return lambda _: value


def _at_least(least: float, part: float) -> Callable[[float], float]:
    return lambda value: max(least, part * abs(value))


# what an evaluation costs, against a step, differs by 5% from session to session on real machines
_COST_SPREAD = 0.05

# what evaluation itself takes is seen sooner in its share; the gain has the after-effect besides
THROUGHPUT_GAIN = FigureKind(
    "throughput_gain",
    "points",
    tolerance=_at_least(0.01, 0.05),
    resolution=_at_least(0.1, 0.2),
    spread=_at_least(_FLOOR, _COST_SPREAD),
)
EVALUATION_SHARE = FigureKind(
    "evaluation_share",
    "points",
    tolerance=_always(0.01),
    resolution=_always(0.05),
    spread=lambda share: max(_FLOOR, _COST_SPREAD * share * (1 - share)),
)
HEADROOM = FigureKind(
    "headroom",
    "relative",
    tolerance=_always(0.05),
    resolution=_always(0.3),
    spread=_always(0.01),
    holds_across_machines=True,
    unit="times",
    digits=2,
)
FIXED_COST = FigureKind(
    "fixed_cost",
    "relative",
    tolerance=_always(0.25),
    resolution=None,
    spread=_always(0.1),
)
INSTRUMENTATION = FigureKind(
    "instrumentation",
    "relative",
    tolerance=_always(0.7),
    resolution=None,
    spread=_always(0.25),
    digits=4,
)
# the allocator asks for memory in the same order each time, on one model of device
PEAK_MEMORY = FigureKind(
    "peak_memory",
    "relative",
    tolerance=_always(0.05),
    resolution=_always(0.1),
    spread=_always(0.005),
    unit="MiB",
    digits=0,
)
UNDISTURBED_TIME = FigureKind(
    "undisturbed_time",
    "relative",
    tolerance=_always(0.15),
    resolution=None,
    spread=_always(0.1),
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
        PEAK_MEMORY,
        UNDISTURBED_TIME,
    )
}
