"""Lengths of evaluated samples, and how a collator pads them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

_IDS = "input_ids"
_MULTIPLES = (1, 8, 16, 32, 64, 128)


def lengths_of(samples: Any, within_s: float | None = None) -> list[int] | None:
    """Tokens of every sample of a data set, in its order.

    Of pairs, which a collator lays side by side, those of the longer one.

    Args:
        samples: a data set that has a length, and samples by number.
        within_s: after which nothing more is read; None: all is read.

    Returns:
        None where samples hold no token ids, which a collator then makes, or it takes too long.
    """
    columns = getattr(samples, "column_names", None)
    deadline = None if within_s is None else time.monotonic() + within_s
    if columns is not None:
        named = [name for name in columns if name.endswith(_IDS)]
        if not named:
            return None
        samples = samples.with_format(None).select_columns(named)
    lengths = []
    for number in range(len(samples)):
        sample = samples[number]
        if not hasattr(sample, "items"):
            return None
        ids = [value for name, value in sample.items() if str(name).endswith(_IDS)]
        if not ids or not all(hasattr(value, "__len__") for value in ids):
            return None
        lengths.append(max(map(len, ids)))
        if deadline is not None and time.monotonic() > deadline:
            return None
    return lengths


def longest_first(lengths: Sequence[int]) -> list[int]:
    """Numbers of samples in the order of their lengths; those of one length as they come."""
    return sorted(range(len(lengths)), key=lambda number: -lengths[number])


def pad_multiple(
    lengths: Sequence[int], batch: int, shapes: Sequence[tuple[int, int]]
) -> int | None:
    """To a multiple of what batches of so many samples, in order, are padded beyond their longest.

    Args:
        lengths: of the samples, in the order in which they were batched.
        batch: samples.
        shapes: samples and tokens of the batches, as seen.

    Returns:
        None where batches are not made so: samples are packed, or a batch needs them all.
    """
    for multiple in _MULTIPLES:
        if list(shapes) == shapes_of(lengths, batch, multiple)[: len(shapes)]:
            return multiple
    return None


def shapes_of(lengths: Sequence[int], batch: int, multiple: int) -> list[tuple[int, int]]:
    """Samples and tokens, padding included, of the batches of samples in this order."""
    shapes = []
    for begin in range(0, len(lengths), batch):
        part = lengths[begin : begin + batch]
        shapes.append((len(part), len(part) * -(-max(part) // multiple) * multiple))
    return shapes
