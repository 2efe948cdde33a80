"""The answer in a sentence, what it holds for, and each verdict."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from evalskip import digits
from evalskip.analysis.verdicts import FEWEST_BLOCKS
from evalskip.claims.memory_evidence import on_what
from evalskip.digits import nats, per_cent
from evalskip.messages import counted, message, say, words
from evalskip.report import ledger, tables
from evalskip.report.provenance import provenance
from evalskip.report.tables.table import best_gain, schedule_of
from evalskip.spec import OFF, OFF_AGAIN
from evalskip.summary import Interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.summary import (
        Comparison,
        Prediction,
        Summary,
        Verdict,
    )


def answer(summary: Summary) -> str:
    """What the result says, in one sentence."""
    judged = tables.shown(summary)
    if summary.sources:
        return ledger.opening(summary)
    if (points := summary.judged()) and summary.claimed_gain:
        return say(
            "{speed}; {held}.",
            speed=_speed(summary, points),
            held=_held(summary, points, summary.claimed_gain),
        )
    if summary.predictions and not summary.arms:
        return _predicted(summary)
    if summary.regret and not summary.arms:
        return _missed(summary)
    costs = [
        (gain, name) for name in summary.arms if (gain := best_gain(summary, name)) is not None
    ]
    if costs:
        gain, name = max(costs, key=lambda cost: cost[0].estimate)
        return say(
            "Skipping evaluation makes this training, against one with evaluation {schedule}, "
            "{faster}.",
            schedule=schedule_of(summary.arms[name]),
            faster=_faster(gain),
        )
    if judged:
        counts = Counter(claim.verdict for claim in judged)
        each = say(", ").join(
            say("{count} {verdict}", count=count, verdict=say(verdict))
            for verdict, count in counts.most_common()
        )
        return counted(
            "{count} claim was judged: {each}.",
            "{count} claims were judged: {each}.",
            len(judged),
            each=each,
        )
    if found := {each.arm: each.max_batch for each in summary.headroom if each.arm != OFF_AGAIN}:
        if not any(found.values()):
            return say("Not one row fits.")
        each = say(", ").join(
            say("{batch:,} with {arm}", batch=batch, arm=arm)
            for arm, batch in found.items()
            if arm != OFF
        )
        return say(
            "A batch of {batch:,} rows fits without evaluation, {each}.",
            batch=found.get(OFF, 0),
            each=each,
        )
    return say("Nothing was measured that gives an answer.")


def _predicted(summary: Summary) -> str:
    """What the user's own schedule would cost, or else evaluating every epoch; and the advice."""
    evaluating = [found for found in summary.predictions if found.evaluations]
    own = [found for found in evaluating if found.arm.startswith("as_written")]
    usual = [found for found in evaluating if found.arm.startswith("every_epoch")]
    found = next(iter([*own, *reversed(usual), *evaluating]))
    says = next(
        (words(each.advice) for each in reversed(summary.recommendations)),
        say("no schedule is recommended"),
    )
    within = summary.recommendations[-1].within if summary.recommendations else 0.05
    return _disturbed(summary) + say(
        "Evaluation {schedule} would take {share} of this training's {duration}; to stay within "
        "{within:g} %, {says}.",
        schedule=_with_rows(found),
        share=per_cent(found.share),
        duration=digits.duration(found.wall_s.estimate),
        within=100 * within,
        says=says,
    )


def _disturbed(summary: Summary) -> str:
    """A warning where others took what a pilot needed; else nothing."""
    pilot = summary.pilot
    if pilot is None or not pilot.disturbed:
        return ""
    return say(
        "Others disturbed {count} of the pilot's {processes} processes, so intervals are widened; "
        "on a quieter machine they would be narrower. ",
        count=pilot.disturbed,
        processes=pilot.processes,
    )


