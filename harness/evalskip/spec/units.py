"""Durations as people write them."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer

_SECONDS = {"s": 1, "m": 60, "h": 3600}
_EXPECTED = "expected a duration such as 90s, 5m or 1h30m"


def parse_duration(value: Any) -> float:
    """Seconds of ``90``, ``90s``, ``5m``, ``1h30m`` or ``1.5h``.

    Raises:
        ValueError: it is not a positive duration; the text says what is expected.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        seconds = float(value)
    elif isinstance(value, str) and re.fullmatch(r"(\d+(\.\d+)?\s*[smh]?\s*)+", value.strip()):
        parts = re.findall(r"(\d+(?:\.\d+)?)\s*([smh]?)", value)
        seconds = sum(float(number) * _SECONDS[unit or "s"] for number, unit in parts)
    else:
        raise ValueError(_EXPECTED)
    if not 0 < seconds < float("inf"):
        raise ValueError(_EXPECTED)
    return seconds


Seconds = Annotated[float, BeforeValidator(parse_duration), PlainSerializer(lambda s: f"{s:g}s")]
"""A duration in seconds, written ``5m`` in a spec."""
