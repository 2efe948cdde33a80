"""The answer in a sentence, what it holds for, and whether it may be believed."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from evalskip.claims.held import per_cent
from evalskip.claims.missed import nats
from evalskip.report import figures, ledger, tables
from evalskip.report.tables.table import best_gain
from evalskip.spec import OFF, OFF_AGAIN
from evalskip.summary import Interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.summary import Comparison, Summary, Verdict


def answer(summary: Summary) -> str:
    """What the result says, in one sentence."""
    judged = tables.shown(summary)
    if summary.sources:
        return ledger.opening(summary)
    if points := _points(summary):
        return f"{_speed(summary, points)}; {_held(summary, points)}."
    if summary.predictions and not summary.arms:
        return _predicted(summary)
    if summary.regret and not summary.arms:
        return _missed(summary)
    costs = [
        (gain, name) for name in summary.arms if (gain := best_gain(summary, name)) is not None
    ]
    if costs:
        gain, name = max(costs, key=lambda cost: cost[0].estimate)
        schedule = summary.arms[name].schedule
        return (
            f"Skipping evaluation makes this training, against one with evaluation {schedule}, "
            f"{_faster(gain)}."
        )
    if judged:
        counts = Counter(claim.verdict for claim in judged)
        each = ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common())
        claims = "claim was" if len(judged) == 1 else "claims were"
        return f"{len(judged)} {claims} judged: {each}."
    if found := {each.arm: each.max_batch for each in summary.headroom if each.arm != OFF_AGAIN}:
        each = ", ".join(f"{batch:,} with {arm}" for arm, batch in found.items() if arm != OFF)
        return f"A batch of {found.get(OFF, 0):,} rows fits without evaluation, {each}."
    return "Nothing was measured that gives an answer."


def _predicted(summary: Summary) -> str:
    """What the user's own schedule would cost, or else evaluating every epoch; and the advice."""
    evaluating = [found for found in summary.predictions if found.evaluations]
    own = [found for found in evaluating if found.arm.startswith("as_written")]
    usual = [found for found in evaluating if found.arm.startswith("every_epoch")]
    found = next(iter([*own, *reversed(usual), *evaluating]))
    says = next(
        (each.says for each in reversed(summary.recommendations)), "no schedule is recommended"
    )
    within = summary.recommendations[-1].within if summary.recommendations else 0.05
    return (
        f"Evaluation {found.schedule}{_rows_of(found.evaluation_rows)} would take "
        f"{per_cent(found.share)} of this training's {figures.duration(found.wall_s.estimate)}; "
        f"to stay within {100 * within:g} %, {says}."
    )


def _missed(summary: Summary) -> str:
    """What skipping altogether loses, and the advice."""
    found = summary.regret[0]
    off = next(each for each in found.rows if each.name == "off")
    saving = f", for {per_cent(off.time_saved)} of the time" if off.time_saved else ""
    return (
        f"Without evaluation the model that is kept is {nats(off.lost)} worse than the best that "
        f"evaluation would have kept{saving}; {found.says}."
    )


def _rows_of(rows: int | None) -> str:
    return "" if rows is None else f" on {rows:,} rows"


def scopes(summary: Summary) -> list[str]:
    """What the answer and the verdicts hold for."""
    if summary.sources:
        return ledger.scopes(summary)
    judged = [claim.scope for claim in tables.shown(summary)]
    scope = summary.scope
    return list(dict.fromkeys(judged)) or [f"{scope.job}, {scope.model}, on {scope.device}"]


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
    each = ", ".join(
        f"{_faster(point.throughput_gain)} {_where(summary, point)}" for point in points
    )
    return f"Skipping evaluation makes this training, against one every epoch, {each}"


def _held(summary: Summary, points: Sequence[Comparison]) -> str:
    """What became of the claimed range."""
    claimed = "the claimed 15-30 %"
    by_verdict: dict[Verdict, list[str]] = {}
    for point in points:
        if point.verdict:
            by_verdict.setdefault(point.verdict, []).append(_where(summary, point))
    says: dict[Verdict, str] = {
        "supported": "holds",
        "refuted": "does not hold",
        "inconclusive": "is not settled",
    }
    if len(by_verdict) == 1:
        return f"{claimed} {says[next(iter(by_verdict))]}"
    each = [
        f"{says[verdict]} {' and '.join(by_verdict[verdict])}"
        for verdict in says
        if verdict in by_verdict
    ]
    return f"{claimed} {', '.join(each)}"


