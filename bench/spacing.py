"""How often to evaluate where training stops by its evaluations: is the law of spacing right?

Three trials. *Replays*: Llama-2-70B LoRA runs of MLPerf, which stop at a target, make every second,
third or fourth of their evaluations. *Choice*: the law chooses among those from what the first two
evaluations cost and when the runs of other organisations could end. *Real*: the job of
``overfit.yaml`` is trained at five spacings with patience, new seeds each time; what a step and an
evaluation take, and when it could end, is told from other seeds.

``make spacing`` writes the tables.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median
from typing import TYPE_CHECKING

from evalskip.analysis.stopping import EVERY, StoppedRun, Stretch
from evalskip.jobs import CurveRequest, RunId, RunRequest
from evalskip.launch import launcher_for
from evalskip.public import StoppedLater
from evalskip.schedules import EveryEpoch
from evalskip.spacing import NEAR, SpacingLaw
from evalskip.spec import load_spec
from validate_logs import quantile
from wild.blocks import FIGURES, read_blocks

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from evalskip.spec import Spec
    from wild.blocks import BlockRun

HERE = Path(__file__).parent
OUT = HERE.parent / "results/reference/spacing.md"
SEEN = 2
"""Evaluations of a run from which its costs are told."""
FEWEST = 2
"""Evaluations below which a run cannot be looked at less often."""
CHOICES = (1, *EVERY)
ALIKE, ENOUGH = 1.25, 20
"""Runs of other organisations whose batch is larger or smaller by no more than such a factor are
asked first, if they are so many."""
PATIENCES = (1, 3)
FACTORS = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Of the spacing of the law, those that are trained at."""
OTHERS, SEEDS = 6, 12
"""Seeds from which costs and the end are told, and those that are trained at every spacing."""
DENSE = 5
"""Steps between the evaluations of the former."""
RUN_TIME_S = 600.0


def stopped(run: BlockRun) -> StoppedRun:
    """A run of MLPerf, which ends with the evaluation that met its target."""
    readings = [1.0] * (len(run.blocks) - 1) + [0.0]
    stretches = [Stretch(block.train_s, block.evaluation_s) for block in run.blocks]
    return StoppedRun(stretches, readings, target=0.0)


def replayed(run: BlockRun) -> dict[int, list[float]]:
    """Seconds until it stops, by how many evaluations one is made of; from each beginning."""
    replay = stopped(run)
    return {every: [replay.seconds(every, begin)[0] for begin in range(every)] for every in CHOICES}


def chosen(run: BlockRun, runs: Sequence[BlockRun]) -> int:
    """What the law chooses, from the run's first evaluations and the ends of others' runs."""
    others = [each for each in runs if each.organisation != run.organisation]
    alike = [each for each in others if 1 / ALIKE < each.batch / run.batch < ALIKE]
    work = median(
        each.samples - each.blocks[0].samples
        for each in (alike if len(alike) >= ENOUGH else others)
    )
    pilot = run.blocks[:SEEN]
    # the first block and the first evaluation touch everything for the first time
    sample_s = pilot[-1].train_s / pilot[-1].samples
    law = SpacingLaw(work, sample_s, pilot[-1].evaluation_s)
    return min(CHOICES, key=lambda every: law.seconds(every * pilot[-1].samples))


def by_organisation(runs: Sequence[BlockRun], values: Sequence[float]) -> float:
    """The mean of the organisations' means."""
    own: dict[str, list[float]] = defaultdict(list)
    for run, value in zip(runs, values, strict=True):
        own[run.organisation].append(value)
    return mean(map(mean, own.values()))


def longer_by(every: int, seconds: Sequence[dict[int, list[float]]]) -> list[float]:
    """Of each run, as a part of what it took; mean over where it begins."""
    return [mean(each[every]) / each[1][0] - 1 for each in seconds]


def stopped_later(runs: Sequence[BlockRun]) -> list[StoppedLater]:
    """What sparser evaluation would have done to runs that stop at a target.

    Args:
        runs: distinct ones.
    """
    seconds = [replayed(run) for run in runs]
    found = []
    for every in EVERY:
        longer = longer_by(every, seconds)
        later = mean(each > 0 for each in longer)
        found.append(
            StoppedLater(
                every=every,
                runs=len(runs),
                longer=round(median(longer), 4),
                later=round(later, 3),
            )
        )
    return found


def distinct_runs(figures: Path = FIGURES) -> list[BlockRun]:
    """Those that can be looked at less often than they were."""
    return [run for run in read_blocks(figures) if len(run.blocks) >= FEWEST]


