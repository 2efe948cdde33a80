"""What the machine was doing during the experiment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.report import digits
from evalskip.report.plots.drawing import BLUE, INK, PAPER, VERMILION, Drawing, Plot
from evalskip.report.tables import Table
from evalskip.report.words import N_

if TYPE_CHECKING:
    from evalskip.report.words import Language
    from evalskip.summary import BenchSummary, Summary

TITLE = N_("What the machine was doing")
PLACE = 100


def plot(summary: Summary, language: Language) -> Plot | None:
    """Cores that each run kept busy, and that all else did."""
    bench = summary.bench
    if bench is None:
        return None
    runs = bench.activity
    if not runs:
        return None
    with Drawing(3.2) as drawing:
        axes = drawing.axes
        places = range(1, len(runs) + 1)
        own = [run.own_cores for run in runs]
        others = [run.others_cores for run in runs]
        line = 0.3 if len(runs) < 60 else 0
        axes.bar(
            places, own, 1, color=BLUE, edgecolor=PAPER, lw=line, label=language.gettext("the run")
        )
        axes.bar(
            places,
            others,
            1,
            own,
            color=VERMILION,
            hatch="xx",
            edgecolor=PAPER,
            lw=line,
            label=language.gettext("all else"),
        )
        flagged = [
            (place, run.own_cores + run.others_cores)
            for place, run in zip(places, runs, strict=True)
            if run.disturbed
        ]
        if flagged:
            axes.plot(
                *zip(*flagged, strict=True),
                "v",
                color=INK,
                ms=5,
                label=language.gettext("disturbed block"),
            )
        if summary.made.machine:
            axes.axhline(summary.made.machine.cores, color=INK, lw=0.8, ls=":")
        axes.margins(x=0)
        axes.set_ylim(bottom=0)
        axes.set_xlabel(language.gettext("timed runs, in their order"))
        axes.set_ylabel(language.gettext("cores kept busy"))
        drawing.legend()
        svg = drawing.svg("machine", language.gettext(TITLE), language)
    caption = language.gettext(
        "Means over each run; the dotted line is the number of cores. A block counts as "
        "disturbed if, in more than a tenth of its runs' seconds, other processes took cores "
        "that the runs needed."
    )
    return Plot("machine", language.gettext(TITLE), caption, svg, _table(bench, language))


_JUDGED = {True: N_("yes"), False: N_("no"), None: N_("not judged")}


def _table(bench: BenchSummary, language: Language) -> Table:
    return Table(
        title=language.gettext(TITLE),
        note=language.gettext(
            "Cores kept busy, and the share of the time in which something waited for one."
        ),
        columns=language.texts(
            N_("run"),
            N_("arm"),
            N_("own cores"),
            N_("other cores"),
            N_("waiting %"),
            N_("disturbed %"),
            N_("its block disturbed"),
        ),
        rows=[
            (
                language.gettext(
                    "block {block}, repeat {repeat}", block=run.block, repeat=run.attempt
                )
                if run.attempt
                else language.gettext("block {block}", block=run.block),
                run.arm,
                f"{run.own_cores:.2f}",
                f"{run.others_cores:.2f}",
                f"{100 * run.waiting:.1f}",
                digits.percent(run.disturbed_share),
                language.gettext(_JUDGED[run.disturbed]),
            )
            for run in bench.activity
        ],
    )
