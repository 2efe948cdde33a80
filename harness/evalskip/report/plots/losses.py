"""The loss over training: where it is best, and what training on makes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.report import digits
from evalskip.report.plots.drawing import BLUE, FAINT, INK, ORANGE, Drawing, Plot
from evalskip.report.plots.names import draw_names
from evalskip.report.tables import Table
from evalskip.report.words import N_

if TYPE_CHECKING:
    from evalskip.report.words import Language
    from evalskip.summary import RegretSummary, Summary

TITLE = N_("The loss over training")
PLACE = 55


def plot(summary: Summary, language: Language) -> Plot | None:
    """Evaluation and training loss over steps; None where no curve was kept."""
    section = summary.regret
    if section is None or not section.loss_curve:
        return None
    points = section.loss_curve
    steps = [point.step for point in points]
    trained = [(point.step, point.training) for point in points if point.training is not None]
    with Drawing(3.6) as drawing:
        axes = drawing.axes
        axes.fill_between(
            steps,
            [point.evaluation_least for point in points],
            [point.evaluation_most for point in points],
            color=BLUE,
            alpha=0.2,
            lw=0,
        )
        axes.plot(steps, [point.evaluation for point in points], "-", color=BLUE, lw=1.8)
        if trained:
            axes.plot(*zip(*trained, strict=True), "--", color=ORANGE, lw=1.6)
        best = max if section.greater_is_better else min
        least = best(points, key=lambda point: point.evaluation)
        axes.axvline(least.step, color=FAINT, lw=1, ls=":")
        axes.plot([least.step], [least.evaluation], "o", color=INK, ms=6)
        axes.set_xlabel(language.gettext("optimizer steps"))
        axes.set_ylabel(_scale(section, language))
        axes.set_xlim(left=0)
        axes.grid()
        low, high = axes.get_ylim()
        above = (high - low) / 15
        late = points[3 * len(points) // 4]
        names = [
            (late.step, late.evaluation + above, _name(section, language)),
            (
                least.step,
                least.evaluation,
                language.gettext("best after {step} steps", step=least.step),
            ),
        ]
        if trained:
            step, loss = trained[3 * len(trained) // 4]
            names.append((step, loss + above, language.gettext("training loss")))
        draw_names(axes, names)
        svg = drawing.svg("losses", language.gettext(TITLE), language)
    caption = language.gettext("Mean over seeds; the band runs from the least to the largest seed.")
    return Plot("losses", language.gettext(TITLE), caption, svg, _table(section, language))


def _is_loss(section: RegretSummary) -> bool:
    return section.metric == "eval_loss"


def _name(section: RegretSummary, language: Language) -> str:
    return language.gettext("evaluation loss") if _is_loss(section) else section.metric


def _scale(section: RegretSummary, language: Language) -> str:
    return language.gettext("loss, nats per token") if _is_loss(section) else section.metric


def _table(section: RegretSummary, language: Language) -> Table:
    return Table(
        title=language.gettext(TITLE),
        note=language.gettext(
            "Mean over seeds, and the range of the seeds; {scale}.", scale=_scale(section, language)
        ),
        columns=(
            language.gettext("step"),
            _name(section, language),
            *language.texts(N_("range"), N_("training loss")),
        ),
        rows=[
            (
                f"{point.step:,}",
                f"{point.evaluation:.3f}",
                f"{point.evaluation_least:.3f} – {point.evaluation_most:.3f}",
                digits.NOTHING if point.training is None else f"{point.training:.3f}",
            )
            for point in section.loss_curve
        ],
    )
