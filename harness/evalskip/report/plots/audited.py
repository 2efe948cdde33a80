"""Evaluation shares of finished runs, beside those of public repositories."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.public import public_map
from evalskip.report.plots.drawing import BLUE, FAINT, ORANGE, Drawing, Plot
from evalskip.report.tables import Table
from evalskip.report.tables.audit import short_names
from evalskip.report.words import N_

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from evalskip.report.words import Language
    from evalskip.summary import AuditedRun, AuditSummary, Summary

TITLE = N_("How much evaluation took, run by run")
PLACE = 5
_FEWEST = 3


def plot(summary: Summary, language: Language) -> Plot | None:
    """Both as cumulative shares; None where fewer than three runs evaluated."""
    section = summary.audit
    if section is None or len(evaluated := _evaluated(section)) < _FEWEST:
        return None
    shares = [run.share or 0.0 for run in evaluated]
    public = sorted(public_map().group("community").shares)
    with Drawing(3.4) as drawing:
        axes = drawing.axes
        _steps(axes, shares, BLUE, "-", language.gettext("these runs ({count})", count=len(shares)))
        _steps(
            axes,
            public,
            ORANGE,
            "--",
            language.gettext("public repositories ({count})", count=len(public)),
        )
        axes.axvline(100 * section.within, color=FAINT, lw=1, ls=":")
        axes.set_xlabel(language.gettext("evaluation share, % of the training time"))
        axes.set_ylabel(language.gettext("at most so much, % of runs"))
        axes.set_ylim(0, 103)
        axes.set_xlim(left=0)
        axes.grid()
        drawing.legend(1)
        svg = drawing.svg("audited", language.gettext(TITLE), language)
    caption = language.gettext(
        "Dotted: the share of {within:g%} that evaluation should keep to. Public repositories are "
        "a convenience sample, one value each.",
        within=section.within,
    )
    return Plot("audited", language.gettext(TITLE), caption, svg, _table(section, language))


def _evaluated(section: AuditSummary) -> list[AuditedRun]:
    """Runs that evaluated and of which the share is known, the least first."""
    runs = [run for run in section.shared if run.evaluations]
    return sorted(runs, key=lambda run: run.share or 0.0)


def _steps(axes: Axes, shares: Sequence[float], colour: str, line: str, label: str) -> None:
    places = [0.0, *(100 * share for share in shares)]
    parts = [100 * place / len(shares) for place in range(len(shares) + 1)]
    axes.step(places, parts, line, where="post", color=colour, lw=1.8, label=label)


def _table(section: AuditSummary, language: Language) -> Table:
    runs = _evaluated(section)
    names = short_names([run.name for run in runs])
    return Table(
        title=language.gettext(TITLE),
        note=language.gettext("Evaluation inside training, of the training time."),
        columns=language.texts(N_("run"), N_("share %")),
        rows=[
            (name, f"{100 * (run.share or 0):.1f}") for name, run in zip(names, runs, strict=True)
        ],
    )
