"""The claim that skipping evaluation makes training 15-30 % faster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.analysis.verdicts import FEWEST_BLOCKS, blocks_to_settle, judge, overall
from evalskip.claims.held import where_run
from evalskip.digits import per_cent
from evalskip.messages import message, say
from evalskip.schedules import EveryEpoch
from evalskip.summary import TOGETHER, Claim

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.spec import Spec
    from evalskip.summary import Comparison, Summary

ID = "speed"
SAYS = message(
    "Skipping evaluation makes training about 15-30 % faster overall, depending on the size of "
    "the evaluation set."
)
RANGE = (0.15, 0.30)
"""Of throughput gain: T(on) / T(off) - 1."""


def questions(spec: Spec) -> list[str]:
    """The arms at which the claim is judged: every epoch, at each evaluation-set size."""
    return [arm.name for arm in spec.all_arms() if isinstance(arm.schedule, EveryEpoch)]


def told(summary: Summary) -> Claim:
    """The claim over all arms at which it was judged."""
    points = summary.judged()
    return Claim(
        id=ID,
        says=say(SAYS),
        verdict=overall([c.verdict for c in points if c.verdict]),
        scope=_scope(summary),
        measured=say("; ").join(_measured(summary, point) for point in points) or say("nothing"),
        condition=_condition(summary, points),
        evidence=[f"comparisons: {point.arm}, {TOGETHER}" for point in points],
    )


def judged(summary: Summary, arms: Sequence[str]) -> Summary:
    """The summary with a verdict at each of the arms, and the claim over all of them."""
    comparisons = [
        comparison.model_copy(
            update={"verdict": judge(comparison.throughput_gain, RANGE, comparison.blocks)}
        )
        if comparison.arm in arms and comparison.estimator == TOGETHER
        else comparison
        for comparison in summary.comparisons
    ]
    found = summary.model_copy(update={"comparisons": comparisons})
    return found.model_copy(update={"claims": [told(found)]})


def settled(summary: Summary, arms: Sequence[str]) -> bool:
    """Whether every point has a verdict that further blocks would not be run for."""
    verdicts = {c.arm: c.verdict for c in summary.comparisons if c.verdict}
    return all(verdicts.get(arm, "inconclusive") != "inconclusive" for arm in arms)


def _scope(summary: Summary) -> str:
    part = summary.extrapolated
    beside = [say("extrapolated from {steps} steps", steps=part.steps)] if part else []
    return where_run(summary.scope, *beside)


def _measured(summary: Summary, point: Comparison) -> str:
    return say(
        "{gain} {where}: {verdict}",
        gain=per_cent(point.throughput_gain),
        where=_where(summary, point),
        verdict=say(str(point.verdict)),
    )


def _where(summary: Summary, point: Comparison) -> str:
    rows = summary.arms[point.arm].evaluation_rows
    return say("with {arm}", arm=point.arm) if rows is None else say("at {rows} rows", rows=rows)


def _condition(summary: Summary, points: Sequence[Comparison]) -> str:
    """The region in which the claim holds, and what would settle what is open."""
    fewest = min((point.blocks for point in points), default=0)
    if fewest < FEWEST_BLOCKS:
        needs = say(
            "a verdict needs {blocks} blocks, {fewest} were run",
            blocks=FEWEST_BLOCKS,
            fewest=fewest,
        )
        return needs if points else ""
    texts = []
    if len(points) > 1:
        entered, left = (_crossing(summary, points, edge) for edge in RANGE)
        texts.append(
            say(
                "in evaluation load, the range is entered at {entered} and left at {left}",
                entered=entered,
                left=left,
            )
        )
    for point in points:
        if point.verdict == "inconclusive":
            needed = blocks_to_settle(point.throughput_gain, RANGE, point.blocks)
            where = _where(summary, point)
            texts.append(
                say(
                    "{where} the gain lies on the edge of the range, and no number of blocks "
                    "would settle it",
                    where=where,
                )
                if needed is None
                else say(
                    "{where} it is open after {blocks} blocks, and about {needed} would settle it",
                    where=where,
                    blocks=point.blocks,
                    needed=needed,
                )
            )
    return say("; ").join(texts)


def _crossing(summary: Summary, points: Sequence[Comparison], edge: float) -> str:
    """The evaluation load at which the gain crosses an edge of the range, with its interval.

    Between the measured loads the gain, and each limit of its interval, is taken to be straight;
    it is 0 at a load of 0.
    """
    loads = [0.0, *(summary.arms[point.arm].evaluation_load for point in points)]

    def at(values: Sequence[float | None]) -> str:
        curve = [0.0, *(0.0 if value is None else value for value in values)]
        for (x0, y0), (x1, y1) in zip(
            zip(loads, curve, strict=True), zip(loads[1:], curve[1:], strict=True), strict=False
        ):
            if y0 < edge <= y1:
                return f"{x0 + (edge - y0) / (y1 - y0) * (x1 - x0):.2f}"
        return say("beyond {load:.2f}", load=loads[-1])

    gains = [point.throughput_gain for point in points]
    middle = at([gain.estimate for gain in gains])
    first, last = at([gain.high for gain in gains]), at([gain.low for gain in gains])
    return f"{middle} [{first}, {last}]"
