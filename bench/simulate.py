"""Known truth through the real analysis: do the intervals cover, and do the verdicts mislead?

Simulated sweeps of three evaluation-set sizes, whose true gains are 15 %, 22 % and 30 %: two lie on
the edges of the claimed range, where every verdict but ``inconclusive`` is counted as wrong. The
noise is what the synthetic job offers; processes that differ from first step to last, in their
evaluations as well; or recorded: ``noise/*.jsonl`` hold the step times of real runs, replayed as
slow-downs along the work. ``make simulate`` writes the table.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import TypeAdapter
from scipy import stats

from evalskip.analysis.estimates import WIDENING
from evalskip.analysis.intervals import jackknife_t, mean_interval, replicates, throughput_gain
from evalskip.analysis.matched_steps import locate, log_gains
from evalskip.analysis.pieces import Pieces
from evalskip.analysis.verdicts import judge, simultaneous_level
from evalskip.claims.speed import RANGE
from evalskip.jobs.synthetic.noise import Noise
from evalskip.spec import OFF, OFF_AGAIN

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
LOOKS = (6, 9, 12)
EPOCHS, STEPS_PER_EPOCH = 10, 8
STEP_S, REST_S, HIDDEN_S = 0.025, 0.25, 0.0005
BATCHES = {0.15: 4, 0.22: 6, 0.30: 8}
WINDOW = 4
LEVEL = 0.95
STEP, EVALUATION = 1, 2

SYNTHETIC: dict[str, list[dict[str, Any]]] = {
    "none": [{"kind": "autocorrelation", "sigma": 0.01, "memory": 0.0}],
    "drift": [
        {"kind": "drift", "amplitude": 0.4, "period_s": 7.0},
        {"kind": "autocorrelation", "sigma": 0.05, "memory": 0.0},
    ],
    "bursts": [
        {"kind": "bursts", "every_s": 1.0, "length_s": 0.1, "factor": 4.0},
        {"kind": "autocorrelation", "sigma": 0.05, "memory": 0.0},
    ],
    "heavy tails": [{"kind": "heavy_tails", "scale": 0.1, "shape": 1.5}],
    "autocorrelation": [{"kind": "autocorrelation", "sigma": 0.2, "memory": 0.95}],
    "neighbour": [
        {"kind": "neighbour", "away_s": 3.0, "stay_s": 2.0, "factor": 3.0},
        {"kind": "autocorrelation", "sigma": 0.05, "memory": 0.0},
    ],
}
PROCESSES = "processes"
PROCESS_SPEED, PROCESS_EVALUATION = 0.1, 0.02
RECORDED = {f"recorded {path.stem}": path for path in sorted((HERE / "noise").glob("*.jsonl"))}


def costs_of(gain: float | None, batches: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A run's pieces in order: their seconds, and what each is: 0 rest, 1 step, 2 evaluation.

    Args:
        gain: of skipping; None: nothing is evaluated.
        batches: of each evaluation.
    """
    off = REST_S + EPOCHS * STEPS_PER_EPOCH * STEP_S
    seconds, kinds = [REST_S], [0]
    hidden = 0.0
    # nine of ten evaluations are followed by a step that bears the hidden cost
    evaluation = (gain * off - (EPOCHS - 1) * HIDDEN_S) / EPOCHS if gain is not None else 0.0
    for _ in range(EPOCHS):
        for _ in range(STEPS_PER_EPOCH):
            seconds.append(STEP_S + hidden)
            kinds.append(STEP)
            hidden = 0.0
        seconds += [evaluation / max(1, batches)] * batches
        kinds += [EVALUATION] * batches
        hidden = HIDDEN_S if batches else 0.0
    return np.array(seconds), np.array(kinds)


ARMS = {name: costs_of(gain) for name, gain in ((OFF, None), (OFF_AGAIN, None))} | {
    f"{gain:.0%}": costs_of(gain, batches) for gain, batches in BATCHES.items()
}


