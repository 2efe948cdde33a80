"""The answer in a sentence, what it holds for, and whether it may be believed."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from evalskip.claims.held import on_what, per_cent
from evalskip.claims.missed import nats
from evalskip.messages import counted, listed, message, say
from evalskip.report import figures, ledger, tables
from evalskip.report.tables.table import best_gain
from evalskip.spec import OFF, OFF_AGAIN
from evalskip.summary import Interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.summary import (
        Comparison,
        Effort,
        PilotSummary,
        Prediction,
        Scope,
        Summary,
        Verdict,
    )


def answer(summary: Summary) -> str:
    """What the result says, in one sentence."""
    judged = tables.shown(summary)
    if summary.sources:
        return ledger.opening(summary)
    if points := _points(summary):
        return say("{speed}; {held}.", speed=_speed(summary, points), held=_held(summary, points))
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
            schedule=summary.arms[name].schedule,
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
        (each.says for each in reversed(summary.recommendations)),
        say("no schedule is recommended"),
    )
    within = summary.recommendations[-1].within if summary.recommendations else 0.05
    return say(
        "Evaluation {schedule} would take {share} of this training's {duration}; to stay within "
        "{within:g} %, {says}.",
        schedule=_with_rows(found),
        share=per_cent(found.share),
        duration=figures.duration(found.wall_s.estimate),
        within=100 * within,
        says=says,
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
            says=found.says,
        )
    return say(
        "Without evaluation the model that is kept is {lost} worse than the best that "
        "evaluation would have kept, for {saved} of the time; {says}.",
        lost=nats(off.lost),
        saved=per_cent(off.time_saved),
        says=found.says,
    )


def _with_rows(found: Prediction) -> str:
    if found.evaluation_rows is None:
        return found.schedule
    return say("{schedule} on {rows:,} rows", schedule=found.schedule, rows=found.evaluation_rows)


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


def _points(summary: Summary) -> list[Comparison]:
    """The comparisons that the claim of speed is judged at, by evaluation load."""
    judged = [found for found in summary.comparisons if found.verdict is not None]
    return sorted(judged, key=lambda found: summary.arms[found.arm].evaluation_load)


def _speed(summary: Summary, points: Sequence[Comparison]) -> str:
    each = say(", ").join(
        say("{faster} {where}", faster=_faster(point.throughput_gain), where=_where(summary, point))
        for point in points
    )
    return say(
        "Skipping evaluation makes this training, against one every epoch, {each}", each=each
    )


def _held(summary: Summary, points: Sequence[Comparison]) -> str:
    """What became of the claimed range."""
    by_verdict: dict[Verdict, list[str]] = {}
    for point in points:
        if point.verdict:
            by_verdict.setdefault(point.verdict, []).append(_where(summary, point))
    if len(by_verdict) == 1:
        return say("the claimed 15-30 % {holds}", holds=say(_HOLDS[next(iter(by_verdict))]))
    each = [
        say("{holds} {where}", holds=say(holds), where=say(" and ").join(by_verdict[verdict]))
        for verdict, holds in _HOLDS.items()
        if verdict in by_verdict
    ]
    return say("the claimed 15-30 % {holds}", holds=say(", ").join(each))


_HOLDS: dict[Verdict, str] = {
    "supported": message("holds"),
    "refuted": message("does not hold"),
    "inconclusive": message("is not settled"),
}


def _where(summary: Summary, point: Comparison) -> str:
    """The arm in words: its rows, and what it evaluates with where arms differ in that."""
    arm = summary.arms[point.arm]
    rows = arm.evaluation_rows
    words = [] if rows is None else [say("at {rows:,} rows", rows=rows)]
    _, _, settings = arm.schedule.partition(", ")
    if settings:
        words.append(say("with {settings}", settings=settings))
    return say(", ").join(words) or say("on its own rows")


def _faster(gain: Interval) -> str:
    """How much faster, or slower, or that neither can be told."""
    if gain.low is not None and gain.high is not None and gain.low <= 0 <= gain.high:
        return say("no faster that can be told ({gain})", gain=per_cent(gain))
    if gain.estimate < 0:
        low, high = (None if limit is None else -limit for limit in (gain.high, gain.low))
        less = Interval(estimate=-gain.estimate, low=low, high=high, level=gain.level)
        return say("{gain} slower", gain=per_cent(less))
    return say("{gain} faster", gain=per_cent(gain))


def provenance(summary: Summary) -> list[str]:
    """What was measured, and whether it may be believed."""
    if summary.sources:
        return ledger.provenance(summary)
    scope, effort = summary.scope, summary.effort
    lines = [_measured(scope), _matched(summary), _effort(effort)]
    if part := summary.extrapolated:
        lines.append(
            say(
                "extrapolated: {steps:,} of {of_steps:,} steps were run, and at most {batches:,} "
                "batches of each evaluation; times are told for the whole",
                steps=part.steps,
                of_steps=part.of_steps,
                batches=part.evaluation_batches,
            )
        )
    if pilot := summary.pilot:
        lines = [*(lines if summary.arms else lines[:1]), _piloted(pilot)]
    if summary.regret and not summary.arms:
        found = summary.regret[0]
        told = say(
            "a log of {steps:,} steps, evaluated {points} times",
            steps=found.steps,
            points=found.points,
        )
        if effort.runs:
            told = say(
                "{seeds} seeds of {steps:,} steps, each evaluated {points} times; {runs} runs in "
                "{duration}",
                seeds=found.seeds,
                steps=found.steps,
                points=found.points,
                runs=effort.runs,
                duration=figures.duration(effort.seconds),
            )
        lines = [lines[0], told]
    duration = figures.duration(effort.seconds)
    if summary.headroom and not summary.arms:
        trials = say("{runs} trials in {duration}", runs=effort.runs, duration=duration)
        lines = [lines[0], trials]
    if summary.observations and not summary.arms:
        lines = [
            say(
                "{job}: {runs} runs of {trainers} in {duration}",
                job=scope.job,
                runs=effort.runs,
                trainers=_observed(summary),
                duration=duration,
            )
        ]
    return lines


def _measured(scope: Scope) -> str:
    """The job, its model, the device, and versions of what matters most."""
    size = (
        say(", {parameters:,} parameters", parameters=scope.parameters) if scope.parameters else ""
    )
    told = say(
        "{job}: {model}{size}, on {device}",
        job=scope.job,
        model=scope.model,
        size=size,
        device=scope.device,
    )
    versions = [f"{name} {value}" for name, value in scope.versions.items() if name in _NAMED]
    return say("; ").join([told, *([", ".join(versions)] if versions else [])])


def _matched(summary: Summary) -> str:
    """Whether the arms differed in evaluation only."""
    matched, effort = summary.matched, summary.effort
    if matched.differing:
        what = sorted({f"{entry.arm} ({say(entry.what)})" for entry in matched.differing})
        return say(
            "NOT matched: {what}; {blocks} blocks match",
            what=listed(what),
            blocks=matched.blocks,
        )
    if not matched.blocks:
        timed = any(arm.wall_s is not None for arm in summary.arms.values())
        return say("not matched: no timed block ended well") if timed else say("nothing was timed")
    repeats = matched.blocks - effort.blocks
    blocks = _blocks(effort.blocks)
    if repeats > 0:
        blocks = counted(
            "{blocks} and {count} repeat", "{blocks} and {count} repeats", repeats, blocks=blocks
        )
    if matched.proven:
        return say("matched: same work and same result in all arms of {blocks}", blocks=blocks)
    return say("matched: not proven, but as many steps in all arms of {blocks}", blocks=blocks)


DIFFERENCES = (message("work"), message("result"), message("evaluations"))
"""In what a run may differ from the off run of its block."""


def _effort(effort: Effort) -> str:
    """How much was run, what that took, and why no more."""
    blocks = _blocks(effort.blocks)
    duration = figures.duration(effort.seconds)
    if effort.nodes > 1:
        told = say(
            "{blocks} timed on {nodes} nodes, {runs} runs in {duration}",
            blocks=blocks,
            nodes=effort.nodes,
            runs=effort.runs,
            duration=duration,
        )
    else:
        told = say(
            "{blocks} timed, {runs} runs in {duration}",
            blocks=blocks,
            runs=effort.runs,
            duration=duration,
        )
    parts = [told, effort.stopped]
    if effort.run_overhead_s is not None and effort.block_start_s is not None:
        overhead = say(
            "{overhead:.2f} s per run beyond T, and {start:.1f} s per block to start",
            overhead=effort.run_overhead_s,
            start=effort.block_start_s,
        )
        parts.insert(1, overhead)
    return say("; ").join(parts)


def _piloted(pilot: PilotSummary) -> str:
    """What predictions were made from."""
    told = counted(
        "predicted from a pilot of {steps:,} of {of_steps:,} steps and {batches:,} evaluation "
        "batches, in {count} process",
        "predicted from a pilot of {steps:,} of {of_steps:,} steps and {batches:,} evaluation "
        "batches, in {count} processes",
        pilot.processes,
        steps=pilot.steps,
        of_steps=pilot.of_steps,
        batches=pilot.evaluation_batches,
    )
    duration = figures.duration(pilot.seconds)
    if pilot.contaminated:
        return say(
            "{told}, {count} of them disturbed by others, {duration} in all",
            told=told,
            count=pilot.contaminated,
            duration=duration,
        )
    return say("{told}, {duration} in all", told=told, duration=duration)


def _observed(summary: Summary) -> str:
    """Whose runs were observed."""
    return ", ".join(sorted({found.trainer for found in summary.observations}))


_NAMED = ("llamafactory", "torch", "transformers")


def _blocks(count: int) -> str:
    return counted("{count} block", "{count} blocks", count)
