"""Which checkpoint is best, and which were not seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.report.answers.card import AnswerCard

if TYPE_CHECKING:
    from evalskip.beside.evaluated import Evaluated
    from evalskip.report.words import Language

_NAMED = 3
"""Steps that are named; the others are counted."""


def evaluated_card(found: Evaluated, language: Language) -> AnswerCard:
    """The card of checkpoints that were evaluated."""
    best = found.best
    if best is None:
        answer = language.ngettext(
            "{count} checkpoint was evaluated; none has {metric}, so none is best.",
            "{count} checkpoints were evaluated; none has {metric}, so none is best.",
            len(found.checkpoints),
            metric=found.metric,
        )
    else:
        answer = language.ngettext(
            "Best: checkpoint-{step}, {metric} {value:.4g}, the one that was evaluated.",
            "Best of {count} checkpoints: checkpoint-{step}, {metric} {value:.4g}.",
            len(found.checkpoints),
            step=best.step,
            metric=found.metric,
            value=best.metrics[found.metric],
        )
    cautions = [
        language.gettext(
            "checkpoint-{step} cannot be evaluated: {reason}", step=each.step, reason=each.reason
        )
        for each in found.failed
    ]
    if found.gone:
        cautions.append(
            language.ngettext(
                "{count} earlier checkpoint was taken away before it was evaluated "
                "(save_total_limit): step {steps}",
                "{count} earlier checkpoints were taken away before they were evaluated "
                "(save_total_limit): steps {steps}",
                len(found.gone),
                steps=_named(found.gone),
            )
        )
    return AnswerCard(answer, cautions=cautions)


def _named(steps: list[int]) -> str:
    more = ", ..." if len(steps) > _NAMED else ""
    return ", ".join(map(str, steps[:_NAMED])) + more
