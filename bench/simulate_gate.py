"""Builds through the real gate: how often does it fail without a change, and see one?

Each build is a baseline of some sessions and a session of today, 8 blocks each, under recorded
noise. Between sessions evaluation costs differ besides, by as much as the gate believes or by less.
Then histories of all figures together, with a shift of the gain, a slow drift of it and neither.
``make simulate-gate`` writes the table.
"""

from __future__ import annotations

import argparse
import multiprocessing
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from evalskip.analysis.estimates import attributed, undisturbed_time
from evalskip.analysis.interim import simultaneous_level
from evalskip.analysis.intervals import mean_interval, ratio
from evalskip.analysis.step_estimates import compared, replicated
from evalskip.gate import kinds
from evalskip.gate.baseline import Baseline, Experiment, GateSession
from evalskip.gate.figures import Figure, figures_of
from evalskip.gate.history import shifts
from evalskip.gate.judge import GateResult, comparable, judged
from evalskip.gate.run import LEVEL
from evalskip.machine.fingerprint import fingerprint
from evalskip.notes import note
from evalskip.spec import OFF, OFF_AGAIN
from evalskip.summary import ArmSummary, BenchEffort, BenchSummary, Made, Matched, Scope, Summary
from scenes import SCENES as NOISES
from scenes import STEP_S, pieces_of, runs_of

if TYPE_CHECKING:
    from evalskip.analysis.pieces import Pieces

BLOCKS = 8
GAIN = 0.19
BATCHES = 6
ON = "every_epoch@48"
BEYOND_T_S = 0.08
WINDOW = 4
DISTURBED = "recorded neighbour"
"""The noise during which runs are flagged, as they are beside a real neighbour."""


class Scene(NamedTuple):
    """Noise of the baseline and of today, and what they measure."""

    before: str
    today: str
    gain: float = GAIN
    between_sessions: float = 0.02
    """Standard deviation of the log of what an evaluation costs, from session to session."""


SCENES = [
    Scene("processes", "processes"),
    Scene("recorded processes", "recorded processes"),
    Scene("recorded quiet", "recorded quiet"),
    Scene("recorded neighbour", "recorded neighbour"),
    Scene("recorded processes", "recorded processes", between_sessions=0.005),
    Scene("processes", "processes", between_sessions=0.05),
    Scene("recorded processes", "recorded processes", between_sessions=0.05),
    Scene("recorded quiet", "recorded quiet", between_sessions=0.05),
    Scene("recorded neighbour", "recorded processes", between_sessions=0.05),
    Scene("recorded processes", "recorded neighbour", between_sessions=0.05),
    Scene("recorded processes", "recorded processes", gain=0.6),
    Scene("recorded processes", "recorded processes", gain=3.0),
]
SESSIONS = (1, 3, 5)
LENGTH, SHIFT = 40, 0.02


def summary_of(arms: dict[str, Pieces], disturbed: bool, source: np.random.Generator) -> Summary:
    """What the harness would have summarised of such an experiment."""
    offs = [arms[OFF], arms[OFF_AGAIN]]
    runs = frame_of(arms, disturbed)
    walls = runs.loc[runs["arm"] == OFF, "wall_s"].to_numpy()
    beyond = BEYOND_T_S * np.exp(source.normal(0, 0.1, len(walls)))
    (gains,) = replicated({ON: arms[ON]}, offs, WINDOW)
    comparisons = compared(gains, level=0.95, level_of_check=0.99)
    share = attributed(runs, ON, 0.95)
    bench = BenchSummary(
        matched=Matched(same_work=True, same_result=True, blocks=BLOCKS),
        arms={name: arm_of(runs[runs["arm"] == name], disturbed=disturbed) for name in arms},
        comparisons=[*comparisons, *([share] if share else [])],
        noise_floor=None,
        effort=BenchEffort(
            blocks=BLOCKS,
            runs=3 * BLOCKS,
            seconds=0,
            run_overhead_s=None,
            block_start_s=None,
            stopped=note("running"),
            fixed_cost=ratio(mean_interval(list(np.log(beyond / walls)), 0.95)),
        ),
        warnings=[],
    )
    return Summary(
        name="simulated",
        made=Made(at="", evalskip="", machine=fingerprint()),
        scope=Scope(job="synthetic", model="known costs", parameters=0, device="none"),
        bench=bench,
    )


def frame_of(arms: dict[str, Pieces], disturbed: bool) -> pd.DataFrame:
    """The runs of all arms, as far as whole runs enter figures."""
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "arm": name,
                    "block": pieces.blocks,
                    "attempt": 0,
                    "wall_s": pieces.totals(np.ones(pieces.steps.shape[1])),
                    "evaluate_s": pieces.evaluations.sum(axis=1),
                    "evaluation_wait_s": 0.0,
                    "disturbed": disturbed,
                }
            )
            for name, pieces in arms.items()
        ]
    )


def arm_of(runs: pd.DataFrame, *, disturbed: bool) -> ArmSummary:
    return ArmSummary(
        schedule=note("every_epoch"),
        evaluation_samples=None,
        evaluation_load=0,
        runs=BLOCKS,
        wall_s=None,
        setup_s=None,
        phases_s={},
        evaluations=0,
        share=None,
        peak_bytes={},
        disturbed=BLOCKS * disturbed,
        undisturbed_s=undisturbed_time(runs, 0.95),
    )


