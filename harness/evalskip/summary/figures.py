"""Quantities with their unit, as values that a note can hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.notes import Note, note

if TYPE_CHECKING:
    from evalskip.summary.parts import Interval


def percent(value: Interval) -> Note:
    """A fraction and its interval, to be written in per cent."""
    return note("percent", **_limits(value))


def nats(value: Interval) -> Note:
    """A loss and its interval, in nats."""
    return note("nats", **_limits(value))


def byte_change(value: Interval) -> Note:
    """A difference in bytes and its interval, to be written with its sign."""
    return note("byte_change", **_limits(value))


def number(value: Interval, digits: int) -> Note:
    """A bare number and its interval.

    Args:
        value: the number.
        digits: after the point.
    """
    return note("number", digits=digits, **_limits(value))


def size(count: float) -> Note:
    """Bytes, to be written in a unit that suits them."""
    return note("size", bytes=round(count))


def gain_range(gain: tuple[float, float]) -> Note:
    """A range of fractions that somebody claims."""
    return note("gain_range", low=gain[0], high=gain[1])


def _limits(value: Interval) -> dict[str, float | None]:
    return {"estimate": value.estimate, "low": value.low, "high": value.high}