def recorded_curves(path: Path) -> list[np.ndarray]:
    """Per recorded run, how many times slower each of its steps was than an undisturbed one."""
    runs = [np.array(json.loads(line)["steps"][1:]) for line in path.read_text().splitlines()]
    undisturbed = np.quantile(np.concatenate(runs), 0.05)
    return [np.maximum(run / undisturbed, 1.0) for run in runs]


def recorded_noise(path: Path, source: np.random.Generator) -> Iterator[Any]:
    """Slow-downs of a random recorded run, from a random moment on, along the work."""
    curves = recorded_curves(path)
    while True:
        curve = curves[source.integers(len(curves))]
        start = source.uniform(0, len(curve))

        def factors(
            seconds: np.ndarray, _: Any, curve: np.ndarray = curve, start: float = start
        ) -> np.ndarray:
            done = start + (np.cumsum(seconds) - seconds) / STEP_S
            jitter = np.exp(np.abs(source.normal(0, 0.02, len(seconds))))
            return curve[done.astype(int) % len(curve)] * jitter

        yield factors


def synthetic_noise(kinds: list[dict[str, Any]], source: np.random.Generator) -> Iterator[Any]:
    """Slow-downs by the synthetic job's own sources, afresh for each run."""
    noises = TypeAdapter(list[Noise]).validate_python(kinds)
    while True:
        sources = [noise.start(random.Random(int(source.integers(2**62)))) for noise in noises]

        def factors(seconds: np.ndarray, _: Any, sources: list[Any] = sources) -> np.ndarray:
            found, at = np.empty(len(seconds)), 0.0
            for place, cost in enumerate(seconds):
                factor = 1.0
                for each in sources:
                    factor *= each.factor(at)
                found[place] = factor
                at += cost * factor
            return found

        yield factors


def process_noise(source: np.random.Generator) -> Iterator[Any]:
    """Each process at a speed of its own, its evaluations a little off even that."""
    while True:
        speed = np.exp(source.normal(0, PROCESS_SPEED))
        evaluation = np.exp(source.normal(0, PROCESS_EVALUATION))

        def factors(
            seconds: np.ndarray, kinds: np.ndarray, speed: float = speed, other: float = evaluation
        ) -> np.ndarray:
            jitter = np.exp(np.abs(source.normal(0, 0.02, len(seconds))))
            return speed * np.where(kinds == EVALUATION, other, 1.0) * jitter

        yield factors


Costs = tuple[np.ndarray, np.ndarray]


def experiment(
    noise: Iterator[Any], costs: dict[str, Costs] = ARMS, blocks: int = LOOKS[-1]
) -> dict[str, Pieces]:
    """All arms over so many blocks."""
    arms = {}
    for name, (seconds, kinds) in costs.items():
        runs = np.array([seconds * next(noise)(seconds, kinds) for _ in range(blocks)])
        evaluated = () if name in (OFF, OFF_AGAIN) else range(1, EPOCHS + 1)
        arms[name] = Pieces(
            blocks=tuple(range(blocks)),
            steps=runs[:, kinds == STEP],
            evaluations=runs[:, kinds == EVALUATION],
            remainders=runs[:, kinds == 0],
            evaluated_after=tuple(STEPS_PER_EPOCH * epoch for epoch in evaluated),
        )
    return arms


