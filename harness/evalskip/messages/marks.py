"""Marks what is to be said later."""

from __future__ import annotations


def message(template: str) -> str:
    """The template as it is: marks what is to be said later, by ``say`` of a name."""
    return template
