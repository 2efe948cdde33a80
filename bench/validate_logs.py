"""Does ``evalskip predict`` tell the truth on GPUs? Its own functions, on public logs of real runs.

Of each Llama-2-70B LoRA run of MLPerf the first blocks and evaluations are the pilot; what the
unseen remainder takes is predicted, given how many samples it trained in the end, and compared with
what it took. Nothing is fitted to these runs but the constant of one rival, which is fitted to
other organisations than the one that it is tried on. An error of a coverage comes from resampling
organisations: runs of one are no independent witnesses.

``make validate-logs`` writes the tables.
"""

from __future__ import annotations

import argparse
import random
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from evalskip.analysis.costs import JobCounts
from evalskip.analysis.parts import PilotPart
from evalskip.analysis.prediction import Workload, model_of_parts, predict
from evalskip.cut import EvaluationPieces
from evalskip.notes import note
from evalskip.summary import JobSize
from wild.blocks import FIGURES, read_blocks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wild.blocks import Block, BlockRun

OUT = Path(__file__).resolve().parents[1] / "results/reference/validation-logs.md"
PILOTS = {1: 2, 2: 3, 3: 6}
"""Evaluations that are seen, and those that a run has at least."""
LEVEL = 0.95
RESAMPLED = 2_000
NAMES = ("predict", "Composer", "first block", "last block", "load rule")


@dataclass(frozen=True)
class Row:
    """What was said of one run's remainder, and what it was."""

    organisation: str
    share: float
    share_low: float
    share_high: float
    wall_error: float
    """Of its time, as a part of it."""
    wall_held: bool
    said: dict[str, float]
    """Shares by who says them."""


def rest_of(run: BlockRun, seen: int) -> tuple[Sequence[Block], float, float]:
    """The unseen blocks, the seconds that they took, and of these what evaluations did."""
    rest = run.blocks[seen:]
    evaluated = sum(block.evaluation_s for block in rest)
    return rest, evaluated + sum(block.train_s for block in rest), evaluated