def _missed(summary: Summary) -> str:
    """What skipping altogether loses, and the advice."""
    found = summary.regret[0]
    off = next(each for each in found.rows if each.name == "off")
    if off.time_saved is None:
        return say(
            "Without evaluation the model that is kept is {lost} worse than the best that "
            "evaluation would have kept; {says}.",
            lost=nats(off.lost),
            says=found.advice,
        )
    return say(
        "Without evaluation the model that is kept is {lost} worse than the best that "
        "evaluation would have kept, for {saved} of the time; {says}.",
        lost=nats(off.lost),
        saved=per_cent(off.time_saved),
        says=found.advice,
    )


def _with_rows(found: Prediction) -> str:
    schedule = schedule_of(found)
    if found.evaluation_rows is None:
        return schedule
    return say("{schedule} on {rows:,} rows", schedule=schedule, rows=found.evaluation_rows)


def scopes(summary: Summary) -> list[str]:
    """What the answer and the verdicts hold for."""
    if summary.sources:
        return ledger.scopes(summary)
    judged = [claim.scope for claim in tables.shown(summary)]
    return list(dict.fromkeys(judged)) or [on_what(summary.scope)]


def headline(summary: Summary) -> list[str]:
    """Answer, scope, where it comes from, and each verdict: a few lines."""
    lines = [answer(summary), f"scope: {'; '.join(scopes(summary))}", *provenance(summary)]
    for claim in tables.shown(summary):
        condition = f". {claim.condition}" if claim.condition else ""
        lines.append(f"claim {claim.id}: “{claim.says}”")
        lines.append(f"{claim.verdict}: {claim.measured}{condition}")
    return lines


def _speed(summary: Summary, points: Sequence[Comparison]) -> str:
    each = say(", ").join(
        say("{faster} {where}", faster=_faster(point.throughput_gain), where=_where(summary, point))
        for point in points
    )
    return say(
        "Skipping evaluation makes this training, against one every epoch, {each}", each=each
    )


def _held(summary: Summary, points: Sequence[Comparison], claimed_gain: tuple[float, float]) -> str:
    """What became of the claimed range."""
    claimed = digits.claimed(claimed_gain)
    fewest = min(point.blocks for point in points)
    if fewest < FEWEST_BLOCKS:
        return say(
            "too few blocks to judge the claimed {claimed}: {blocks} of {needed}",
            claimed=claimed,
            blocks=fewest,
            needed=FEWEST_BLOCKS,
        )
    by_verdict: dict[Verdict, list[str]] = {}
    for point in points:
        if point.verdict:
            by_verdict.setdefault(point.verdict, []).append(_where(summary, point))
    if len(by_verdict) == 1:
        return say(
            "the claimed {claimed} {holds}",
            claimed=claimed,
            holds=say(_HOLDS[next(iter(by_verdict))]),
        )
    each = [
        say("{holds} {where}", holds=say(holds), where=say(" and ").join(by_verdict[verdict]))
        for verdict, holds in _HOLDS.items()
        if verdict in by_verdict
    ]
    return say("the claimed {claimed} {holds}", claimed=claimed, holds=say(", ").join(each))


_HOLDS: dict[Verdict, str] = {
    "supported": message("holds"),
    "refuted": message("does not hold"),
    "inconclusive": message("is not settled"),
}


def _where(summary: Summary, point: Comparison) -> str:
    """The arm in words: its rows, and what it evaluates with where arms differ in that."""
    arm = summary.arms[point.arm]
    rows = arm.evaluation_rows
    where = [] if rows is None else [say("at {rows:,} rows", rows=rows)]
    if arm.settings:
        where.append(say("with {settings}", settings=arm.settings))
    return say(", ").join(where) or say("on its own rows")


def _faster(gain: Interval) -> str:
    """How much faster, or slower, or that neither can be told."""
    if gain.low is None:
        return say("so far about {gain:.0f} % faster", gain=100 * gain.estimate)
    if gain.high is not None and gain.low <= 0 <= gain.high:
        return say("no faster that can be told ({gain})", gain=per_cent(gain))
    if gain.estimate < 0:
        low, high = (None if limit is None else -limit for limit in (gain.high, gain.low))
        less = Interval(estimate=-gain.estimate, low=low, high=high, level=gain.level)
        return say("{gain} slower", gain=per_cent(less))
    return say("{gain} faster", gain=per_cent(gain))