def session(
    gain: float, name: str, between: float, source: np.random.Generator
) -> tuple[Experiment, GateSession]:
    """One session of 8 blocks."""
    gain *= float(np.exp(source.normal(0, between)))
    scene = next(scene for scene in NOISES if scene.name == name)
    block = source.normal(size=BLOCKS)
    arms = {
        arm: pieces_of(*runs_of(scene, own, batches, source, block))
        for arm, own, batches in ((OFF, None, 0), (OFF_AGAIN, None, 0), (ON, gain, BATCHES))
    }
    summary = summary_of(arms, name == DISTURBED, source)
    assert summary.bench
    experiment = Experiment.from_result(summary.scope, summary.bench)
    return experiment, GateSession.from_figures(
        experiment, summary.made, figures_of(summary), at=""
    )


def build(task: tuple[Scene, int, int, int]) -> list[tuple[str, str]]:
    """Some builds of one scene: the verdict without a change, and that with one."""
    scene, sessions, seed, count = task
    before, today, usual, between = scene
    source = np.random.default_rng([seed, sessions, *repr(scene).encode()])
    results = []
    for _ in range(count):
        known = [session(usual, before, between, source) for _ in range(sessions)]
        baseline = Baseline(experiment=known[0][0], sessions=[each for _, each in known])
        verdicts = []
        for gain in (usual, usual + change_of(usual)):
            _, now = session(gain, today, between, source)
            each = simultaneous_level(LEVEL, (1,), len(comparable(baseline, now)))
            changes = judged(baseline, now, each)
            result = GateResult(name="simulated", level=LEVEL, sessions=sessions, changes=changes)
            verdicts.append(result.verdict)
        results.append((verdicts[0], verdicts[1]))
    return results


def change_of(gain: float) -> float:
    """What is to be seen: 5 points, or a tenth where the gain is large."""
    return max(0.05, gain / 10)


def history(kind: str, source: np.random.Generator) -> bool:
    """Whether a shift of any figure is told of a history of 40 sessions."""
    moved = {
        "no change": np.zeros(LENGTH),
        "a shift of 2 points": SHIFT * (np.arange(LENGTH) >= LENGTH // 2),
        "a drift of 2 points": np.linspace(0, SHIFT, LENGTH),
    }[kind]
    usual = {
        kinds.THROUGHPUT_GAIN: (GAIN, 0.005),
        kinds.EVALUATION_SHARE: (GAIN / (1 + GAIN), 0.0015),
        kinds.FIXED_COST: (0.045, 0.012),
        kinds.INSTRUMENTATION: (1.5e-5, 0.06),
        kinds.UNDISTURBED_TIME: (1.6, 0.015),
    }
    sessions = []
    for place in range(LENGTH):
        figures = []
        for figure, (value, error) in usual.items():
            # sessions differ by less than is believed of them
            noise = source.normal(0, np.hypot(0.4 * figure.spread(value), error))
            found = figure.unscaled(figure.scaled(value) + noise)
            if figure is kinds.THROUGHPUT_GAIN:
                found += moved[place]
            figures.append(
                Figure(kind=figure.name, subject=ON, value=found, error=error, degrees=BLOCKS - 1)
            )
        machine = {"cores": 2}
        sessions.append(
            GateSession(
                at=str(place), experiment="e", machine=machine, versions={}, figures=figures
            )
        )
    return bool(shifts(sessions, sessions[-1]))


def cell(count: int, total: int) -> str:
    """A share, with the bounds of its 95% interval."""
    bounds = stats.binomtest(count, total).proportion_ci(0.95, method="wilson")
    return f"{100 * count / total:.1f} [{100 * bounds.low:.1f}, {100 * bounds.high:.1f}]"


def main() -> None:
    """Simulate every scene on all cores, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--builds", type=int, default=600, help="per scene")
    parser.add_argument("--sessions", type=int, nargs="*", default=SESSIONS)
    parser.add_argument("--out", type=Path, default=Path("results/reference/gate.md"))
    arguments = parser.parse_args()
    lines = [
        "# The gate, by simulation",
        "",
        f"{arguments.builds:,} simulated builds per line, {BLOCKS} blocks a side, steps of "
        f"{1000 * STEP_S:g} ms; `make simulate-gate`. False alarms: builds without a change that "
        "fail (1). Seen: builds that fail when the gain is 5 points more, or a tenth where it is "
        "large. Cannot tell: builds without a change that end in 3. In brackets 95% intervals of "
        "the simulation. Between sessions: by how much what an evaluation costs differs from one "
        "to another.",
        "",
        "| noise before | today | between sessions % | gain % | sessions in the baseline "
        "| false alarms % | seen % | inconclusive % |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    chunk = 25
    with multiprocessing.Pool() as pool:
        for scene in SCENES:
            for sessions in arguments.sessions:
                tasks = [
                    (scene, sessions, seed, chunk) for seed in range(-(-arguments.builds // chunk))
                ]
                found = [each for part in pool.imap_unordered(build, tasks) for each in part]
                alarms = sum(without == "regressed" for without, _ in found)
                seen = sum(changed == "regressed" for _, changed in found)
                unsure = sum(without == "inconclusive" for without, _ in found)
                cells = [cell(each, len(found)) for each in (alarms, seen, unsure)]
                named = f"{scene.before} | {scene.today} | {100 * scene.between_sessions:g}"
                named += f" | {100 * scene.gain:g} | {sessions}"
                lines.append(f"| {named} | {' | '.join(cells)} |")
                print(lines[-1], flush=True)
    source, histories = np.random.default_rng(0), arguments.builds // 2
    lines += [
        "",
        f"{histories:,} histories of {LENGTH} sessions with five figures each: how often "
        "a shift of any is told.",
        "",
        "| history | told % |",
        "| --- | ---: |",
    ]
    for kind in ("no change", "a shift of 2 points", "a drift of 2 points"):
        told = sum(history(kind, source) for _ in range(histories))
        lines.append(f"| {kind} | {cell(told, histories)} |")
        print(lines[-1], flush=True)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
