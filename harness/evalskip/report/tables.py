"""The tables of a report, as rows of text; how they are drawn is for others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalskip.memory.peaks import CATEGORIES, CONTEXT_BYTES, TOLERANCE
from evalskip.report import figures
from evalskip.spec import OFF_AGAIN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.memory.peaks import Plan, Workload
    from evalskip.summary import ArmSummary, Estimator, Interval, Observation, Summary

_WHO = ("schedule", "rows")
_TOGETHER: Estimator = "matched_steps_plus_hidden_cost"
PEAKS = ("resident", "allocated", "reserved", "process")


@dataclass(frozen=True)
class Table:
    """A title, a line that says how to read it, columns, and rows of text."""

    title: str
    note: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


def times(summary: Summary) -> Table:
    """Where each arm's time goes, and what memory it peaks at."""
    quantity = next((q for q in ("allocated", "resident") if _has(summary, q)), None)
    rows: list[tuple[str, ...]] = []
    for name, arm in summary.arms.items():
        row: tuple[str, ...] = (
            *_who(name, arm),
            figures.seconds(arm.wall_s),
            figures.seconds(arm.phases_s.get("train")),
            figures.seconds(arm.phases_s.get("evaluate")),
            figures.seconds(_rest(arm)),
            figures.percent(arm.share),
        )
        if quantity:
            row += tuple(_peak(arm, phase, quantity) for phase in ("train", "evaluate"))
        rows.append(row)
    columns: tuple[str, ...] = (*_WHO, "T s", "train s", "evaluate s", "rest s", "share %")
    note = "Share: evaluate / T."
    if quantity:
        columns += ("train MiB", "evaluate MiB")
        note += f" MiB: peak {quantity} memory in that phase."
    return Table("Where the time goes", note, columns, rows)


def gains(summary: Summary) -> Table:
    """What skipping evaluation gains: as seen, undisturbed, and the verdict on the claim."""
    rows = []
    levels = set()
    for name, arm in summary.arms.items():
        direct = summary.noise_floor if name == OFF_AGAIN else _gain(summary, name, "direct")
        matched = summary.compared(name, _TOGETHER)
        if matched:
            levels.add(f"{100 * matched.throughput_gain.level:.3g}")
        rows.append(
            (
                *_who(name, arm),
                figures.interval(direct),
                figures.interval(matched.throughput_gain if matched else None),
                (matched.verdict if matched else None) or figures.NOTHING,
            )
        )
    note = (
        "Gain: T with evaluation over T without, less 1, and an interval over blocks. Direct: as "
        f"seen, noise included ({_level(summary)} %). Matched: matched steps plus hidden cost, "
        "undisturbed"
    )
    if levels:
        note += f" ({', '.join(sorted(levels))} %, so that all looks and questions hold together)"
    return Table(
        title="What skipping evaluation gains",
        note=f"{note}. Verdicts are on “15-30 % faster”.",
        columns=(*_WHO, "direct gain %", "matched gain %", "verdict"),
        rows=rows,
    )


def overview(summary: Summary) -> Table:
    """Times and gains in one table, for where there is room."""
    left, right = times(summary), gains(summary)
    skip = len(_WHO)
    return Table(
        title="What evaluation costs" + (", extrapolated" if summary.extrapolated else ""),
        note=f"{right.note} {left.note}",
        columns=left.columns + right.columns[skip:],
        rows=[one + other[skip:] for one, other in zip(left.rows, right.rows, strict=True)],
    )


def truth(summary: Summary) -> Table:
    """How often each trainer evaluated under each combination of the two switches."""
    seen = [found for found in summary.observations if found.what == "switch"]
    trainers = list(dict.fromkeys(found.trainer for found in seen))
    cells: dict[tuple[str, str], dict[str, str]] = {}
    for found in seen:
        asked = tuple(
            str(found.asked.get(key, "not set")).lower() for key in ("do_eval", "eval_strategy")
        )
        cells.setdefault((asked[0], asked[1]), {})[found.trainer] = _evaluated(found)
    return Table(
        title="Which switch works",
        note="Evaluations in the loop + after training, of runs of two epochs of 4 steps; "
        "eval_steps is 5.",
        columns=("do_eval", "eval_strategy", *trainers),
        rows=[
            (*asked, *(by_trainer.get(trainer, figures.NOTHING) for trainer in trainers))
            for asked, by_trainer in cells.items()
        ],
    )


