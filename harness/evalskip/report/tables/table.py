"""A table as rows of text, and what tables have in common; how it is drawn is for others."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from evalskip.report import digits
from evalskip.report.words import N_
from evalskip.spec import OFF_AGAIN
from evalskip.summary import ArmSummary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.report.words import Language
    from evalskip.summary import BenchSummary, Estimator, Interval, Prediction

WHO = (N_("schedule"), N_("samples"))
"""The first columns of most tables."""
PHASES = (
    N_("train"),
    N_("evaluate"),
    N_("save"),
    N_("log"),
    N_("wait"),
    N_("other"),
)
"""In the order in which tables have them."""
QUANTITIES = (
    N_("resident"),
    N_("allocated"),
    N_("reserved"),
    N_("process"),
)
"""Of memory."""
VERDICTS = (
    N_("supported"),
    N_("refuted"),
    N_("conditional"),
    N_("inconclusive"),
    N_("not_run"),
)
"""As claims have them, for whoever says one."""


class Linked(str):
    """The text of a cell whose lines begin with a link."""

    lines: tuple[tuple[str, str, str], ...]
    """Of each: the linked text, where it leads, and what follows."""

    def __new__(cls, *lines: tuple[str, str, str]) -> Linked:
        text = super().__new__(cls, "; ".join(f"{name}: {rest}" for name, _, rest in lines))
        text.lines = lines
        return text


def _linked_from(text: str, base: str) -> str:
    if not isinstance(text, Linked):
        return text
    return Linked(*((name, place and f"{base}{place}", rest) for name, place, rest in text.lines))


_LONG = 60
"""Letters that a cell of a table that is read across holds at most."""
_NUMERIC = frozenset("0123456789-–+")


@dataclass(frozen=True)
class Table:
    """A title, a line that says how to read it, columns, and rows of text."""

    title: str
    note: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    spare: tuple[str, ...] = ()
    """Columns that a narrow screen goes without, the first ones first."""

    def linked_from(self, base: str) -> Table:
        """The same table where the places that it links to are seen from elsewhere.

        Args:
            base: path of the folder that they are seen from now; empty: as they are.
        """
        if not base:
            return self
        rows = [tuple(_linked_from(text, base) for text in row) for row in self.rows]
        return replace(self, rows=rows)

    def without(self, column: str) -> Table:
        """The same table without a column."""
        place = self.columns.index(column)
        return replace(
            self,
            columns=self.columns[:place] + self.columns[place + 1 :],
            rows=[row[:place] + row[place + 1 :] for row in self.rows],
        )

    @property
    def wraps(self) -> bool:
        """Whether cells hold so much that a narrow screen shows them below each other."""
        return any(len(text) > _LONG for row in self.rows for text in row)

    @property
    def numeric(self) -> list[bool]:
        """Per column, whether it holds numbers only, and no more than dashes beside them."""
        if not self.rows:
            return [False] * len(self.columns)
        columns = zip(*self.rows, strict=True)
        return [all(text[:1] in _NUMERIC for text in column) for column in columns]


def who(name: str, arm: ArmSummary, language: Language) -> tuple[str, str]:
    """An arm's schedule and evaluation rows."""
    rows = digits.NOTHING if arm.evaluation_samples is None else str(arm.evaluation_samples)
    return language.gettext("off, again") if name == OFF_AGAIN else schedule_of(arm, language), rows


def schedule_of(arm: ArmSummary | Prediction, language: Language) -> str:
    """A schedule, and what its evaluation has of its own."""
    own = arm.settings if isinstance(arm, ArmSummary) else arm.evaluation
    return language.join([arm.schedule, *own])


def evaluation_of(arm: ArmSummary | Prediction, language: Language) -> str:
    """A schedule, and how many samples it evaluates, for a sentence."""
    schedule = schedule_of(arm, language)
    if arm.evaluation_samples is None:
        return schedule
    return language.ngettext(
        "{schedule} on {count:,} eval sample",
        "{schedule} on {count:,} eval samples",
        arm.evaluation_samples,
        schedule=schedule,
    )


def label_parts(name: str, arm: ArmSummary, language: Language) -> list[str]:
    """An arm's schedule, and its evaluation samples if it has any."""
    if name == OFF_AGAIN:
        return [language.gettext("off, again")]
    count = arm.evaluation_samples
    samples = (
        [] if count is None else [language.ngettext("{count:,} sample", "{count:,} samples", count)]
    )
    return [schedule_of(arm, language), *samples]


def label_of(name: str, arm: ArmSummary, language: Language) -> str:
    """The same as one label."""
    return language.join(label_parts(name, arm, language))


def gain_of(bench: BenchSummary, arm: str, estimator: Estimator) -> Interval | None:
    """The throughput gain of an arm by one estimator."""
    comparison = bench.compared(arm, estimator)
    return comparison.throughput_gain if comparison else None


def best_gain(bench: BenchSummary, arm: str) -> Interval | None:
    """From the comparison that an arm's figure is taken from."""
    comparison = bench.headline(arm)
    return comparison.throughput_gain if comparison else None


def has(bench: BenchSummary, quantity: str) -> bool:
    """Whether any peak of this kind was read."""
    arms = bench.arms.values()
    return any(quantity in peaks for arm in arms for peaks in arm.peak_bytes.values())


def peak(arm: ArmSummary, phase: str, quantity: str) -> str:
    """A peak in a phase, in MiB."""
    return digits.size(arm.peak_bytes.get(phase, {}).get(quantity))


def level(bench: BenchSummary) -> str:
    """The level of the intervals of gains, in per cent."""
    levels = [comparison.throughput_gain.level for comparison in bench.comparisons]
    return f"{100 * levels[0]:.3g}" if levels else "95"
