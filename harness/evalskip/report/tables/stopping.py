"""Training that stops by its evaluations: what each spacing costs until it does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.report import digits
from evalskip.report.answers.stopping import condition_of
from evalskip.report.tables.table import Table
from evalskip.report.words import N_

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.report.words import Language
    from evalskip.summary import Stopping


def spacings(kinds: Sequence[tuple[str, Stopping]], language: Language) -> Table:
    """A few spacings of evaluations; no rows where none is known.

    Args:
        kinds: of evaluation, with how training stops by each; the name is shown of several.
        language: of the text.
    """
    known = [(name, each, each.spacing) for name, each in kinds if each.spacing]
    several = len(known) > 1
    note = ""
    for _, stopping, found in known[:1]:
        note = language.gettext(
            "It stops {condition}; that could be after {work:,.0f} steps ({source}). Time: until "
            "it stops, the mean over where evaluations fall. Longer: than at the spacing that "
            "costs least. Sparse evaluations cost less and tell later that training is over.",
            condition=condition_of(stopping, language),
            work=found.work_steps,
            source=found.work_from,
        )
    return Table(
        title=language.gettext("How often to evaluate to stop soonest"),
        note=note,
        columns=language.texts(
            *([N_("evaluation")] if several else []),
            N_("every steps"),
            N_("evaluations"),
            N_("stops after step"),
            N_("time s"),
            N_("longer %"),
        ),
        rows=[
            (
                *([name] if several else []),
                f"{cost.every_steps:,}",
                f"{cost.evaluations:,.1f}",
                f"{cost.stops_after:,.0f}",
                digits.seconds(cost.training_s),
                digits.percent(cost.longer),
            )
            for name, _, found in known
            for cost in found.costs
        ],
    )


def sparser(stopping: Stopping | None, language: Language) -> Table:
    """Replays of a run that stopped; no rows where there are none."""
    looks = stopping.sparser if stopping else []
    note = language.gettext(
        "Such training stops {condition}. The same run, making one of so many of its evaluations: "
        "mean over where it may begin, and in brackets where it begins best and worst.",
        condition=condition_of(stopping, language) if stopping else "",
    )
    if any(look.beyond for look in looks):
        note += language.gettext(
            " Where it goes on beyond the end of the log, the next evaluation is taken to end it, "
            "so it may take longer still."
        )
    return Table(
        title=language.gettext("With sparser evaluation"),
        note=note,
        columns=language.texts(N_("evaluates"), N_("evaluations"), N_("longer %")),
        rows=[
            (
                language.note(look.policy),
                f"{look.evaluations:.1f}",
                _span((look.longer, look.longer_least, look.longer_most)),
            )
            for look in looks
        ],
    )


def _span(figures: Sequence[float]) -> str:
    middle, low, high = (f"{100 * figure:.1f}" for figure in figures)
    return f"{middle} [{low}, {high}]"
