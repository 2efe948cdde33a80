"""What a gate decides, and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.report.answers.card import AnswerCard, made_on
from evalskip.report.tables.gate import in_words
from evalskip.report.words import N_

if TYPE_CHECKING:
    from evalskip.gate.judge import GateResult
    from evalskip.report.words import Language


def gate_card(result: GateResult, language: Language) -> AnswerCard:
    """The card of a gate."""
    compared = sum(change.change is not None for change in result.changes)
    worse = result.having("regressed", "over_budget")
    advice = ""
    lines: dict[str, list[str]] = {}
    if worse:
        template = (
            N_("Over budget: {change}.")
            if worse[0].outcome == "over_budget"
            else N_("Regression: {change}.")
        )
        statement = language.gettext(template, change=in_words(worse[0], language))
        if len(worse) > 1:
            statement = language.sentences(
                [
                    statement,
                    language.ngettext(
                        "{count} more figure is worse.",
                        "{count} more figures are worse.",
                        len(worse) - 1,
                    ),
                ]
            )
        if result.having("regressed"):
            advice = language.gettext("If the change is meant, add this result to the baseline.")
            lines = {"shell": ["evalskip gate DIR --baseline FILE --add"]}
        else:
            advice = language.gettext("Evaluate less often, on fewer samples, or raise the budget.")
    elif result.verdict == "passed":
        statement = language.ngettext(
            "No regression: of {count} figure compared, none is worse beyond noise.",
            "No regression: of {count} figures compared, none is worse beyond noise.",
            compared,
        )
    else:
        open_changes = result.having("inconclusive")
        statement = (
            language.gettext(
                "Noise hides the answer: {change}.", change=in_words(open_changes[0], language)
            )
            if open_changes
            else language.gettext("Nothing could be compared.")
        )
        advice = language.gettext(
            "Measure again with nothing else on the machine, with more blocks, or add sessions to "
            "the baseline."
        )
    return AnswerCard(
        statement,
        advice,
        lines,
        language.ngettext(
            "against {count} session of the baseline",
            "against {count} sessions of the baseline",
            result.sessions,
        )
        if result.sessions
        else language.gettext("against a budget"),
        scopes=[result.name],
        made=made_on(result.made, language),
    )
