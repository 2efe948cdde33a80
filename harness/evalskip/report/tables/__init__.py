"""The tables of a report, by what they are about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.report.tables.claims import disagreements, evidence, shown, truth, verdicts
from evalskip.report.tables.gains import estimates, gains, overview, readings
from evalskip.report.tables.ledger import speeds, verdicts_by_result
from evalskip.report.tables.memory import headroom, memory
from evalskip.report.tables.predictions import pieces, predictions, recommendations
from evalskip.report.tables.regret import noticed, regret
from evalskip.report.tables.table import Table
from evalskip.report.tables.times import evaluation_sets, per_token, phases, ranks, times

if TYPE_CHECKING:
    from evalskip.summary import Summary

__all__ = [
    "Table",
    "disagreements",
    "estimates",
    "evaluation_sets",
    "evidence",
    "first_of",
    "gains",
    "headroom",
    "memory",
    "noticed",
    "overview",
    "per_token",
    "phases",
    "pieces",
    "predictions",
    "ranks",
    "readings",
    "recommendations",
    "regret",
    "shown",
    "speeds",
    "tables_of",
    "times",
    "truth",
    "verdicts",
    "verdicts_by_result",
]

_ALL = (
    speeds,
    verdicts_by_result,
    truth,
    disagreements,
    overview,
    predictions,
    recommendations,
    regret,
    noticed,
    estimates,
    readings,
    phases,
    ranks,
    per_token,
    evaluation_sets,
    memory,
    headroom,
    pieces,
)


_FIRST = (
    speeds,
    truth,
    disagreements,
    overview,
    predictions,
    recommendations,
    regret,
    noticed,
)


def first_of(summary: Summary) -> list[Table]:
    """What a reader looks for first: the main table, or those that stand for it."""
    return [table for make in _FIRST if (table := make(summary)).rows]


def tables_of(summary: Summary) -> list[Table]:
    """Every table that has something to say of a result."""
    return [table for make in _ALL if (table := make(summary)).rows]
