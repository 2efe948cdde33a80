"""What the machine was doing during the experiment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip import digits
from evalskip.messages import message, say
from evalskip.report.plots.drawing import BLUE, INK, PAPER, VERMILION, Drawing, Plot
from evalskip.report.tables import Table

if TYPE_CHECKING:
    from evalskip.summary import Summary

TITLE = message("What the machine was doing")


def plot(summary: Summary) -> Plot | None:
    """Cores that each run kept busy, and that all else did."""
    runs = summary.activity
    if not runs:
        return None
    with Drawing(3.2) as drawing:
        axes = drawing.axes
        places = range(1, len(runs) + 1)
        own = [run.own_cores for run in runs]
        others = [run.others_cores for run in runs]
        line = 0.3 if len(runs) < 60 else 0
        axes.bar(places, own, 1, color=BLUE, edgecolor=PAPER, lw=line, label=say("the run"))
        axes.bar(
            places,
            others,
            1,
            own,
            color=VERMILION,
            hatch="xx",
            edgecolor=PAPER,
            lw=line,
            label=say("all else"),
        )
        flagged = [
            (place, run.own_cores + run.others_cores)
            for place, run in zip(places, runs, strict=True)
            if run.disturbed
        ]
        if flagged:
            axes.plot(
                *zip(*flagged, strict=True), "v", color=INK, ms=5, label=say("disturbed block")
            )
        if cores := summary.machine.get("cores"):
            axes.axhline(cores, color=INK, lw=0.8, ls=":")
        axes.margins(x=0)
        axes.set_ylim(bottom=0)
        axes.set_xlabel(say("timed runs, in their order"))
        axes.set_ylabel(say("cores kept busy"))
        drawing.legend()
        svg = drawing.svg("machine", say(TITLE))
    caption = say(
        "Means over each run; the dotted line is what the machine has. A block is disturbed where "
        "others took what its runs needed in more than a tenth of their seconds."
    )
    return Plot("machine", say(TITLE), caption, svg, _table(summary))


_JUDGED = {True: message("yes"), False: message("no"), None: message("not judged")}


def _table(summary: Summary) -> Table:
    return Table(
        title=say(TITLE),
        note=say("Cores kept busy, and the share of the time in which something waited for one."),
        columns=(
            say("run"),
            say("arm"),
            say("own cores"),
            say("others' cores"),
            say("waiting %"),
            say("disturbed %"),
            say("its block disturbed"),
        ),
        rows=[
            (
                say("block {block}, repeat {repeat}", block=run.block, repeat=run.attempt)
                if run.attempt
                else say("block {block}", block=run.block),
                run.arm,
                f"{run.own_cores:.2f}",
                f"{run.others_cores:.2f}",
                f"{100 * run.waiting:.1f}",
                digits.percent(run.disturbed_share),
                say(_JUDGED[run.disturbed]),
            )
            for run in summary.activity
        ],
    )