def replay_tables(runs: Sequence[BlockRun]) -> list[str]:
    """What sparser evaluation would have done to runs that stop at a target, and the law's choice.

    Args:
        runs: distinct ones.
    """
    seconds = [replayed(run) for run in runs]
    organisations = len({run.organisation for run in runs})
    off_clock = median(
        sum(block.evaluation_s for block in run.blocks)
        / sum(block.evaluation_s + block.train_s for block in run.blocks)
        for run in runs
    )
    lines = [
        "## Stopping at a target, replayed on GPUs",
        "",
        f"{len(runs)} distinct Llama-2-70B LoRA runs of {organisations} organisations in MLPerf "
        "Training v4.0 to v5.1 ([figures](wild/mlperf_lora.jsonl)), each up to its target, as if "
        "it made one evaluation in so many. Longer: until it stops, mean over where it begins, in "
        "per cent of what it took. The next evaluation that is due after the log ends is taken to "
        "meet the target, so these are lower bounds.",
        "",
        "| evaluates | longer %: quartiles | by where it begins, medians | stops later |",
        "| --- | --- | --- | ---: |",
    ]
    for every in EVERY:
        longer = longer_by(every, seconds)
        begins = [
            median(each[every][begin] / each[1][0] - 1 for each in seconds)
            for begin in range(every)
        ]
        quartiles = " / ".join(f"{100 * quantile(longer, q):.1f}" for q in (0.25, 0.5, 0.75))
        lines.append(
            f"| every {every} | {quartiles} | {', '.join(f'{100 * b:+.1f}' for b in begins)} | "
            f"{100 * mean(each > 0 for each in longer):.0f}% |"
        )
    lines += [
        "",
        f"Taking evaluation off the clock would save {100 * off_clock:.1f}% (median): what a fixed "
        "number of steps saves by skipping it, and what stopping at a target does not.",
        "",
        "## The spacing of least cost, chosen beforehand",
        "",
        f"The same runs. The law, `sqrt(2 R e / p)`, knows the second evaluation and what was "
        "trained before it, and R from the runs of other organisations (median; of a like batch "
        f"where there are {ENOUGH}). It chooses how many of the run's evaluations one is made of, "
        f"{', '.join(map(str, CHOICES))}; the least is that of all four, known afterwards.",
        "",
        "| chosen | runs | longer than the least, 90% below | within 1% of the least | the same, "
        "mean of organisations |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    choices = [chosen(run, runs) for run in runs]
    rules = {"by the law": choices, **{f"every {n}": [n] * len(runs) for n in CHOICES}}
    for name, every_each in rules.items():
        more = [
            mean(each[every]) / min(map(mean, each.values())) - 1
            for each, every in zip(seconds, every_each, strict=True)
        ]
        near = [float(each <= NEAR) for each in more]
        lines.append(
            f"| {name} | {len(runs)} | {100 * quantile(more, 0.9):.1f}% | {100 * mean(near):.1f}% "
            f"| {100 * by_organisation(runs, near):.1f}% |"
        )
    counts = ", ".join(f"{n} in {choices.count(n)}" for n in CHOICES if n in choices)
    lines += ["", f"Chosen by the law: {counts} runs.", ""]
    return lines


@dataclass(frozen=True)
class RealRun:
    """What one training took."""

    wall_s: float
    stopped_at: int
    kept_at: int
    evaluations: int
    evaluation_s: float
    """Of one, with what is saved for it."""
    step_s: float


class RealJob:
    """The job of a spec, trained with its best kept and perhaps stopped early."""

    def __init__(self, spec: Spec, folder: Path) -> None:
        self._spec = spec
        (samples,) = {arm.evaluation_samples for entry in spec.arms for arm in entry.arms()}
        self._samples = samples
        self._launcher = launcher_for(spec.job, "time", [samples], folder, spec.limits.start_time)
        self._block = 0

    def close(self) -> None:
        """No more is trained."""
        self._launcher.close()

    def train(self, seed: int, every: int, patience: int | None) -> RealRun:
        """One training.

        Args:
            seed: of it.
            every: steps between evaluations.
            patience: None: it trains to its end.
        """
        self._block += 1
        request = RunRequest(
            id=RunId(purpose="proof", block=self._block),
            arm="proof",
            schedule=EveryEpoch(),
            evaluation_samples=self._samples,
            measure="time",
            seed=seed,
            curve=CurveRequest(test_samples=0, holdout_samples=0, every=every, patience=patience),
        )
        outcome = self._launcher.run(request, RUN_TIME_S)
        measured = outcome.measured
        if measured is None or measured.curve is None:
            raise SystemExit(f"seed {seed}: ended {outcome.status}: {outcome.error}")
        beside_ns = measured.phases_ns["evaluate"] + measured.phases_ns["save"]
        wall_ns, steps = measured.timeline.wall_ns, len(measured.timeline.steps_ns)
        count = len(measured.timeline.evaluations)
        return RealRun(
            wall_s=wall_ns / 1e9,
            stopped_at=measured.curve.stopped_at,
            kept_at=measured.curve.kept_at,
            evaluations=count,
            evaluation_s=beside_ns / 1e9 / count if count else 0.0,
            step_s=(wall_ns - beside_ns) / 1e9 / steps,
        )


def spacings_of(law: SpacingLaw) -> list[int]:
    """Those to train at, in whole steps."""
    return sorted({max(1, round(factor * law.best)) for factor in FACTORS})


def real_tables(job: RealJob) -> Iterator[str]:
    """Trainings at five spacings, for each patience."""
    others = [job.train(1000 + number, DENSE, None) for number in range(OTHERS)]
    work = median(float(each.kept_at) for each in others)
    step_s = median(each.step_s for each in others)
    evaluation_s = median(each.evaluation_s for each in others)
    soonest = min(each.kept_at for each in others)
    ends = f"{soonest} to {max(each.kept_at for each in others)}"
    yield "## Patience, trained for real"
    yield ""
    yield (
        f"`overfit.yaml` on two CPU cores, {SEEDS} seeds at every spacing. From {OTHERS} other "
        f"seeds, evaluated every {DENSE} steps to their end: the best after step {work:.0f} "
        f"({ends}), an evaluation with its save as long as {evaluation_s / step_s:.1f} steps. "
        "Time: every step and evaluation that was made, each at those seeds' median (that of the "
        "clock beside it), mean ± standard error over seeds. Flat: spacings that by the law cost "
        f"at most {100 * NEAR:.0f}% more than the least. Too soon: runs that stopped before step "
        f"{soonest}, by when none of the others had its best: patience counts evaluations, and "
        "where they are dense noise alone uses it up. The least (bold) is of spacings at which "
        "none did."
    )
    for patience in PATIENCES:
        law = SpacingLaw(work, step_s, evaluation_s, patience)
        low, high = law.near()
        yield ""
        yield (
            f"Patience {patience}: least by the law every {law.best:.0f} steps, flat from "
            f"{low:.0f} to {high:.0f}."
        )
        yield ""
        yield "| every | time s | of the clock s | by the law s | stops after | kept | too soon |"
        yield "| ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
        spacings = spacings_of(law)
        found: dict[int, list[RealRun]] = {every: [] for every in spacings}
        for seed in range(SEEDS):
            for every in spacings:
                found[every].append(job.train(seed, every, patience))
        times = {
            every: [each.stopped_at * step_s + each.evaluations * evaluation_s for each in runs]
            for every, runs in found.items()
        }
        too_soon = {
            every: sum(each.stopped_at < soonest for each in runs) for every, runs in found.items()
        }
        least = min(
            (every for every in times if not too_soon[every]), key=lambda every: mean(times[every])
        )
        for every, runs in found.items():
            own = times[every]
            error = (sum((t - mean(own)) ** 2 for t in own) / (len(own) - 1) / len(own)) ** 0.5
            mark = "**" if every == least else ""
            yield (
                f"| {every} | {mark}{mean(own):.2f}{mark} ± {error:.2f} | "
                f"{mean(each.wall_s for each in runs):.2f} | {law.seconds(every):.2f} | "
                f"{mean(each.stopped_at for each in runs):.0f} | "
                f"{mean(each.kept_at for each in runs):.0f} | {too_soon[every]} of {SEEDS} |"
            )
        yield ""
        where = "in" if low <= least <= high else "**outside**"
        yield f"Least every {least} steps: {where} the flat region."


def main() -> None:
    """Write the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("figures", type=Path, nargs="?", default=FIGURES)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--replays", action="store_true", help="without training anything")
    arguments = parser.parse_args()
    runs = distinct_runs(arguments.figures)
    lines = [
        "# How often to evaluate where training stops by its evaluations",
        "",
        "Made by `make spacing`. R is the work until training could end, e the cost of an "
        "evaluation, p that of a unit of work (`harness/evalskip/spacing.py`).",
        "",
        *replay_tables(runs),
    ]
    if not arguments.replays:
        with (
            tempfile.TemporaryDirectory() as folder,
            closing(RealJob(load_spec(HERE / "overfit.yaml"), Path(folder))) as job,
        ):
            lines += real_tables(job)
    arguments.out.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(arguments.out)


if __name__ == "__main__":
    main()
