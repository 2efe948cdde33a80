"""Quantities of notes, written with their units; see :mod:`evalskip.summary.figures`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalskip.gate.kinds import KINDS
from evalskip.report import digits
from evalskip.summary import Interval

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def _interval(values: Mapping[str, Any]) -> Interval:
    return Interval(
        estimate=values["estimate"], low=values["low"], high=values["high"], level=float("nan")
    )


QUANTITIES: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "percent": lambda values: digits.per_cent(_interval(values)),
    "nats": lambda values: digits.nats(_interval(values)),
    "byte_change": lambda values: digits.byte_change(_interval(values)),
    "number": lambda values: digits.plain(_interval(values), values["digits"]),
    "size": lambda values: digits.bytes_of(values["bytes"]),
    "gate_change": lambda values: digits.gate_change(KINDS[values["kind"]], values["change"]),
    "gain_range": lambda values: digits.claimed((values["low"], values["high"])),
}
"""By the code of the note."""
