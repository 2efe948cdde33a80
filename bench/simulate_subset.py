"""Does ``EvalSubset(wrong=0.05)`` call a checkpoint worse that is not, and what does it save?

Runs whose every batch has a known loss at every evaluation, under scenes of which none was used to
build :mod:`evalskip.paired`, and, with ``--curves``, the per-sample losses that ``evalskip regret``
keeps. Each run is also evaluated on a fixed random subset, of as many batches as it took, and of as
many as it takes to lose no more. ``make simulate-subset`` writes the table.
"""

from __future__ import annotations

import argparse
import multiprocessing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from evalskip.experiments.curves import curve_from
from evalskip.paired import PairedEvaluations
from evalskip.records import RecordStore

if TYPE_CHECKING:
    from collections.abc import Callable

WRONG, EVALUATIONS, SIZE = 0.05, 20, 8
FEWEST, MOST = 60, 1000
"""Batches of an evaluation."""
_SHARES = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
_LIKE = 1e-4
"""Nats, within which a fixed subset loses no more."""

Losses = np.ndarray[Any, Any]
"""Of shape (evaluations, batches)."""


@dataclass(frozen=True)
class Run:
    """What one run came to; regret in nats, of the checkpoint that is kept."""

    wrong: bool
    used: float
    """Of all batches."""
    regret: float
    fixed: float
    """Regret of a fixed subset that takes as many batches."""
    by_share: tuple[float, ...]
    """The same of subsets of other shares."""


def _base(source: np.random.Generator, batches: int) -> Losses:
    return source.gamma(8, 0.25, batches)


def _course(source: np.random.Generator) -> Losses:
    """Means of a training that overfits, of shape (evaluations, 1)."""
    steps = np.arange(EVALUATIONS)
    turn = source.uniform(4, 14)
    fall = source.uniform(0.2, 1.0) * np.exp(-steps / source.uniform(1, 4))
    return (fall + source.uniform(0.002, 0.05) * np.maximum(0, steps - turn))[:, None]


def flat(source: np.random.Generator, batches: int) -> Losses:
    """Nothing changes but the batches' noise."""
    return _base(source, batches) + source.normal(0, 0.05, (EVALUATIONS, batches))


def pinned(source: np.random.Generator, batches: int) -> Losses:
    """Most batches keep their loss to the bit, a few jump."""
    jumps = source.normal(0, 0.3, (EVALUATIONS, batches))
    return _base(source, batches) + jumps * (source.random((EVALUATIONS, batches)) < 0.03)


def overfitting(source: np.random.Generator, batches: int) -> Losses:
    """Falls and rises; batches drift apart as a walk."""
    walk = source.normal(0, 0.04, (EVALUATIONS, batches)).cumsum(axis=0)
    return _base(source, batches) + _course(source) + walk


def crossing(source: np.random.Generator, batches: int) -> Losses:
    """Two kinds of batches, of which one falls while the other rises."""
    kinds = np.where(source.random(batches) < source.uniform(0.2, 0.8), 1, -1)
    slope = source.uniform(0.005, 0.05) * np.arange(EVALUATIONS)[:, None]
    noise = source.normal(0, 0.05, (EVALUATIONS, batches))
    return _base(source, batches) + kinds * slope + noise


def waves(source: np.random.Generator, batches: int) -> Losses:
    """Better and worse in turn, by less and less."""
    steps = np.arange(EVALUATIONS)[:, None]
    noise = source.normal(0, 0.15, (EVALUATIONS, batches))
    return _base(source, batches) + 0.1 * np.cos(2 * steps) / (1 + steps) + noise


def student(source: np.random.Generator, batches: int) -> Losses:
    """Differences with two degrees of freedom."""
    noise = 0.05 * source.standard_t(2, (EVALUATIONS, batches))
    return _base(source, batches) + noise + source.normal(0, 0.01, (EVALUATIONS, 1))


def pareto(source: np.random.Generator, batches: int) -> Losses:
    """Differences without variance, to one side and to the other in turn."""
    sides = np.where(np.arange(EVALUATIONS) % 2, 1, -1)[:, None]
    return _base(source, batches) + 0.05 * sides * (
        source.pareto(1.5, (EVALUATIONS, batches)) - 2.0
    )


def outliers(source: np.random.Generator, batches: int) -> Losses:
    """One batch in three hundred is far off."""
    far = 5 * (source.random((EVALUATIONS, batches)) < 0.003)
    return _base(source, batches) + far + source.normal(0, 0.02, (EVALUATIONS, 1))


def growing(source: np.random.Generator, batches: int) -> Losses:
    """Overfits, and differences get heavier tails on the way."""
    scale = 0.02 * 1.2 ** np.arange(EVALUATIONS)[:, None]
    noise = scale * source.laplace(size=(EVALUATIONS, batches)) ** 3 / 6
    return _base(source, batches) + _course(source) + noise


