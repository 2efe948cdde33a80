"""What each result adds to a ledger of claims."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from evalskip import digits
from evalskip.claims.speed import RANGE
from evalskip.messages import say
from evalskip.report.tables.table import Table

if TYPE_CHECKING:
    from evalskip.summary import Summary


def speeds(summary: Summary) -> Table:
    """The gain at every point of every result."""
    return Table(
        title=say("How much faster, over evaluation load"),
        note=say(
            "Throughput gain of skipping, against evaluation every epoch, matched. "
            "Load: evaluated tokens over trained tokens. The claim is {claimed}.",
            claimed=digits.claimed(RANGE),
        ),
        columns=(
            say("result"),
            say("scope"),
            say("rows"),
            say("load"),
            say("gain %"),
            say("verdict"),
        ),
        rows=[
            (
                source.name,
                source.scope,
                digits.count(point.evaluation_rows),
                f"{point.evaluation_load:.2g}",
                digits.interval(point.throughput_gain),
                say(point.verdict),
            )
            for source in summary.sources
            for point in source.points
        ],
    )


def verdicts_by_result(summary: Summary) -> Table:
    """What each result says of a claim that several judge."""
    judged = Counter(claim.id for source in summary.sources for claim in source.claims)
    return Table(
        title=say("Claims that several results judge"),
        note=say("What each of them says; the verdict over all is conditional where they differ."),
        columns=(
            say("claim"),
            say("result"),
            say("verdict"),
            say("measured"),
            say("condition"),
        ),
        rows=[
            (
                claim.id,
                source.name,
                say(claim.verdict),
                claim.measured,
                claim.condition or digits.NOTHING,
            )
            for claim_id in (claim.id for claim in summary.claims)
            if judged[claim_id] > 1
            for source in summary.sources
            for claim in source.claims
            if claim.id == claim_id
        ],
    )
