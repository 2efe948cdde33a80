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
            "at {metric} {target:g}", metric=condition.metric, target=condition.target
        )
    return language.ngettext(
        "once an evaluation shows nothing better",
        "once {count} evaluations in a row show nothing better",
        condition.patience or 1,
    )


def told(stopping: Stopping, language: Language) -> str:
    """What the recommended spacing saves, or why there is none; empty: nothing to say."""
    if stopping.why_none is not None:
        return language.sentence(language.note(stopping.why_none))
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
    elif stopping.condition.patience and found.work_from.code in _NO_RUN:
        sentences.append(
            language.gettext("What such a spacing would keep is not known; --past tells it.")
        )
    return language.sentences(sentences)


_NO_RUN = ("work_of_user", "work_unknown")
"""Who may say when training could end without a run to replay."""