def _evaluated(found: Observation) -> str:
    if "evaluations_inside" not in found.seen:
        return "refused"
    return f"{found.seen['evaluations_inside']} + {found.seen['evaluations_after']}"


def readings(summary: Summary) -> Table:
    """The direct estimate in both readings, and with set-up included."""
    rows = []
    for name, arm in summary.arms.items():
        if direct := summary.compared(name, "direct"):
            rows.append(
                (
                    *_who(name, arm),
                    figures.load(arm.evaluation_load),
                    str(direct.blocks),
                    figures.interval(direct.throughput_gain),
                    figures.interval(direct.time_saved),
                    figures.seconds(arm.setup_s),
                    figures.interval(direct.throughput_gain_with_setup),
                )
            )
    return Table(
        title="Both readings of “faster”, and set-up",
        note="Evaluation load: evaluated tokens over trained tokens. Set-up: process, imports, "
        "model and data, as a process of its own would have it.",
        columns=(
            *_WHO,
            "load",
            "blocks",
            "throughput gain %",
            "time saved %",
            "set-up s",
            "gain with set-up %",
        ),
        rows=rows,
    )


def estimates(summary: Summary) -> Table:
    """Every estimate of throughput gain, side by side."""
    rows = []
    for name, arm in summary.arms.items():
        direct = summary.compared(name, "direct")
        together = summary.compared(name, _TOGETHER)
        if direct:
            rows.append(
                (
                    *_who(name, arm),
                    figures.interval(direct.throughput_gain),
                    figures.interval(direct.throughput_gain_uncontaminated),
                    figures.interval(_gain(summary, name, "attributed")),
                    figures.interval(_gain(summary, name, "matched_steps")),
                    figures.interval(_gain(summary, name, "hidden_cost")),
                    figures.interval(together.throughput_gain if together else None),
                    figures.interval(together.throughput_gain_at_median if together else None),
                )
            )
    return Table(
        title="Estimates that check each other",
        note="Throughput gain in per cent. Direct: whole runs, paired within blocks; once more "
        "without blocks that others disturbed. Attributed: T / (T - evaluate) within runs. Matched "
        "steps: each piece at the lower quartile across runs, then added up. Hidden cost: what "
        "evaluation adds to the steps after it. Verdicts rest on both together, at a level that "
        "holds over all looks and questions; the last column has pieces at the median instead.",
        columns=(
            *_WHO,
            "direct",
            "undisturbed blocks",
            "attributed",
            "matched steps",
            "hidden cost",
            "both",
            "both, at the median",
        ),
        rows=rows,
    )


def phases(summary: Summary) -> Table:
    """Mean seconds per phase; they sum to T."""
    names = ("train", "evaluate", "save", "log", "other")
    rows = [
        (
            *_who(name, arm),
            str(arm.runs),
            str(arm.evaluations),
            figures.seconds(arm.wall_s),
            *(figures.seconds(arm.phases_s.get(phase)) for phase in names),
            figures.seconds(arm.first_evaluation_s),
        )
        for name, arm in summary.arms.items()
    ]
    return Table(
        title="Every phase",
        note="Means over runs, in seconds. Phases never overlap and sum to T.",
        columns=(*_WHO, "runs", "evaluations", "T", *names, "first evaluation"),
        rows=rows,
    )


def per_token(summary: Summary) -> Table:
    """What a token costs to train on and to evaluate: what compares packed and padded rows."""
    rows = []
    for name, arm in summary.arms.items():
        trained = _each(arm.phases_s.get("train"), arm.train_tokens)
        evaluated = _each(arm.phases_s.get("evaluate"), arm.evaluation_tokens)
        rows.append(
            (
                *_who(name, arm),
                figures.count(arm.train_tokens),
                figures.microseconds(trained),
                figures.count(arm.evaluation_tokens),
                figures.microseconds(evaluated),
                figures.percent(evaluated / trained if evaluated and trained else None),
            )
        )
    return Table(
        title="Per token",
        note="Tokens of a run, padding included, and microseconds for each; the last column is "
        "what an evaluated token costs in per cent of a trained one.",
        columns=(
            *_WHO,
            "trained",
            "µs per trained",
            "evaluated",
            "µs per evaluated",
            "evaluated to trained %",
        ),
        rows=rows,
    )


