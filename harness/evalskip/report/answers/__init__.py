"""What a reader sees first: one card per result, the same wherever it is shown.

A module per question turns its section of a summary into an :class:`Answer`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.report.answers import audit, bench, claims, headroom, prediction, regret
from evalskip.report.answers.card import Answer, AnswerCard, made_on, scopes

if TYPE_CHECKING:
    from collections.abc import Callable

    from evalskip.report.words import Language
    from evalskip.summary import Summary

__all__ = ["Answer", "AnswerCard", "card_of", "scopes"]

_ANSWERS: dict[str, Callable[..., Answer | None]] = {
    "claims": claims.answer,
    "bench": bench.answer,
    "prediction": prediction.answer,
    "regret": regret.answer,
    "headroom": headroom.answer,
    "audit": audit.answer,
}
"""By section of a summary; the first that has an answer gives it."""


def card_of(summary: Summary, language: Language) -> AnswerCard:
    """The card of a result."""
    for name, make in _ANSWERS.items():
        section = getattr(summary, name)
        if section is not None and (found := make(section, language)):
            answer = found
            break
    else:
        answer = Answer(language.gettext("Nothing was measured that gives an answer."))
    return AnswerCard(
        **vars(answer),
        scopes=scopes(summary, language),
        made=made_on(summary.made, language, is_read=_is_read(summary)),
    )


def _is_read(summary: Summary) -> bool:
    """Whether it was read off logs, and nothing was run for it."""
    efforts = [section.effort for section in summary.sections()]
    return any(effort and effort.stopped.code == "read_from_log" for effort in efforts)
