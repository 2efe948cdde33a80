"""Metrics of checkpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.report import digits
from evalskip.report.tables.table import Table
from evalskip.report.words import N_

if TYPE_CHECKING:
    from evalskip.beside.evaluated import Evaluated
    from evalskip.report.words import Language


def evaluated(found: Evaluated, language: Language) -> Table:
    """One row per checkpoint, by step."""
    names = dict.fromkeys(name for each in found.checkpoints for name in each.told)
    best = found.best
    return Table(
        title=language.gettext("Checkpoints"),
        note=language.gettext("Best: by {metric}. Time: of the evaluation.", metric=found.metric),
        columns=(
            *language.texts(N_("checkpoint"), N_("epoch")),
            *names,
            *language.texts(N_("time s"), N_("best")),
        ),
        rows=[
            (
                str(each.step),
                digits.NOTHING if each.epoch is None else f"{each.epoch:.2f}",
                *(
                    f"{each.metrics[name]:.4g}" if name in each.metrics else digits.NOTHING
                    for name in names
                ),
                digits.seconds(each.metrics.get("eval_runtime")),
                language.gettext("best") if each is best else "",
            )
            for each in found.checkpoints
        ],
    )
