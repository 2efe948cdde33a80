"""Does an interval still hold where blocks are run until it is narrow enough?

The rule of ``stopwatch.py`` under the scenes of ``scenes.py``: one arm with a true gain of 15%,
one without evaluation; blocks are added until the half-width of the 97% interval is one point,
from the fourth on, or there are 24. ``make simulate-stopping`` writes the table.
"""

from __future__ import annotations

import argparse
import multiprocessing
from pathlib import Path

import numpy as np

from evalskip.analysis.intervals import throughput_gain
from evalskip.analysis.step_estimates import matched_interval, replicated
from evalskip.spec import OFF
from scenes import SCENES, sweeps

GAIN, BATCHES = 0.15, 4
TARGET, FEWEST, MOST = 0.01, 4, 24
AT_STOP, WINDOW = 0.97, 4
_CHUNK = 25


def simulate(task: tuple[str, int, int]) -> list[tuple[int, bool, bool]]:
    """Per session: blocks that it took, whether it met the target, whether the interval covers."""
    name, seed, count = task
    scene = next(scene for scene in SCENES if scene.name == name)
    source = np.random.default_rng([seed, 1, *name.encode()])
    found = []
    for arms in sweeps(scene, {GAIN: BATCHES}, MOST, count, source):
        for blocks in range(FEWEST, MOST + 1):
            here = {arm: pieces.at(range(blocks)) for arm, pieces in arms.items()}
            (gains,) = replicated({"on": here[f"{GAIN:.0%}"]}, [here[OFF]], WINDOW)
            gain = throughput_gain(matched_interval(gains.matched["on"], AT_STOP))
            if met := (gain.high - gain.low) / 2 <= TARGET:
                break
        found.append((blocks, met, gain.low <= GAIN <= gain.high))
    return found


def main() -> None:
    """Simulate every scene in which no effect outlasts its window, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=1_000, help="per scene")
    parser.add_argument("--out", type=Path, default=Path("results/reference/stopping.md"))
    arguments = parser.parse_args()
    rows, covered = [], []
    with multiprocessing.Pool() as pool:
        for scene in SCENES:
            if scene.lasts or scene.rare:
                continue
            chunks = -(-arguments.sessions // _CHUNK)
            tasks = [(scene.name, seed, _CHUNK) for seed in range(chunks)]
            found = [each for part in pool.imap_unordered(simulate, tasks) for each in part]
            blocks, met, covers = (np.array(each) for each in zip(*found, strict=True))
            covered.append(covers.mean())
            rows.append(
                f"| {scene.name} | {np.median(blocks):.0f} | {100 * met.mean():.1f} "
                f"| {100 * covers.mean():.1f} |"
            )
            print(rows[-1], flush=True)
    opening = [
        "# An interval that is waited for, by simulation",
        "",
        f"{arguments.sessions:,} sessions under each scene of `bench/scenes.py`; `make "
        f"simulate-stopping`. A true gain of {GAIN:.0%}; blocks of two runs are added, from "
        f"{FEWEST} to at most {MOST}, until the half-width of the {AT_STOP:.0%} interval is "
        f"{100 * TARGET:g} point. Coverage where it then stands: median "
        f"{100 * np.median(covered):.1f}%, lowest {100 * min(covered):.1f}%.",
        "",
        "| scene | median blocks | within a point % | coverage % |",
        "| --- | ---: | ---: | ---: |",
    ]
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text("\n".join([*opening, *rows]) + "\n")


if __name__ == "__main__":
    main()
