"""What was measured, and whether it may be believed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.analysis.verdicts import FEWEST_BLOCKS, unseen_probability
from evalskip.notes import note
from evalskip.report import digits
from evalskip.report.words import N_

if TYPE_CHECKING:
    from evalskip.report.words import Language
    from evalskip.summary import (
        BenchEffort,
        BenchSummary,
        ClaimsSummary,
        Effort,
        Extrapolated,
        PilotSummary,
        RegretSummary,
        Summary,
    )

_NAMED = ("llamafactory", "torch", "transformers")

DIFFERENCES = (N_("work"), N_("result"), N_("evaluations"))
"""In what a run may differ from the off run of its block."""


def provenance(summary: Summary, language: Language) -> list[str]:
    """What figures come from, a line for each thing."""
    if summary.claims:
        return collection_of(summary, summary.claims, language)
    if summary.audit:
        return []
    lines = [] if summary.scope.device == note("own_device") else [_measured(summary, language)]
    if summary.bench:
        lines += _benched(summary.bench, language)
    elif summary.headroom and summary.headroom.effort:
        lines.append(trials_of(summary.headroom.effort, language))
    if summary.regret and not summary.bench:
        lines.append(replay_of(summary.regret, language))
    if summary.prediction:
        lines.append(pilot_of(summary.prediction.pilot, language))
    return lines


def _benched(bench: BenchSummary, language: Language) -> list[str]:
    lines = [matching_of(bench, language), _effort(bench.effort, language)]
    if bench.matched.blocks >= FEWEST_BLOCKS:
        lines.append(
            language.gettext(
                "behaviour that affects fewer than {rare:.0f}% of blocks may not have occurred "
                "in {blocks} (95% confidence)",
                rare=100 * unseen_probability(bench.effort.blocks),
                blocks=bench.effort.blocks,
            )
        )
    if bench.extrapolated:
        lines.append(_extrapolated(bench.extrapolated, language))
    return lines


def made_with(summary: Summary) -> list[tuple[str, str]]:
    """The machine and the versions, field by field."""
    machine = summary.made.machine
    fields = machine.model_dump() if machine else {}
    return [(name, str(value)) for name, value in (fields | summary.made.versions).items()]


def _measured(summary: Summary, language: Language) -> str:
    """The job, its model, the device, and versions of what matters most."""
    scope = summary.scope
    size = (
        language.gettext(", {parameters:,} parameters", parameters=scope.parameters)
        if scope.parameters
        else ""
    )
    subject = language.gettext(
        "{job}: {model}{size}, on {device}",
        job=scope.job,
        model=scope.model,
        size=size,
        device=scope.device,
    )
    versions = [
        f"{name} {value}" for name, value in summary.made.versions.items() if name in _NAMED
    ]
    return language.gettext("; ").join([subject, *([", ".join(versions)] if versions else [])])


def matching_of(bench: BenchSummary, language: Language) -> str:
    """Whether the arms differed in evaluation only."""
    matched, effort = bench.matched, bench.effort
    if matched.differing:
        what = sorted(
            {f"{entry.arm} ({language.gettext(entry.what)})" for entry in matched.differing}
        )
        return language.gettext(
            "NOT the same work: {what}; {blocks} blocks match",
            what=language.join(what),
            blocks=matched.blocks,
        )
    if not matched.blocks:
        return (
            language.gettext("not matched: no timed block ended well")
            if bench.is_timed
            else language.gettext("nothing was timed")
        )
    repeats = matched.blocks - effort.blocks
    blocks = _blocks(effort.blocks, language)
    if repeats > 0:
        blocks = language.ngettext(
            "{blocks} and {count} repeat", "{blocks} and {count} repeats", repeats, blocks=blocks
        )
    if matched.proven:
        return language.gettext(
            "checked: all arms of {blocks} did the same work, with the same result", blocks=blocks
        )
    return language.gettext(
        "checked by the number of steps only, in {blocks}: the work itself was not compared",
        blocks=blocks,
    )


def _effort(effort: BenchEffort, language: Language) -> str:
    """How much was run, what that took, and why no more."""
    blocks = _blocks(effort.blocks, language)
    duration = digits.duration(effort.seconds)
    if effort.nodes > 1:
        extent = language.gettext(
            "{blocks} timed on {nodes} nodes, {runs} runs in {duration}",
            blocks=blocks,
            nodes=effort.nodes,
            runs=effort.runs,
            duration=duration,
        )
    else:
        extent = language.gettext(
            "{blocks} timed, {runs} runs in {duration}",
            blocks=blocks,
            runs=effort.runs,
            duration=duration,
        )
    parts = [extent, language.note(effort.stopped)]
    if effort.run_overhead_s is not None and effort.block_start_s is not None:
        overhead = language.gettext(
            "{overhead:.2f} s per run beyond the training time, and {start:.1f} s to start a block",
            overhead=effort.run_overhead_s,
            start=effort.block_start_s,
        )
        parts.insert(1, overhead)
    return language.gettext("; ").join(parts)


def _extrapolated(part: Extrapolated, language: Language) -> str:
    return language.gettext(
        "extrapolated: {steps:,} of {of_steps:,} steps were run, and at most {batches:,} "
        "batches of each evaluation; times are for the whole job",
        steps=part.steps,
        of_steps=part.of_steps,
        batches=part.evaluation_batches,
    )


def pilot_of(pilot: PilotSummary, language: Language) -> str:
    """What predictions were made from."""
    origin = language.ngettext(
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
        return language.gettext(
            "{told}, {count} of them disturbed by others, {duration} in all",
            told=origin,
            count=pilot.disturbed,
            duration=duration,
        )
    return language.gettext("{told}, {duration} in all", told=origin, duration=duration)


def replay_of(regret_summary: RegretSummary, language: Language) -> str:
    """What schedules were replayed from: runs of ours, or a log."""
    if not regret_summary.effort.runs:
        return language.gettext(
            "a log of {steps:,} steps, evaluated {points} times",
            steps=regret_summary.steps,
            points=regret_summary.points,
        )
    return language.gettext(
        "{seeds} seeds of {steps:,} steps, each evaluated {points} times; {runs} runs in "
        "{duration}",
        seeds=regret_summary.seeds,
        steps=regret_summary.steps,
        points=regret_summary.points,
        runs=regret_summary.effort.runs,
        duration=digits.duration(regret_summary.effort.seconds),
    )


def trials_of(effort: Effort, language: Language) -> str:
    """How many trials were made, and in what time."""
    duration = digits.duration(effort.seconds)
    return language.gettext("{runs} trials in {duration}", runs=effort.runs, duration=duration)


def collection_of(summary: Summary, section: ClaimsSummary, language: Language) -> list[str]:
    """The results, or the runs, that claims rest on."""
    effort = section.effort
    if not section.sources and not section.observations:
        return []
    if not section.sources:
        return [
            language.gettext(
                "{job}: {runs} runs of {trainers} in {duration}",
                job=summary.scope.job,
                runs=effort.runs,
                trainers=", ".join(
                    sorted({observation.trainer for observation in section.observations})
                ),
                duration=digits.duration(effort.seconds),
            )
        ]
    return [
        language.gettext(
            "{count} results: {names}",
            count=len(section.sources),
            names=language.join(source.name for source in section.sources),
        ),
        language.gettext(
            "{runs:,} runs and trials, {blocks} timed blocks, in {time}",
            runs=effort.runs,
            blocks=section.timed_blocks,
            time=digits.duration(effort.seconds),
        ),
    ]


def _blocks(count: int, language: Language) -> str:
    return language.ngettext("{count} block", "{count} blocks", count)
