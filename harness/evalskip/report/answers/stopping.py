"""How a training ends, and what that means for how often it should evaluate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.report.words import N_

if TYPE_CHECKING:
    from evalskip.report.words import Language
    from evalskip.summary import Stopping


def condition_of(stopping: Stopping, language: Language) -> str:
    """What ends it."""
    condition = stopping.condition
    if condition.target is not None:
        return language.gettext(
            "at {metric} {target:.10g}", metric=condition.metric, target=condition.target
        )
    return language.ngettext(
        "once an evaluation shows nothing better",
        "once {count} evaluations in a row show nothing better",
        condition.patience or 1,
    )


def why_none(stopping: Stopping, language: Language) -> str:
    """Why there is no spacing to recommend; empty: there is one."""
    return language.sentence(language.note(stopping.why_none)) if stopping.why_none else ""


def told(stopping: Stopping, language: Language) -> str:
    """What the recommended spacing saves, and what it may miss; empty: there is none."""
    found, own_every = stopping.spacing, stopping.own_every
    if found is None:
        return ""
    sentences = []
    if stopping.gain is not None and own_every is not None:
        template = N_("Until it stops, that is {gain:.1f%} faster than every {own:,.0f} steps.")
        if stopping.gain <= found.near:
            template = N_("Every {own:,.0f} steps, as it is, costs {gain:.1f%} more than that.")
        sentences.append(language.gettext(template, gain=max(0.0, stopping.gain), own=own_every))
    if found.regret is not None:
        sentences.append(
            language.gettext(
                "At about that spacing earlier runs would have kept a model {lost:.3g} worse by "
                "{metric}.",
                lost=found.regret,
                metric=found.regret_metric,
            )
        )
    elif stopping.condition.patience and not (own_every and own_every <= found.every_steps):
        sentences.append(
            language.gettext(
                "Denser evaluations than were seen may use up patience by noise alone."
            )
        )
    return language.sentences(sentences)
