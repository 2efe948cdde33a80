"""The claim that skipping evaluation makes training 15-30 % faster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.analysis.verdicts import (
    FEWEST_BLOCKS,
    blocks_to_settle,
    overall,
)
from evalskip.claims.memory_evidence import where_run
from evalskip.digits import claimed, per_cent
from evalskip.messages import message, say
from evalskip.summary import Claim

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.summary import Comparison, Interval, Summary

ID = "speed"
SAYS = message(
    "Skipping evaluation makes training about {claimed} faster overall, depending on the size of "
    "the evaluation set."
)
RANGE = (0.15, 0.30)
"""Of throughput gain, as the article has it: T(on) / T(off) - 1."""


def is_of_the_article(summary: Summary) -> bool:
    """Whether a result was judged on the article's range: on another it is another claim."""
    return summary.claimed_gain in (None, RANGE)


def told(summary: Summary) -> Claim:
    """The claim over all arms at which it was judged."""
    points = summary.judged()
    return Claim(
        id=ID,
        says=say(SAYS, claimed=claimed(summary.claimed_gain or RANGE)),
        verdict=overall([c.verdict for c in points if c.verdict]),
        scope=_scope(summary),
        measured=say("; ").join(_measured(summary, point) for point in points) or say("nothing"),
        condition=_condition(summary, points),
        evidence=[f"comparisons: {point.arm}, {point.estimator}" for point in points],
    )


def _scope(summary: Summary) -> str:
    part = summary.extrapolated
    beside = [say("extrapolated from {steps} steps", steps=part.steps)] if part else []
    return where_run(summary.scope, *beside)


def _measured(summary: Summary, point: Comparison) -> str:
    where = _where(summary, point)
    gain = say(
        "{gain} {where}: {verdict}",
        gain=per_cent(point.throughput_gain),
        where=where,
        verdict=say(str(point.verdict)),
    )
    if point.verdict_time_saved == point.verdict:
        return gain
    return say(
        "{gain} (as time saved, {saved}: {verdict})",
        gain=gain,
        saved=per_cent(point.time_saved),
        verdict=say(str(point.verdict_time_saved)),
    )


def _where(summary: Summary, point: Comparison) -> str:
    rows = summary.arms[point.arm].evaluation_rows
    return say("with {arm}", arm=point.arm) if rows is None else say("at {rows} rows", rows=rows)


def _condition(summary: Summary, points: Sequence[Comparison]) -> str:
    """The regions in which the claim holds, and what would settle what is open."""
    fewest = min((point.blocks for point in points), default=0)
    if fewest < FEWEST_BLOCKS:
        needs = say(
            "a verdict needs {blocks} blocks, {fewest} were run",
            blocks=FEWEST_BLOCKS,
            fewest=fewest,
        )
        return needs if points else ""
    texts = [
        say(
            "{where} matched and the whole span disagree, so there is no verdict",
            where=_where(summary, point),
        )
        for point in points
        if _disagrees(summary, point)
    ]
    edges = summary.claimed_gain or RANGE
    if len(points) > 1:
        loads = [0.0, *(summary.arms[point.arm].evaluation_load for point in points)]
        gains = [point.throughput_gain for point in points]
        entered, left = (_crossing(loads, gains, edge) for edge in edges)
        texts.append(
            say(
                "in evaluation load, the range is entered at {entered} and left at {left}",
                entered=entered,
                left=left,
            )
        )
        saved = [point.time_saved for point in points]
        entered, left = (_crossing(loads, saved, edge) for edge in edges)
        texts.append(
            say(
                "read as time saved, it is entered at {entered} and left at {left}",
                entered=entered,
                left=left,
            )
        )
    texts += [
        _open(summary, point)
        for point in points
        if point.verdict == "inconclusive" and not _disagrees(summary, point)
    ]
    return say("; ").join(texts)


def _disagrees(summary: Summary, point: Comparison) -> bool:
    matched = summary.compared(point.arm, "matched")
    return matched is not None and matched.disagrees


def _open(summary: Summary, point: Comparison) -> str:
    """What would settle a point without a verdict."""
    needed = blocks_to_settle(point.throughput_gain, summary.claimed_gain or RANGE, point.blocks)
    where = _where(summary, point)
    if needed is None:
        return say(
            "{where} the gain lies on the edge of the range, and no number of blocks would settle "
            "it",
            where=where,
        )
    return say(
        "{where} it is open after {blocks} blocks, and about {needed} would settle it",
        where=where,
        blocks=point.blocks,
        needed=needed,
    )


def _crossing(loads: Sequence[float], values: Sequence[Interval], edge: float) -> str:
    """The evaluation load at which a reading crosses an edge of the range, with its interval.

    Between the measured loads the values, and each limit of their intervals, are taken to be
    straight; they are 0 at a load of 0.
    """

    def at(limits: Sequence[float | None]) -> str:
        curve = [0.0, *(0.0 if limit is None else limit for limit in limits)]
        for (x0, y0), (x1, y1) in zip(
            zip(loads, curve, strict=True), zip(loads[1:], curve[1:], strict=True), strict=False
        ):
            if y0 < edge <= y1:
                return f"{x0 + (edge - y0) / (y1 - y0) * (x1 - x0):.2f}"
        return say("beyond {load:.2f}", load=loads[-1])

    middle = at([value.estimate for value in values])
    first, last = at([value.high for value in values]), at([value.low for value in values])
    return f"{middle} [{first}, {last}]"
