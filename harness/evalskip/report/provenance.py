"""What was measured, and whether it may be believed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip import digits
from evalskip.analysis.verdicts import FEWEST_BLOCKS, unseen_probability
from evalskip.messages import counted, listed, message, say, words
from evalskip.report import ledger

if TYPE_CHECKING:
    from evalskip.summary import Effort, Extrapolated, PilotSummary, RegretSummary, Scope, Summary

_NAMED = ("llamafactory", "torch", "transformers")

DIFFERENCES = (message("work"), message("result"), message("evaluations"))
"""In what a run may differ from the off run of its block."""


def provenance(summary: Summary) -> list[str]:
    """What figures come from, a line for each thing."""
    if summary.sources:
        return ledger.provenance(summary)
    lines = [_measured(summary.scope)]
    if not summary.arms:
        if summary.observations:
            return [_observed(summary)]
        if summary.headroom:
            return [*lines, _tried(summary.effort)]
        if summary.regret:
            return [*lines, _replayed(summary.regret[0], summary.effort)]
        if summary.pilot:
            return [*lines, _piloted(summary.pilot)]
    lines += [_matched(summary), _effort(summary.effort)]
    if summary.matched.blocks >= FEWEST_BLOCKS:
        lines.append(
            say(
                "a kind of run that is rarer than {rare:.0f} % could be unseen in {blocks} blocks",
                rare=100 * unseen_probability(summary.effort.blocks),
                blocks=summary.effort.blocks,
            )
        )
    if summary.extrapolated:
        lines.append(_extrapolated(summary.extrapolated))
    if summary.pilot:
        lines.append(_piloted(summary.pilot))
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


def _effort(effort: Effort) -> str:
    """How much was run, what that took, and why no more."""
    blocks = _blocks(effort.blocks)
    duration = digits.duration(effort.seconds)
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
    parts = [told, words(effort.stopped)]
    if effort.run_overhead_s is not None and effort.block_start_s is not None:
        overhead = say(
            "{overhead:.2f} s per run beyond T, and {start:.1f} s per block to start",
            overhead=effort.run_overhead_s,
            start=effort.block_start_s,
        )
        parts.insert(1, overhead)
    return say("; ").join(parts)


def _extrapolated(part: Extrapolated) -> str:
    return say(
        "extrapolated: {steps:,} of {of_steps:,} steps were run, and at most {batches:,} "
        "batches of each evaluation; times are told for the whole",
        steps=part.steps,
        of_steps=part.of_steps,
        batches=part.evaluation_batches,
    )


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
    duration = digits.duration(pilot.seconds)
    if pilot.disturbed:
        return say(
            "{told}, {count} of them disturbed by others, {duration} in all",
            told=told,
            count=pilot.disturbed,
            duration=duration,
        )
    return say("{told}, {duration} in all", told=told, duration=duration)


def _replayed(found: RegretSummary, effort: Effort) -> str:
    """What schedules were replayed from: runs of ours, or a log."""
    if not effort.runs:
        return say(
            "a log of {steps:,} steps, evaluated {points} times",
            steps=found.steps,
            points=found.points,
        )
    return say(
        "{seeds} seeds of {steps:,} steps, each evaluated {points} times; {runs} runs in "
        "{duration}",
        seeds=found.seeds,
        steps=found.steps,
        points=found.points,
        runs=effort.runs,
        duration=digits.duration(effort.seconds),
    )


def _tried(effort: Effort) -> str:
    duration = digits.duration(effort.seconds)
    return say("{runs} trials in {duration}", runs=effort.runs, duration=duration)


def _observed(summary: Summary) -> str:
    """Whose runs were observed."""
    return say(
        "{job}: {runs} runs of {trainers} in {duration}",
        job=summary.scope.job,
        runs=summary.effort.runs,
        trainers=", ".join(sorted({found.trainer for found in summary.observations})),
        duration=digits.duration(summary.effort.seconds),
    )


def _blocks(count: int) -> str:
    return counted("{count} block", "{count} blocks", count)
