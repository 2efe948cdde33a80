"""What remedies did, run beside the job as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.report import digits
from evalskip.report.tables.table import Table, schedule_of
from evalskip.report.words import N_

if TYPE_CHECKING:
    from evalskip.report.words import Language
    from evalskip.summary import BenchSummary, LossesBeside


def proven(section: BenchSummary, language: Language) -> Table:
    """Each arm with remedies against the same arm as it is."""
    fewer = [each.samples for each in section.proven if each.samples]
    text = language.gettext(
        "Share: evaluation's share of the training time. Cost: what evaluation takes with the "
        "remedies over what it takes without. Changes are of the final model, which is the same, "
        "in nats: of eval_loss, a mean of batches' means, and of the mean over samples."
    )
    if any(remedied < as_is for as_is, remedied in fewer):
        text += language.gettext(" A subset's changes are what it is off by.")
    return Table(
        title=language.gettext("What the remedies did"),
        note=text,
        columns=language.texts(
            N_("evaluation"),
            N_("share % as it is"),
            N_("share % with them"),
            N_("predicted %"),
            N_("cost %"),
            N_("eval_loss change"),
            N_("per-sample change"),
        ),
        rows=[
            (
                schedule_of(section.arms[each.remedied], language),
                digits.percent(each.share),
                digits.percent(each.remedied_share),
                digits.interval(each.predicted_share),
                digits.interval(each.cost_ratio),
                _change(each.batch_means),
                _change(each.sample_means),
            )
            for each in section.proven
        ],
        spare=language.texts(N_("eval_loss change")),
    )


def _change(losses: LossesBeside | None) -> str:
    return digits.NOTHING if losses is None else f"{losses.change:+.4f}"


FIRST = (proven,)
REST = ()
