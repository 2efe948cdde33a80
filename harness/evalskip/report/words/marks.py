"""Marks of messages that are said later, for whoever extracts them."""

from __future__ import annotations

Template = str | tuple[str, str]
"""A message; or two, of which the first is for a ``count`` of one."""


def N_(template: str) -> str:  # noqa: N802 (the name that gettext's documentation gives it)
    """The template as it is."""
    return template


def NN_(one: str, many: str) -> tuple[str, str]:  # noqa: N802
    """Both templates as they are."""
    return one, many
