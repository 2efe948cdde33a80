"""Step times around an evaluation: what it does to the steps that follow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.report.plots.drawing import FAINT, INK, Drawing, Plot, series, wrapped
from evalskip.report.tables import Table
from evalskip.report.tables.table import label_of
from evalskip.report.words import N_

if TYPE_CHECKING:
    from evalskip.report.words import Language
    from evalskip.summary import BenchSummary, Summary

TITLE = N_("Steps around an evaluation")
PLACE = 70


def plot(summary: Summary, language: Language) -> Plot | None:
    """Medians and quartiles at each distance from an evaluation."""
    bench = summary.bench
    if bench is None:
        return None
    arms = [(name, arm) for name, arm in bench.arms.items() if arm.around_evaluation]
    if not arms:
        return None
    with Drawing(3.2 + 0.2 * len(arms)) as drawing:
        axes = drawing.axes
        axes.axhline(1, color=INK, lw=0.8)
        axes.axvline(-0.5, color=FAINT, lw=1, ls=":")
        for index, ((name, arm), (colour, marker, line)) in enumerate(
            zip(arms, series(len(arms)), strict=True)
        ):
            # beside each other, so that no interval hides another
            shift = 0.5 * ((index + 0.5) / len(arms) - 0.5)
            steps = arm.around_evaluation
            axes.errorbar(
                [step.offset + shift for step in steps],
                [step.ratio for step in steps],
                [
                    [step.ratio - step.lower for step in steps],
                    [step.upper - step.ratio for step in steps],
                ],
                fmt=marker,
                ls=line,
                lw=1,
                color=colour,
                ms=5,
                label=wrapped(label_of(name, arm, language)),
            )
        offsets = sorted({step.offset for _, arm in arms for step in arm.around_evaluation})
        axes.set_xticks(offsets, [f"{offset + (offset >= 0):+d}" for offset in offsets])
        axes.set_xlabel(language.gettext("steps before (-) and after (+) an evaluation"))
        axes.set_ylabel(language.gettext("step time, off = 1"))
        axes.grid(axis="y")
        drawing.legend(2)
        svg = drawing.svg("around", language.gettext(TITLE), language)
    caption = language.gettext(
        "Time of a step over that of the same step without evaluation, each run in units of its "
        "own median step: medians over all evaluations and runs, with quartiles. What lies "
        "above 1 to the right of the dotted line is the after-effect."
    )
    return Plot("around", language.gettext(TITLE), caption, svg, _table(bench, language))


def _table(bench: BenchSummary, language: Language) -> Table:
    return Table(
        title=language.gettext(TITLE),
        note=language.gettext(
            "Time of a step over that of the same step without evaluation: median [quartiles]."
        ),
        columns=language.texts(
            N_("arm"), N_("steps from the evaluation"), N_("time"), N_("lower"), N_("upper")
        ),
        rows=[
            (
                label_of(name, arm, language),
                f"{step.offset + (step.offset >= 0):+d}",
                f"{step.ratio:.3f}",
                f"{step.lower:.3f}",
                f"{step.upper:.3f}",
            )
            for name, arm in bench.arms.items()
            for step in arm.around_evaluation
        ],
    )
