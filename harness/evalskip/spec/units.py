"""Durations, sizes and shares as people write them."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, ByteSize, PlainSerializer, TypeAdapter, ValidationError

_SECONDS = {"s": 1, "m": 60, "h": 3600}
_EXPECTED = "expected a duration such as 90s, 5m or 1h30m"


def parse_duration(value: Any) -> float:
    """Seconds of ``90s``, ``5m``, ``1h30m`` or ``1.5h``.

    Raises:
        ValueError: it is not a positive duration, or has no unit; the text says what is expected.
    """
    _see_unit(value, _EXPECTED, "m")
    if not (isinstance(value, str) and re.fullmatch(r"(\d+(\.\d+)?\s*[smh]\s*)+", value.strip())):
        raise ValueError(_EXPECTED)
    parts = re.findall(r"(\d+(?:\.\d+)?)\s*([smh])", value)
    seconds = sum(float(number) * _SECONDS[unit] for number, unit in parts)
    if not 0 < seconds < float("inf"):
        raise ValueError(_EXPECTED)
    return seconds


def _see_unit(value: Any, expected: str, unit: str) -> None:
    """Refuse a number that stands alone: nobody means ten bytes by 10.

    Raises:
        ValueError: it stands alone; the text says what to add.
    """
    try:
        number = float(value)
    except (TypeError, ValueError):
        return
    if isinstance(value, bool) or not 0 < number < float("inf"):
        raise ValueError(expected)
    raise ValueError(f"{expected}: add a unit, such as {value}{unit}")


Seconds = Annotated[float, BeforeValidator(parse_duration), PlainSerializer(lambda s: f"{s:g}s")]
"""A duration in seconds, written ``5m`` in a spec."""

_ANY_SIZE: TypeAdapter[ByteSize] = TypeAdapter(ByteSize)
_EXPECTED_SIZE = "expected a size such as 3GiB, 80GB or 512 MiB"


def parse_size(value: Any) -> int:
    """Bytes of ``3GiB`` (1024 to the third), ``80GB`` or ``80G`` (1000 to the third), ``80 GiB``.

    Raises:
        ValueError: it is no size above 0; the text says what is expected.
    """
    _see_unit(value, _EXPECTED_SIZE, "GiB")
    try:
        size = int(_ANY_SIZE.validate_python(value))
    except ValidationError:
        raise ValueError(f"{_EXPECTED_SIZE}, got {value}") from None
    if size <= 0:
        raise ValueError(f"{_EXPECTED_SIZE}, got {value}")
    return size


Bytes = Annotated[int, BeforeValidator(parse_size), PlainSerializer(lambda size: f"{size}B")]
"""A size in bytes, written ``3GiB`` in a spec; with its unit, a resolved spec is one as well."""

_EXPECTED_RANGE = "expected a range such as 15-30%"
_EXPECTED_SHARE = "expected a share such as 10% or 0.1"


def parse_range(value: str) -> tuple[float, float]:
    """Two fractions, the lower one first, of ``15-30%`` or ``0.15-0.3``.

    Raises:
        ValueError: it is none; the text says what is expected.
    """
    low, _, high = value.partition("-")
    if high.endswith("%") and not low.endswith("%"):
        low += "%"
    try:
        bounds = 0.0 if low in ("0", "0%") else parse_share(low), parse_share(high)
    except ValueError:
        raise ValueError(f"{_EXPECTED_RANGE}, got {value}") from None
    if bounds[0] >= bounds[1]:
        raise ValueError(f"{_EXPECTED_RANGE}, got {value}")
    return bounds


def parse_share(value: str) -> float:
    """A fraction above 0 and at most 1, of ``10%`` or ``0.1``.

    Raises:
        ValueError: it is none; the text says what is expected.
    """
    number, percent, rest = value.partition("%")
    try:
        share = float(number) / (100 if percent else 1)
    except ValueError:
        raise ValueError(f"{_EXPECTED_SHARE}, got {value}") from None
    if rest.strip() or not 0 < share <= 1:
        raise ValueError(f"{_EXPECTED_SHARE}, got {value}")
    return share
