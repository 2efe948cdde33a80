"""Evaluation inside training, beside it, and afterwards: what each costs, and when one knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.report import digits
from evalskip.report.tables.table import Table, schedule_of
from evalskip.report.words import N_

if TYPE_CHECKING:
    from evalskip.report.words import Language
    from evalskip.summary import ArmSummary, BenchSummary


def beside(section: BenchSummary, language: Language) -> Table:
    """Every arm that evaluates, where one does so outside training."""
    elsewhere = [arm for arm in section.arms.values() if arm.beside is not None]
    names = [name for name in section.arms if section.evaluates(name)] if elsewhere else []
    return Table(
        title=language.gettext("Inside training, beside it, or afterwards"),
        note=language.gettext(
            "Cost: the training time beyond that of off, the wait for the last metrics included. "
            "Slowed: what of it is not snapshots and waiting. Known: from an evaluation being due "
            "to its metrics. MiB: of the second process, beside training's own."
        ),
        columns=language.texts(
            N_("evaluation"),
            N_("time s"),
            N_("cost %"),
            N_("slowed %"),
            N_("snapshot s"),
            N_("known after s"),
            N_("waited s"),
            N_("second process MiB"),
        ),
        rows=[_row(name, section, language) for name in names],
        spare=language.texts(N_("snapshot s"), N_("waited s")),
    )


def _row(name: str, section: BenchSummary, language: Language) -> tuple[str, ...]:
    arm = section.arms[name]
    headline = section.headline(name)
    own = arm.beside
    return (
        schedule_of(arm, language),
        digits.seconds(arm.wall_s),
        digits.interval(headline.throughput_gain) if headline else digits.NOTHING,
        digits.interval(own.slow_down) if own and own.slow_down else digits.NOTHING,
        digits.seconds(own.snapshot_s) if own else digits.NOTHING,
        digits.seconds(own.lag_s if own else _each_s(arm)),
        digits.seconds(own.waited_s) if own else digits.NOTHING,
        digits.size(own.peak_bytes) if own else digits.NOTHING,
    )


def _each_s(arm: ArmSummary) -> float | None:
    """Of one evaluation inside training."""
    spent = arm.phases_s.get("evaluate")
    return spent / arm.evaluations if spent and arm.evaluations else None


FIRST = (beside,)
REST = ()