def _where(summary: Summary, point: Comparison) -> str:
    """The arm in words: its rows, and what it evaluates with where arms differ in that."""
    arm = summary.arms[point.arm]
    words = [] if arm.evaluation_rows is None else [f"at {arm.evaluation_rows:,} rows"]
    _, _, settings = arm.schedule.partition(", ")
    return ", ".join([*words, *([f"with {settings}"] if settings else [])]) or "on its own rows"


def _faster(gain: Interval) -> str:
    """How much faster, or slower, or that neither can be told."""
    if gain.low is not None and gain.high is not None and gain.low <= 0 <= gain.high:
        return f"no faster that can be told ({per_cent(gain)})"
    if gain.estimate < 0:
        low, high = (None if limit is None else -limit for limit in (gain.high, gain.low))
        less = Interval(estimate=-gain.estimate, low=low, high=high, level=gain.level)
        return f"{per_cent(less)} slower"
    return f"{per_cent(gain)} faster"


def provenance(summary: Summary) -> list[str]:
    """What was measured, and whether it may be believed."""
    if summary.sources:
        return ledger.provenance(summary)
    scope, matched, effort = summary.scope, summary.matched, summary.effort
    size = f", {scope.parameters:,} parameters" if scope.parameters else ""
    versions = ", ".join(f"{n} {v}" for n, v in scope.versions.items() if n in _NAMED)
    timed = any(arm.wall_s is not None for arm in summary.arms.values())
    if matched.differing:
        what = sorted({f"{entry.arm} ({entry.what})" for entry in matched.differing})
        verdict = f"NOT matched: {', '.join(what)}; {matched.blocks} blocks match"
    elif matched.blocks:
        repeats = matched.blocks - effort.blocks
        again = f" and {repeats} repeat{'s' if repeats > 1 else ''}" if repeats > 0 else ""
        proof = "same work and same result" if matched.proven else "not proven, but as many steps"
        verdict = f"matched: {proof} in all arms of {_blocks(effort.blocks)}{again}"
    else:
        verdict = "not matched: no timed block ended well" if timed else "nothing was timed"
    overhead = ""
    if effort.run_overhead_s is not None and effort.block_start_s is not None:
        overhead = (
            f"; {effort.run_overhead_s:.2f} s per run beyond T, and {effort.block_start_s:.1f} s "
            "per block to start"
        )
    nodes = f" on {effort.nodes} nodes" if effort.nodes > 1 else ""
    lines = [
        f"{scope.job}: {scope.model}{size}, on {scope.device}"
        + (f"; {versions}" if versions else ""),
        verdict,
        f"{_blocks(effort.blocks)} timed{nodes}, {effort.runs} runs in "
        f"{figures.duration(effort.seconds)}"
        f"{overhead}; {effort.stopped}",
    ]
    if part := summary.extrapolated:
        lines.append(
            f"extrapolated: {part.steps:,} of {part.of_steps:,} steps were run, and at most "
            f"{part.evaluation_batches:,} batches of each evaluation; times are told for the whole"
        )
    if pilot := summary.pilot:
        disturbed = f", {pilot.contaminated} of them disturbed by others" * bool(pilot.contaminated)
        told = (
            f"predicted from a pilot of {pilot.steps:,} of {pilot.of_steps:,} steps and "
            f"{pilot.evaluation_batches:,} evaluation batches, in {pilot.processes} "
            f"process{'es' if pilot.processes != 1 else ''}"
            f"{disturbed}, {figures.duration(pilot.seconds)} in all"
        )
        lines = [*(lines if summary.arms else lines[:1]), told]
    if summary.regret and not summary.arms:
        found = summary.regret[0]
        told = f"a log of {found.steps:,} steps, evaluated {found.points} times"
        if effort.runs:
            told = (
                f"{found.seeds} seeds of {found.steps:,} steps, each evaluated {found.points} "
                f"times; {effort.runs} runs in {figures.duration(effort.seconds)}"
            )
        lines = [lines[0], told]
    if summary.headroom and not summary.arms:
        lines = [lines[0], f"{effort.runs} trials in {figures.duration(effort.seconds)}"]
    if summary.observations and not summary.arms:
        runs = f"{scope.job}: {effort.runs} runs of {_observed(summary)}"
        lines = [f"{runs} in {figures.duration(effort.seconds)}"]
    return lines


def _observed(summary: Summary) -> str:
    """Whose runs were observed."""
    return ", ".join(sorted({found.trainer for found in summary.observations}))


_NAMED = ("llamafactory", "torch", "transformers")


def _blocks(count: int) -> str:
    return f"{count} block" if count == 1 else f"{count} blocks"
