"""A ledger in one line: ``badge.svg``, for a README."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined

from evalskip.errors import InputError
from evalskip.files import write_atomically

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from evalskip.summary import Claim, Verdict

_PARTS: tuple[tuple[Verdict, str, str], ...] = (
    ("supported", "{} hold", "#0b6e4f"),
    ("conditional", "{} in part", "#00528f"),
    ("refuted", "{} do not", "#a63a00"),
    ("inconclusive", "{} open", "#555555"),
    ("not_run", "{} not run", "#555555"),
)
_LETTER, _MARGIN = 6.6, 7.0
"""Pixels: a letter of 11 pixels takes so many on average, and each part so many on both sides."""


def write_badge(directory: Path, claims: Sequence[Claim]) -> Path:
    """How many claims hold, each count in the colour and in the words of its verdict.

    Raises:
        InputError: it cannot be written to.
    """
    counts = Counter(claim.verdict for claim in claims)
    labels = [(f"{len(claims)} claims", "#333333")]
    labels += [(words.format(counts[v]), colour) for v, words, colour in _PARTS if counts[v]]
    parts, place = [], 0.0
    for text, colour in labels:
        width = round(_LETTER * len(text) + 2 * _MARGIN, 1)
        parts.append({"text": text, "colour": colour, "x": place, "width": width})
        place = round(place + width, 1)
    environment = Environment(
        loader=PackageLoader("evalskip.article"), undefined=StrictUndefined, autoescape=True
    )
    path = directory / "badge.svg"
    try:
        drawn = environment.get_template("badge.svg.jinja").render(parts=parts, width=place)
        write_atomically(path, drawn)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from None
    return path
