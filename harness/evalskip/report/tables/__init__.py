"""The tables of a report, by the section of the summary that they are of.

A module has the tables that a reader looks for first in ``FIRST`` and the others in ``REST``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalskip.report.tables import (
    audit,
    beside,
    claims,
    gains,
    headroom,
    memory,
    predictions,
    proven,
    regret,
    remedies,
    times,
)
from evalskip.report.tables.table import Table

if TYPE_CHECKING:
    from evalskip.report.words import Language
    from evalskip.summary import Summary

__all__ = ["Table", "first_of", "rest_of"]

_MODULES: dict[str, tuple[Any, ...]] = {
    "claims": (claims,),
    "bench": (gains, beside, proven, times, memory),
    "prediction": (remedies, predictions),
    "regret": (regret,),
    "headroom": (headroom,),
    "audit": (audit,),
}
"""Those of each section, in the order in which they are shown."""


def first_of(summary: Summary, language: Language) -> list[Table]:
    """What a reader looks for first: the main table of each section."""
    return _tables(summary, language, "FIRST")


def rest_of(summary: Summary, language: Language) -> list[Table]:
    """All other tables that have something to say of a result."""
    return _tables(summary, language, "REST")


def _tables(summary: Summary, language: Language, which: str) -> list[Table]:
    tables = [
        make(section, language)
        for name, modules in _MODULES.items()
        if (section := getattr(summary, name)) is not None
        for module in modules
        for make in getattr(module, which, ())
    ]
    return [table for table in tables if table.rows]
