"""The parts of an answer, and the card that shows them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from evalskip.notes import note
from evalskip.report.words import N_

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalskip.report.words import Language
    from evalskip.summary import Made, Recommendation, Scope, Summary


@dataclass(frozen=True)
class Answer:
    """What one section of a summary answers."""

    answer: str
    """What evaluation costs: a number, its direction, and how sure that is."""
    advice: str = ""
    """What to do."""
    lines: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """To paste, by where they go."""
    basis: str = ""
    """What it rests on."""
    cautions: Sequence[str] = ()
    """What makes it less sure than it looks."""


@dataclass(frozen=True)
class AnswerCard(Answer):
    """The answer, what it holds for, and when and with what it was measured."""

    scopes: Sequence[str] = ()
    made: str = ""

    def holds_for(self, language: Language) -> str:
        """Scope and date, in a line."""
        if not self.scopes:
            return self.made
        return language.sentences(
            [
                language.gettext(
                    "Holds for: {scopes}.", scopes=language.gettext("; ").join(self.scopes)
                ),
                self.made,
            ]
        )


def scopes(summary: Summary, language: Language) -> list[str]:
    """What the answer and the verdicts hold for."""
    if summary.claims and summary.claims.sources:
        return [language.gettext("the jobs and machines of the results that each verdict names")]
    if summary.claims:
        each = [language.clauses(claim.scope) for claim in summary.claims.claims]
        return list(dict.fromkeys(filter(None, each)))
    return [scope_of(summary.scope, language)]


def scope_of(scope: Scope, language: Language) -> str:
    """The job, its model and the device, where there is one."""
    if scope.device in ("none", note("own_device")):
        return language.join(filter(None, [scope.job, scope.model]))
    return language.gettext(
        "{job}, {model}, on {device}", job=scope.job, model=scope.model, device=scope.device
    )


def made_on(made: Made, language: Language, *, is_read: bool = False) -> str:
    """When a result was measured, or read off logs, and with which version."""
    template = N_("Measured on {date} with evalskip {version}.")
    if is_read:
        template = N_("Read on {date} with evalskip {version}.")
    return language.gettext(template, date=made.at[:10], version=made.evalskip)


def advised(
    recommendations: Sequence[Recommendation], language: Language
) -> tuple[str, Mapping[str, Sequence[str]]]:
    """What to do with each kind of evaluation, and lines for the first evaluated in training."""
    if not recommendations:
        return "", {}
    within = recommendations[0].within
    advices = [language.note(each.advice) for each in recommendations]
    if len(recommendations) > 1:
        advices = [
            language.gettext(
                "{evaluation}: {advice}",
                evaluation=language.join(each.evaluation),
                advice=advice,
            )
            for each, advice in zip(recommendations, advices, strict=True)
        ]
    if all(each.stops for each in recommendations):
        template = N_("To stop soonest: {advice}.")
    elif any(each.lines for each in recommendations):
        template = N_("To keep evaluation within {within:g%} of the training time: {advice}.")
    else:
        template = N_("Evaluation stays within {within:g%} of the training time: {advice}.")
    advice = language.gettext(template, within=within, advice=language.gettext("; ").join(advices))
    chosen = max(recommendations, key=lambda each: (bool(each.every_steps), each.evaluations > 0))
    head = []
    if len(recommendations) > 1:
        subject = language.join(chosen.evaluation)
        head.append(language.gettext("# for {evaluation}", evaluation=subject))
    return advice, {
        where: [*head, *map(language.note, each)] for where, each in chosen.lines.items()
    }