def evaluation_sets(summary: Summary) -> Table:
    """Each of several evaluation sets: its rows, and what it costs."""
    return Table(
        title="Each evaluation set",
        note="Several sets are evaluated one after the other and count as one evaluation; seconds "
        "are those of all its evaluations in a run.",
        columns=("schedule", "set", "rows", "seconds", "share of T %"),
        rows=[
            (
                arm.schedule,
                set_name,
                f"{found.rows:,}",
                figures.seconds(found.seconds),
                figures.percent(found.seconds / arm.wall_s if arm.wall_s else None),
            )
            for arm in summary.arms.values()
            for set_name, found in arm.evaluation_sets.items()
        ],
    )


def _each(seconds: float | None, count: int | None) -> float | None:
    return seconds / count if seconds and count else None


def memory(summary: Summary) -> Table:
    """Every peak that was read, per phase."""
    names = ("train", "evaluate", "save", "other")
    around = ("before_evaluation", "after_evaluation")
    rows = [
        (
            *_who(name, arm),
            quantity,
            *(_peak(arm, phase, quantity) for phase in names),
            *(figures.size(arm.train_peaks.get(part, {}).get(quantity)) for part in around),
        )
        for name, arm in summary.arms.items()
        for quantity in PEAKS
        if _has(summary, quantity)
    ]
    return Table(
        title="Peak memory per phase, MiB",
        note="The largest reading of each phase. On a CPU: the resident set of the run's process, "
        "in runs of their own. The last two: of train steps before the first evaluation and after "
        "it.",
        columns=(*_WHO, "quantity", *names, "train before", "train after"),
        rows=rows,
    )


def headroom(summary: Summary) -> Table:
    """The largest batch of each arm, what bounds it and whether it pays."""
    rows = []
    for found in summary.headroom:
        own, largest = (
            found.tokens_per_s.get(str(batch)) for batch in (found.own_batch, found.max_batch)
        )
        rows.append(
            (
                found.arm,
                str(found.max_batch),
                found.bound_by or figures.NOTHING,
                str(found.trials),
                figures.size(found.peak_bytes),
                figures.size(found.evaluation_bytes),
                figures.rate(own),
                figures.rate(largest),
                figures.interval(found.throughput_gain),
            )
        )
    limits = sorted({figures.bytes_of(found.limit_bytes) for found in summary.headroom})
    bases = sorted({figures.bytes_of(found.base_bytes) for found in summary.headroom})
    own_batches = sorted({str(found.own_batch) for found in summary.headroom})
    return Table(
        title="Headroom: the largest batch",
        note=f"Rows per device that complete train steps and what the arm evaluates within "
        f"{', '.join(limits)}, confirmed: one row more runs out of memory, in the phase that is "
        f"named. Peaks are of what the limit is on, with the {', '.join(bases)} that the process "
        "holds before it builds a model; alone: an evaluation beside train steps of one "
        f"row. Tokens/s of steady train steps at the job's own batch ({', '.join(own_batches)}) "
        "and at the largest; faster: T at the own batch over T at the largest, less 1, for the "
        "same rows, with an evaluation at the end where the arm evaluates; direct, since another "
        "batch is other work.",
        columns=(
            "arm",
            "largest batch",
            "bound by",
            "trials",
            "peak MiB",
            "evaluation alone MiB",
            "own tokens/s",
            "largest tokens/s",
            "faster %",
        ),
        rows=rows,
    )


def tuning(plan: Plan) -> str:
    """How a plan trains, in a few words."""
    setting = plan.setting
    how = "full" if setting.finetuning == "full" else f"lora, rank {setting.lora_rank}"
    return f"{how}{', gradient checkpointing' if setting.gradient_checkpointing else ''}"


def plans(found: Sequence[Plan], device_bytes: int, work: Workload) -> Table:
    """The largest batches on a card that is not there."""
    rows = []
    for plan in found:
        bound = "evaluate" if plan.largest_train_batch and not plan.fits_evaluation else "train"
        rows.append(
            (
                tuning(plan),
                str(plan.largest_train_batch),
                str(plan.largest_evaluated_batch),
                bound,
                str(plan.largest_evaluation_batch),
            )
        )
    return Table(
        title=f"Largest batch on a card of {figures.bytes_of(device_bytes)}",
        note=f"Rows of {work.length:,} tokens. Evaluated: {work.evaluation_batch} rows of "
        f"{work.evaluation_length:,} tokens at once, the loss alone being kept. Of the card, "
        f"{figures.bytes_of(CONTEXT_BYTES)} are left to CUDA's context. Foretold peaks were within "
        f"{100 * TOLERANCE:.0f} % of those measured on a CPU (tests/test_memory.py); not yet "
        "measured on a GPU, where fragments of the allocator come on top.",
        columns=(
            "in bfloat16",
            "train batch without evaluation",
            "train batch with evaluation",
            "bound by",
            "largest evaluation batch",
        ),
        rows=rows,
    )


