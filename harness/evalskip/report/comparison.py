"""Several results beside each other: their answers, their verdicts and their gains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalskip.machine.fingerprint import same_model
from evalskip.report import digits
from evalskip.report.answers import card_of, scopes
from evalskip.report.tables import Table
from evalskip.report.tables.table import best_gain, label_of
from evalskip.report.words import N_

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.report.words import Language
    from evalskip.summary import Summary


@dataclass(frozen=True)
class ComparedResults:
    """What is said of several results together."""

    notes: list[str]
    tables: list[Table]


def comparison(summaries: Sequence[Summary], language: Language) -> ComparedResults | None:
    """None where there is but one result."""
    if len(summaries) < 2:
        return None
    tables = [
        _answers(summaries, language),
        _verdicts(summaries, language),
        _gains(summaries, language),
    ]
    return ComparedResults(
        notes=_notes(summaries, language),
        tables=[table for table in tables if table.rows],
    )


def _notes(summaries: Sequence[Summary], language: Language) -> list[str]:
    """What may be compared of these results."""
    first = summaries[0]
    if all(same_model(first.made.machine, other.made.machine) for other in summaries):
        return [language.gettext("All were measured on the same model of machine.")]
    return [
        language.gettext(
            "They were measured on different machines: compare speed-ups and shares, not seconds."
        )
    ]


def _answers(summaries: Sequence[Summary], language: Language) -> Table:
    return Table(
        title=language.gettext("The results"),
        note=language.gettext("What each result says, and what it holds for."),
        columns=language.texts(N_("result"), N_("answer"), N_("scope")),
        rows=[
            (
                summary.name,
                card_of(summary, language).answer,
                language.gettext("; ").join(scopes(summary, language)),
            )
            for summary in summaries
        ],
    )


def _verdicts(summaries: Sequence[Summary], language: Language) -> Table:
    """Claims down, results across."""
    verdicts: dict[str, dict[int, str]] = {}
    for place, summary in enumerate(summaries):
        if summary.bench and (claimed := summary.bench.claimed):
            statement = language.gettext("{claimed} faster", claimed=digits.claimed(claimed.gain))
            verdicts.setdefault(statement, {})[place] = language.gettext(claimed.verdict)
        for claim in summary.claims.claims if summary.claims else ():
            if claim.verdict != "not_run":
                verdicts.setdefault(claim.id, {})[place] = language.gettext(claim.verdict)
    return Table(
        title=language.gettext("Verdicts"),
        note=language.gettext("On each claim, by each result; a dash: it was not judged there."),
        columns=(language.gettext("claim"), *(summary.name for summary in summaries)),
        rows=[
            (claim, *(by_place.get(place, digits.NOTHING) for place in range(len(summaries))))
            for claim, by_place in verdicts.items()
        ],
    )


def _gains(summaries: Sequence[Summary], language: Language) -> Table:
    """Arms down, results across."""
    benches = [summary.bench for summary in summaries]
    arms: dict[str, dict[int, str]] = {}
    for place, bench in enumerate(benches):
        for name, arm in bench.arms.items() if bench else ():
            if bench and best_gain(bench, name):
                arms.setdefault(label_of(name, arm, language), {})[place] = name
    return Table(
        title=language.gettext("Speed-ups side by side"),
        note=language.gettext(
            "Speed-up from skipping evaluation in per cent: matched estimates, or wall-clock "
            "where steps could not be matched."
        ),
        columns=(language.gettext("arm"), *(summary.name for summary in summaries)),
        rows=[
            (
                arm,
                *(
                    digits.interval(
                        best_gain(bench, own[place]) if bench and place in own else None
                    )
                    for place, bench in enumerate(benches)
                ),
            )
            for arm, own in arms.items()
        ],
    )
