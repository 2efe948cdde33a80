"""Figures as people read them: bare for a column that names the unit, with it for a sentence."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evalskip.gate.kinds import FigureKind
    from evalskip.summary import Interval

NOTHING = "–"
_MOST = math.log(11)
"""A change beyond which it matters no more how large it is, in logarithms."""


_NOISE = math.log(4)
"""Of an interval of a gain, the width in logarithms beyond which its figure says nothing."""
LIMITS = (-0.5, 2.0)
"""Of gains: beyond these a noisy one is shown no further."""


def seconds(value: float | None) -> str:
    """Seconds to a hundredth, or whole ones where there are many."""
    if value is None:
        return NOTHING
    return f"{value:.2f}" if value < 100 else f"{value:,.0f}"


def percent(value: float | None) -> str:
    """A fraction in per cent, for a column that says so."""
    return NOTHING if value is None else f"{100 * value:.1f}"


def interval(value: Interval | None) -> str:
    """An estimate and its interval, in per cent, for a column that says so: ``7.1 [5.0, 9.2]``."""
    if value is None:
        return NOTHING
    if value.low is None or value.high is None:
        return f"{100 * value.estimate:.1f}"
    if is_noise(value):
        return f"{100 * value.estimate:.0f} {_clipped(value)}"
    return f"{100 * value.estimate:.1f} [{100 * value.low:.1f}, {100 * value.high:.1f}]"


def is_noise(gain: Interval) -> bool:
    """Whether the limits of a gain are so far apart that its figure says nothing."""
    if gain.low is None or gain.high is None:
        return False
    return gain.low <= -1 or math.log1p(gain.high) - math.log1p(gain.low) > _NOISE


def _clipped(value: Interval) -> str:
    """Limits that nobody needs to know any better."""
    least, most = LIMITS
    low, high = value.low or 0.0, value.high or 0.0
    left = f"<{100 * least:.0f}" if low < least else f"{100 * low:.0f}"
    right = f">{100 * most:.0f}" if high > most else f"{100 * high:.0f}"
    return f"[{left}, {right}]"


def plain(value: Interval | None, after: int) -> str:
    """A bare number and its interval, to so many digits after the point."""
    if value is None:
        return NOTHING
    if math.isinf(value.estimate):
        return "∞"
    if value.low is None or value.high is None:
        return f"{value.estimate:.{after}f}"
    return f"{value.estimate:.{after}f} [{value.low:.{after}f}, {value.high:.{after}f}]"


def span(value: Interval) -> str:
    """Seconds and their interval, for a column that says so."""
    if value.low is None or value.high is None:
        return seconds(value.estimate)
    return f"{seconds(value.estimate)} [{seconds(value.low)}, {seconds(value.high)}]"


def size_interval(value: Interval | None) -> str:
    """Bytes and their interval in MiB, for a column that says so."""
    if value is None or value.low is None or value.high is None:
        return NOTHING
    low, high = round(value.low), round(value.high)
    return f"{size(round(value.estimate))} [{size(low)}, {size(high)}]"


def size(value: int | None) -> str:
    """Bytes in MiB, for a column that says so."""
    return NOTHING if value is None else f"{value / 2**20:,.0f}"


def count(value: int | None) -> str:
    """A whole number."""
    return NOTHING if value is None else f"{value:,}"


def microseconds(value: float | None) -> str:
    """Seconds in millionths, for a column that says so."""
    return NOTHING if value is None else f"{1e6 * value:,.2f}"


def milliseconds(value: float) -> str:
    """Seconds in thousandths, for a column that says so."""
    return f"{1e3 * value:,.1f}"


def ratio(value: float | None) -> str:
    """One of two quantities, to two digits that count."""
    return NOTHING if value is None else f"{value:.2f}"


def gibibytes(value: int) -> str:
    """Bytes in GiB, for a column that says so."""
    return f"{value / 2**30:.2f}"


def rate(value: float | None) -> str:
    """Something per second."""
    return NOTHING if value is None else f"{value:,.0f}"


def load(value: float) -> str:
    """An evaluation load, to two digits that count."""
    return f"{value:.3f}" if value < 0.1 else f"{value:.2f}"


def printable(text: str) -> str:
    """Without the control characters that neither XML nor a terminal should be given."""
    return "".join(sign for sign in text if sign.isprintable())


def duration(value: float) -> str:
    """A span of time: ``4 min 12 s``."""
    minutes, rest = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def per_cent(value: Interval) -> str:
    """A fraction and its interval, for a sentence: ``7.1% [5.0, 9.2]``."""
    if value.low is None or value.high is None:
        return f"{100 * value.estimate:.1f}%"
    return f"{100 * value.estimate:.1f}% [{100 * value.low:.1f}, {100 * value.high:.1f}]"


def claimed(gain: tuple[float, float]) -> str:
    """A claimed range: ``15-30%``."""
    return f"{100 * gain[0]:g}-{100 * gain[1]:g}%"


def nats(value: Interval) -> str:
    """A loss and its interval, for a sentence."""
    if value.low is None or value.high is None:
        return f"{value.estimate:.3f} nats"
    return f"{value.estimate:.3f} nats [{value.low:.3f}, {value.high:.3f}]"


def unit_of(metric: str) -> str:
    """In which a difference of a metric is said: a loss is in nats, another has its own name."""
    return "nats" if metric.endswith("loss") else metric


def in_unit(value: Interval, metric: str) -> str:
    """A difference of a metric and its interval, for a sentence; not finite: it has no figure."""
    if math.isinf(value.estimate):
        return "∞"
    if unit_of(metric) == "nats":
        return nats(value)
    return f"{plain(value, 3)} {metric}"


def bytes_of(value: int) -> str:
    """Bytes in GiB, or in MiB where they are few, for a sentence."""
    return f"{value / 2**30:.4g} GiB" if value >= 2**30 else f"{value / 2**20:.0f} MiB"


def byte_change(value: Interval) -> str:
    """A difference in bytes, in MiB with its sign, and its interval, for a sentence."""
    limits = (value.estimate, value.low, value.high)
    estimate, low, high = (None if each is None else f"{round(each / 2**20):+,}" for each in limits)
    return f"{estimate} MiB" if low is None else f"{estimate} MiB [{low}, {high}]"


def gate_change(kind: FigureKind, change: float) -> str:
    """A change of a gate's figure, on the scale of its kind, with its unit."""
    if kind.scale == "points":
        return f"{100 * change:+.{kind.digits + 1}f} points"
    if abs(change) > _MOST:
        return "beyond +1000%" if change > 0 else "beyond -90%"
    return f"{100 * math.expm1(change):+.1f}%"