def plan_peaks(found: Sequence[Plan], work: Workload) -> Table:
    """What the peaks are made of."""
    rows = [
        (
            tuning(plan),
            phase,
            figures.gibibytes(peak.total),
            *(figures.gibibytes(peak.parts.get(part, 0)) for part in CATEGORIES),
        )
        for plan in found
        for phase, peak in (("train", plan.train), ("evaluate", plan.evaluation))
    ]
    return Table(
        title="Peaks by category, GiB",
        note=f"At the moment of the peak. Train: one row; evaluate: {work.evaluation_batch} rows, "
        "beside weights and the optimizer's state.",
        columns=("in bfloat16", "phase", "peak", *CATEGORIES),
        rows=rows,
    )


def headline(summary: Summary) -> list[str]:
    """What was measured and whether it may be believed, in a few lines."""
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
    lines = [
        f"{scope.job}: {scope.model}{size}, on {scope.device}"
        + (f"; {versions}" if versions else ""),
        verdict,
        f"{_blocks(effort.blocks)} timed, {effort.runs} runs in {figures.duration(effort.seconds)}"
        f"{overhead}; {effort.stopped}",
    ]
    if part := summary.extrapolated:
        lines.append(
            f"extrapolated: {part.steps:,} of {part.of_steps:,} steps were run, and at most "
            f"{part.evaluation_batches:,} batches of each evaluation; times are told for the whole"
        )
    if summary.headroom and not summary.arms:
        lines = [lines[0], f"{effort.runs} trials in {figures.duration(effort.seconds)}"]
    if summary.observations and not summary.arms:
        runs = f"{scope.job}: {effort.runs} runs of {_observed(summary)}"
        lines = [f"{runs} in {figures.duration(effort.seconds)}"]
    claims = [claim for claim in summary.claims if claim.verdict != "not_run"]
    scopes = list(dict.fromkeys(claim.scope for claim in claims))
    for claim in claims:
        condition = f". {claim.condition}" if claim.condition else ""
        lines.append(f"claim {claim.id}: “{claim.says}”")
        lines.append(f"{claim.verdict}: {claim.measured}{condition}")
        if len(scopes) > 1:
            lines.append(f"scope: {claim.scope}")
    if len(scopes) == 1:
        lines.append(f"scope: {scopes[0]}")
    return lines


def _observed(summary: Summary) -> str:
    """Whose runs were observed."""
    return ", ".join(sorted({found.trainer for found in summary.observations}))


_NAMED = ("llamafactory", "torch", "transformers")


def _blocks(count: int) -> str:
    return f"{count} block" if count == 1 else f"{count} blocks"


def _who(name: str, arm: ArmSummary) -> tuple[str, str]:
    """An arm's schedule and evaluation rows."""
    rows = figures.NOTHING if arm.evaluation_rows is None else str(arm.evaluation_rows)
    return "off, again" if name == OFF_AGAIN else arm.schedule, rows


def _gain(summary: Summary, arm: str, estimator: Estimator) -> Interval | None:
    comparison = summary.compared(arm, estimator)
    return comparison.throughput_gain if comparison else None


def _rest(arm: ArmSummary) -> float | None:
    if not arm.phases_s:
        return None
    return sum(s for phase, s in arm.phases_s.items() if phase not in ("train", "evaluate"))


def _peak(arm: ArmSummary, phase: str, quantity: str) -> str:
    return figures.size(arm.peak_bytes.get(phase, {}).get(quantity))


def _has(summary: Summary, quantity: str) -> bool:
    arms = summary.arms.values()
    return any(quantity in peaks for arm in arms for peaks in arm.peak_bytes.values())


def _level(summary: Summary) -> str:
    levels = [comparison.throughput_gain.level for comparison in summary.comparisons]
    return f"{100 * levels[0]:g}" if levels else "95"