SCENES = (flat, pinned, overfitting, crossing, waves, student, pareto, outliers, growing)


def evaluated(losses: Losses, seed: int) -> Run:
    """One run, by ``EvalSubset`` and by fixed subsets."""
    count, batches = losses.shape
    means = losses.mean(axis=1)
    evaluations = PairedEvaluations([SIZE] * batches, WRONG, count, seed)
    logged, used, wrong, best = list[float](), 0, False, float("inf")
    for number in range(count):
        order = evaluations.begin(whole=number == count - 1)
        seen = losses[number][order]
        settled = evaluations.settled_after(seen)
        used += settled or batches
        wrong |= settled is not None and means[number] <= best
        best = min(best, means[number])
        logged.append(evaluations.finish(seen[:settled]))
    source = np.random.default_rng([seed, 1])
    order = source.permutation(batches)

    def regret(values: Any) -> float:
        return float(means[int(np.argmin(values))] - means.min())

    def of_fixed(share: float) -> float:
        chosen = order[: max(1, round(share * batches))]
        return regret(losses[:, chosen].mean(axis=1))

    share = used / losses.size
    return Run(
        wrong, share, regret(logged), of_fixed(share), tuple(of_fixed(each) for each in _SHARES)
    )


def simulated(task: tuple[Callable[..., Losses], int]) -> Run:
    """One run of a scene."""
    scene, seed = task
    source = np.random.default_rng([seed, *scene.__name__.encode()])
    return evaluated(scene(source, int(source.integers(FEWEST, MOST))), seed)


def replayed(curves: list[Losses], seed: int) -> Run:
    """One of a job's own curves, its samples in another order."""
    losses = curves[seed % len(curves)]
    source = np.random.default_rng(seed)
    return evaluated(losses[:, source.permutation(losses.shape[1])], seed)


def curves_of(directory: Path) -> list[Losses]:
    """The per-sample losses of the dense runs of ``evalskip regret``."""
    store = RecordStore(directory)
    found = []
    for record in store.read():
        steps = store.steps_of(record)
        if record.request.id.purpose == "curve" and steps is not None and steps.curve is not None:
            curve = curve_from(steps, record.seed, 0, 1)
            if curve.samples is not None:
                found.append(curve.samples)
    return found


def row(name: str, runs: list[Run]) -> str:
    """Of the table."""
    regret = np.mean([run.regret for run in runs])
    by_share = np.mean([run.by_share for run in runs], axis=0)
    as_good = next(
        share for share, lost in zip(_SHARES, by_share, strict=True) if lost <= regret + _LIKE
    )
    text = (
        f"| {name} | {len(runs):,} | {100 * np.mean([run.wrong for run in runs]):.2f} "
        f"| {100 * np.mean([run.used for run in runs]):.0f} | {regret:.4f} "
        f"| {np.mean([run.fixed for run in runs]):.4f} | {100 * as_good:.0f} |"
    )
    print(text, flush=True)
    return text


def main() -> None:
    """Simulate every scene, replay the curves, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000, help="in all scenes together")
    parser.add_argument("--curves", type=Path, help="a result of evalskip regret, with its steps")
    parser.add_argument("--out", type=Path, default=Path("results/reference/subset.md"))
    arguments = parser.parse_args()
    each = -(-arguments.runs // len(SCENES))
    rows, wrong = [], []
    with multiprocessing.Pool() as pool:
        for scene in SCENES:
            tasks = [(scene, seed) for seed in range(each)]
            runs = list(pool.imap_unordered(simulated, tasks, chunksize=20))
            wrong.append(float(np.mean([run.wrong for run in runs])))
            rows.append(row(scene.__name__, runs))
        if arguments.curves:
            curves = curves_of(arguments.curves)
            runs = list(pool.imap_unordered(partial(replayed, curves), range(500), chunksize=20))
            wrong.append(float(np.mean([run.wrong for run in runs])))
            rows.append(row(f"{arguments.curves.name}, by sample", runs))
    opening = [
        "# Evaluations that end once they are settled, by simulation",
        "",
        f"`make simulate-subset`: {each * len(SCENES):,} runs of {EVALUATIONS} evaluations, of "
        f"{FEWEST} to {MOST} batches each, by `EvalSubset(wrong={WRONG})`; and the per-sample "
        "losses of `bench/overfit.yaml`, in 500 orders. Wrong: runs that called a checkpoint "
        f"worse that was better, in per cent; at most {100 * max(wrong):.2f} in a scene. Used: "
        "batches, in per cent of all. Regret: of the checkpoint that is kept, in nats; beside it "
        "that of a fixed random subset of as many batches, and how many batches a fixed subset "
        "needs to lose no more.",
        "",
        "| scene | runs | wrong % | used % | regret | of a fixed subset | fixed needs % |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text("\n".join([*opening, *rows]) + "\n")


if __name__ == "__main__":
    main()
