"""Several results beside each other: their answers, their verdicts and their gains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalskip import digits
from evalskip.machine.fingerprint import same_model
from evalskip.messages import say
from evalskip.report.headline import answer, scopes
from evalskip.report.tables import Table
from evalskip.report.tables.table import best_gain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.summary import Summary


@dataclass(frozen=True)
class Comparison:
    """What is said of several results together."""

    notes: list[str]
    tables: list[Table]


def comparison(summaries: Sequence[Summary]) -> Comparison | None:
    """None where there is but one result."""
    if len(summaries) < 2:
        return None
    found = [_answers(summaries), _verdicts(summaries), _gains(summaries)]
    return Comparison(
        notes=_notes(summaries),
        tables=[table for table in found if table.rows],
    )


def _notes(summaries: Sequence[Summary]) -> list[str]:
    """What may be compared of these results."""
    first = summaries[0]
    if all(same_model(first.machine, other.machine) for other in summaries):
        return [say("All were measured on the same model of machine.")]
    return [
        say(
            "They were measured on different machines: gains and shares can be compared, seconds "
            "not."
        )
    ]


def _answers(summaries: Sequence[Summary]) -> Table:
    return Table(
        title=say("The results"),
        note=say("What each says, and what it holds for."),
        columns=(say("result"), say("answer"), say("scope")),
        rows=[(found.name, answer(found), say("; ").join(scopes(found))) for found in summaries],
    )


def _verdicts(summaries: Sequence[Summary]) -> Table:
    """Claims down, results across."""
    verdicts: dict[str, dict[int, str]] = {}
    for place, summary in enumerate(summaries):
        for claim in summary.claims:
            if claim.verdict != "not_run":
                verdicts.setdefault(claim.id, {})[place] = say(claim.verdict)
    return Table(
        title=say("Verdicts"),
        note=say("On each claim, by each result; a dash: it was not judged there."),
        columns=(say("claim"), *(summary.name for summary in summaries)),
        rows=[
            (claim, *(by.get(place, digits.NOTHING) for place in range(len(summaries))))
            for claim, by in verdicts.items()
        ],
    )


def _gains(summaries: Sequence[Summary]) -> Table:
    """Arms down, results across."""
    arms = dict.fromkeys(found.arm for summary in summaries for found in summary.comparisons)
    return Table(
        title=say("Gains side by side"),
        note=say(
            "Throughput gain of skipping in per cent, matched; by the wall clock "
            "where steps could not be matched."
        ),
        columns=(say("arm"), *(summary.name for summary in summaries)),
        rows=[
            (
                arm,
                *(digits.interval(best_gain(summary, arm)) for summary in summaries),
            )
            for arm in arms
        ],
    )