def row(run: BlockRun, seen: int, constant: float) -> Row:
    """One run, of which so many evaluations were seen."""
    pilot = run.blocks[:seen]
    rest, wall_s, evaluated_s = rest_of(run, seen)
    size = JobSize(
        steps=max(1, sum(block.samples for block in rest) // run.batch),
        epochs=1.0,
        train_samples=None,
        train_batch=run.batch,
        accumulation=1,
        drop_last=True,
        train_tokens_per_sample=1.0,
        evaluation_sets=[run.evaluation_samples],
        evaluation_batch=run.evaluation_samples,
        evaluation_tokens_per_sample=1.0,
    )
    model = model_of_parts(
        _parts(pilot, run),
        "own",
        size,
        processes=1,
        jobs=JobCounts(steps=size.steps, saves=0, logs=0),
        level=LEVEL,
    )
    # the remainder has no beginning, and no first evaluation
    costs = model.costs.model_copy(update={"fixed_s": 0.0, "first_evaluation_s": 0.0})
    samples = sum(block.samples for block in rest)
    work = Workload(
        steps=len(rest),
        micro_batches=samples / run.batch,
        tokens=samples,
        evaluations=len(rest),
        with_next_step=0,
        batches=1,
        evaluation_samples=run.evaluation_samples,
        evaluation_tokens=run.evaluation_samples,
    )
    found = predict(
        model.model_copy(update={"costs": costs}),
        work,
        arm="",
        schedule=note("as_written"),
        evaluation_samples=run.evaluation_samples,
    )
    share, wall = found.share, found.wall_s
    return Row(
        organisation=run.organisation,
        share=evaluated_s / wall_s,
        share_low=share.low or 0.0,
        share_high=1.0 if share.high is None else share.high,
        wall_error=wall.estimate / wall_s - 1,
        wall_held=(wall.low or 0.0) <= wall_s <= (wall.high or float("inf")),
        said={"predict": share.estimate, **_rivals(pilot, rest, run, constant)},
    )


def _parts(pilot: Sequence[Block], run: BlockRun) -> list[PilotPart]:
    """A block as one piece.

    The first one touches everything for the first time, as first steps do: where there is another,
    it is told apart.
    """
    parts = []
    for place, block in enumerate(pilot):
        part = PilotPart(0, "own")
        piece = (block.train_s, max(1, block.samples // run.batch), block.samples)
        (part.first if place == 0 and len(pilot) > 1 else part.steps).append(piece)
        part.evaluations = [
            EvaluationPieces(
                after_step=place,
                is_first=place == 0,
                loader=0.0,
                batches=[block.evaluation_s],
                tokens=[run.evaluation_samples],
                aggregation=0.0,
                log=0.0,
                samples=run.evaluation_samples,
            )
        ]
        parts.append(part)
    return parts


def _rivals(
    pilot: Sequence[Block], rest: Sequence[Block], run: BlockRun, constant: float
) -> dict[str, float]:
    """Shares as simpler rules have them."""
    samples, count = sum(block.samples for block in rest), len(rest)

    def share(each_s: float, sample_s: float) -> float:
        return count * each_s / (count * each_s + samples * sample_s)

    first, last = pilot[0], pilot[-1]
    together = sum(block.train_s for block in pilot) / sum(block.samples for block in pilot)
    load = count * run.evaluation_samples / samples
    return {
        # the mean of all that was seen, as Composer's RuntimeEstimator has it
        "Composer": share(sum(b.evaluation_s for b in pilot) / len(pilot), together),
        "first block": share(first.evaluation_s, first.train_s / first.samples),
        "last block": share(last.evaluation_s, last.train_s / last.samples),
        "load rule": load / (load + constant),
    }


def constant_of(runs: Sequence[BlockRun]) -> float:
    """Cost of a trained sample over an evaluated one: median over organisations."""
    ratios: dict[str, list[float]] = defaultdict(list)
    for run in runs:
        trained = sum(block.train_s for block in run.blocks) / run.samples
        evaluated = sum(block.evaluation_s for block in run.blocks) / len(run.blocks)
        ratios[run.organisation].append(trained / (evaluated / run.evaluation_samples))
    return median(median(each) for each in ratios.values())


def rows_of(runs: Sequence[BlockRun], seen: int) -> list[Row]:
    """Every run that has enough evaluations; organisations are left out one at a time."""
    constants = {
        name: constant_of([run for run in runs if run.organisation != name])
        for name in {run.organisation for run in runs}
    }
    return [
        row(run, seen, constants[run.organisation])
        for run in runs
        if len(run.blocks) >= PILOTS[seen]
    ]


def resampled(rows: Sequence[Row], held: Callable[[Row], bool]) -> tuple[float, float]:
    """How often something holds, and its standard error over organisations."""
    by_organisation: dict[str, list[bool]] = defaultdict(list)
    for each in rows:
        by_organisation[each.organisation].append(held(each))
    source, names = random.Random(1), sorted(by_organisation)
    means = []
    for _ in range(RESAMPLED):
        drawn = [
            each for name in source.choices(names, k=len(names)) for each in by_organisation[name]
        ]
        means.append(sum(drawn) / len(drawn))
    mean = sum(means) / len(means)
    error = (sum((each - mean) ** 2 for each in means) / len(means)) ** 0.5
    return sum(map(held, rows)) / len(rows), error


def quantile(values: Sequence[float], q: float) -> float:
    """The value that a part of all is at most."""
    return sorted(values)[min(len(values) - 1, int(q * len(values)))]


def page(runs: Sequence[BlockRun]) -> str:
    """The tables."""
    organisations = len({run.organisation for run in runs})
    seen_rows = {seen: rows_of(runs, seen) for seen in PILOTS}
    lines = [
        "# What `evalskip predict` says of real GPU runs, from their first evaluations",
        "",
        f"{len(runs)} distinct Llama-2-70B LoRA runs of {organisations} organisations in MLPerf "
        "Training v4.0 to v5.1 ([figures](wild/mlperf_lora.jsonl)), by `make validate-logs`. "
        "Seen: so many evaluations, and what was trained before each. Predicted: the evaluation "
        "share and the time of the unseen rest, given how many samples it trained. Errors of the "
        "share in points; ± is the standard error from resampling organisations.",
        "",
        "| evaluations seen | runs | share inside its 95% interval | half-width, median | time "
        "inside its 95% interval | error of the time, 90% below |",
        "| ---: | ---: | --- | ---: | --- | ---: |",
    ]
    for seen, rows in seen_rows.items():
        held, error = resampled(rows, lambda each: each.share_low <= each.share <= each.share_high)
        wall, wall_error = resampled(rows, lambda each: each.wall_held)
        half = median((each.share_high - each.share_low) / 2 for each in rows)
        worst = quantile([abs(each.wall_error) for each in rows], 0.9)
        lines.append(
            f"| {seen} | {len(rows)} | {100 * held:.1f}% ± {100 * error:.1f} | {100 * half:.1f} | "
            f"{100 * wall:.1f}% ± {100 * wall_error:.1f} | {100 * worst:.1f}% |"
        )
    lines += [
        "",
        "| error of the share | "
        + " | ".join(f"{seen} seen: median, 90% below, below 0.5" for seen in PILOTS)
        + " |",
        "| --- |" + " --- |" * len(PILOTS),
    ]
    for name in NAMES:
        cells = []
        for rows in seen_rows.values():
            errors = [100 * abs(each.said[name] - each.share) for each in rows]
            below = sum(each < 0.5 for each in errors) / len(errors)
            cells.append(f"{median(errors):.2f}, {quantile(errors, 0.9):.2f}, {100 * below:.0f}%")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    lines += [
        "",
        "*predict* fits costs to the pilot as for a job of one's own: the first block and the "
        "first evaluation are told apart from the rest. *Composer*: means of all that was seen. "
        "*First block* and *last block*: that block and its evaluation alone. *Load rule*: load "
        "/ (load + c), c the median of other organisations. These are attributed figures of "
        "others' jobs, each stopped at its target. The intervals are wider than these runs need: "
        "what `predict` believes beforehand of how evaluations differ was set on evaluations of a "
        "second on two CPU cores, and narrows with their length; most of these take half a minute.",
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("figures", type=Path, nargs="?", default=FIGURES)
    parser.add_argument("--out", type=Path, default=OUT)
    arguments = parser.parse_args()
    arguments.out.write_text(page(read_blocks(arguments.figures)), encoding="utf-8")
    print(arguments.out)


if __name__ == "__main__":
    main()
