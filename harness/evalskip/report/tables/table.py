"""A table as rows of text, and what tables have in common; how it is drawn is for others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalskip import digits
from evalskip.messages import listed, message, say
from evalskip.spec import OFF_AGAIN
from evalskip.summary import ArmSummary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.summary import Estimator, Interval, Prediction, Summary

WHO = (message("schedule"), message("rows"))
"""The first columns of most tables."""
PHASES = (
    message("train"),
    message("evaluate"),
    message("save"),
    message("log"),
    message("wait"),
    message("other"),
)
"""In the order in which tables have them."""
QUANTITIES = (
    message("resident"),
    message("allocated"),
    message("reserved"),
    message("process"),
)
"""Of memory."""
VERDICTS = (
    message("supported"),
    message("refuted"),
    message("conditional"),
    message("inconclusive"),
    message("not_run"),
)
"""As claims have them, for whoever says one."""


_NUMERIC = frozenset("0123456789-–+")


@dataclass(frozen=True)
class Table:
    """A title, a line that says how to read it, columns, and rows of text."""

    title: str
    note: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]

    @property
    def numeric(self) -> list[bool]:
        """Per column, whether it holds numbers only, and no more than dashes beside them."""
        if not self.rows:
            return [False] * len(self.columns)
        columns = zip(*self.rows, strict=True)
        return [all(text[:1] in _NUMERIC for text in column) for column in columns]


def who(name: str, arm: ArmSummary) -> tuple[str, str]:
    """An arm's schedule and evaluation rows."""
    rows = digits.NOTHING if arm.evaluation_rows is None else str(arm.evaluation_rows)
    return say("off, again") if name == OFF_AGAIN else schedule_of(arm), rows


def schedule_of(arm: ArmSummary | Prediction) -> str:
    """A schedule, and what its evaluation has of its own."""
    own = arm.settings if isinstance(arm, ArmSummary) else arm.evaluation
    return listed([arm.schedule, *own])


def gain_of(summary: Summary, arm: str, estimator: Estimator) -> Interval | None:
    """The throughput gain of an arm by one estimator."""
    comparison = summary.compared(arm, estimator)
    return comparison.throughput_gain if comparison else None


def best_gain(summary: Summary, arm: str) -> Interval | None:
    """From the comparison that an arm's figure is taken from."""
    comparison = summary.headline(arm)
    return comparison.throughput_gain if comparison else None


def has(summary: Summary, quantity: str) -> bool:
    """Whether any peak of this kind was read."""
    arms = summary.arms.values()
    return any(quantity in peaks for arm in arms for peaks in arm.peak_bytes.values())


def peak(arm: ArmSummary, phase: str, quantity: str) -> str:
    """A peak in a phase, in MiB."""
    return digits.size(arm.peak_bytes.get(phase, {}).get(quantity))


def level(summary: Summary) -> str:
    """The level of the intervals of gains, in per cent."""
    levels = [comparison.throughput_gain.level for comparison in summary.comparisons]
    return f"{100 * levels[0]:.3g}" if levels else "95"