def judged(arms: dict[str, Pieces]) -> dict[str, Any]:
    """What the harness would have said at each look."""
    level = simultaneous_level(LEVEL, len(LOOKS), len(BATCHES))
    level_of_floor = simultaneous_level(LEVEL, len(LOOKS), 1)
    result: dict[str, Any] = {"covered": [], "half": [], "misled": False, "alarm": False}
    offs = [arms[OFF], arms[OFF_AGAIN]]
    for look in LOOKS:
        # what evaluates does so after the same steps at every size: one window, located once
        inside = arms[f"{RANGE[0]:.0%}"].window(WINDOW)
        kept = replicates(range(look))
        undisturbed = [[locate(off.at(blocks), inside) for off in offs] for blocks in kept]
        for gain in BATCHES:
            on = [locate(arms[f"{gain:.0%}"].at(blocks), inside) for blocks in kept]
            logs = [
                log_gains(one, others).together for one, others in zip(on, undisturbed, strict=True)
            ]
            found, wide = (
                throughput_gain(jackknife_t(logs, at, widening=WIDENING)) for at in (LEVEL, level)
            )
            result["covered"].append((look, found.low <= gain <= found.high))
            result["half"].append((look, (found.high - found.low) / 2))
            if gain in RANGE:
                result["misled"] |= judge(wide, RANGE, look) != "inconclusive"
        walls = [np.log(_wall(off.at(range(look)))) for off in offs]
        floor = mean_interval(list(walls[1] - walls[0]), level_of_floor)
        result["alarm"] |= not floor.low <= 0 <= floor.high
    return result


def _wall(arm: Pieces) -> np.ndarray:
    return arm.steps.sum(1) + arm.evaluations.sum(1) + arm.remainders.sum(1)


def noise_of(name: str, source: np.random.Generator) -> Iterator[Any]:
    """Slow-downs of one run after another, of the kind that is named."""
    if name in SYNTHETIC:
        return synthetic_noise(SYNTHETIC[name], source)
    if name == PROCESSES:
        return process_noise(source)
    return recorded_noise(RECORDED[name], source)


def simulate(task: tuple[str, int, int]) -> list[dict[str, Any]]:
    """Some experiments under one kind of noise."""
    name, seed, count = task
    noise = noise_of(name, np.random.default_rng([seed, *name.encode()]))
    return [judged(experiment(noise)) for _ in range(count)]


def row(name: str, results: list[dict[str, Any]]) -> str:
    """One line of the table."""
    cells = [name]
    for look in LOOKS:
        covered = [ok for r in results for at, ok in r["covered"] if at == look]
        # sizes of one sweep share their off runs: the bound counts sweeps, not sizes
        share = float(np.mean(covered))
        bound = stats.binomtest(round(share * len(results)), len(results)).proportion_ci(0.95).low
        cells.append(f"{100 * share:.1f} (> {100 * bound:.1f})")
    halves = [half for r in results for at, half in r["half"] if at == LOOKS[0]]
    cells.append(f"{100 * np.median(halves):.2f}")
    cells.append(f"{100 * np.mean([r['misled'] for r in results]):.1f}")
    cells.append(f"{100 * np.mean([r['alarm'] for r in results]):.1f}")
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Simulate every kind of noise on all cores, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--experiments", type=int, default=10_000, help="per kind of noise")
    parser.add_argument("--noise", nargs="*", default=[*SYNTHETIC, PROCESSES, *RECORDED])
    parser.add_argument("--out", type=Path, default=Path("results/reference/simulation.md"))
    arguments = parser.parse_args()
    lines = [
        "# Coverage and verdicts, by simulation",
        "",
        f"{arguments.experiments:,} simulated sweeps under each kind of noise, true gains of 15, "
        "22 and 30 %; `make simulate`. Coverage: how often the 95 % interval of matched steps plus "
        "hidden cost holds the truth, with the lower bound of a 95 % interval of the simulation. "
        "Misled: sweeps in which any look gave a verdict at a truth on the edge of the range. Off "
        "against off: sweeps in which the noise floor's interval excludes 0 at any look.",
        "",
        "| noise | coverage %, 6 blocks | 9 blocks | 12 blocks | half-width at 6, points "
        "| misled % | off against off % |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    chunk = 50
    with multiprocessing.Pool() as pool:
        for name in arguments.noise:
            tasks = [(name, seed, chunk) for seed in range(-(-arguments.experiments // chunk))]
            results = [r for part in pool.imap_unordered(simulate, tasks) for r in part]
            lines.append(row(name, results))
            print(lines[-1], flush=True)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
