"""Known truth through the real analysis: do the intervals cover, and do the verdicts mislead?

Simulated sweeps of four evaluation-set sizes under each scene of ``scenes.py``; their true gains
are 15, 22, 30 and 60%. Two lie on the edges of the claimed range, where every verdict but
``inconclusive`` is counted as wrong. ``make simulate`` writes the table.
"""

from __future__ import annotations

import argparse
import multiprocessing
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from evalskip.analysis.agreement import MATERIAL
from evalskip.analysis.interim import simultaneous_level
from evalskip.analysis.step_estimates import LEAST_HALF_WIDTH, compared, replicated
from evalskip.analysis.verdicts import with_verdicts
from evalskip.spec import OFF, OFF_AGAIN
from evalskip.summary import headline_of
from scenes import SCENES, sweeps

if TYPE_CHECKING:
    from evalskip.analysis.pieces import Pieces
    from evalskip.summary import Interval
    from scenes import Scene

LOOKS = (6, 9, 12)
BATCHES = {0.15: 4, 0.22: 6, 0.30: 8, 0.60: 16}
"""Of an evaluation, by true gain."""
RANGE = (0.15, 0.30)
WINDOW = 4
LEVEL, LEVEL_OF_CHECK = 0.95, 0.99
AT_VERDICTS = simultaneous_level(LEVEL, LOOKS, len(BATCHES))
AT_CHECKS = simultaneous_level(LEVEL_OF_CHECK, LOOKS, len(BATCHES))
# what a cell must not be significantly below, by blocks
LEAST = {6: 0.93, 9: 0.94, 12: 0.94}
_CHUNK = 50
RIGHT = {
    ("verdict", 0.22): "supported",
    ("verdict", 0.60): "refuted",
    ("verdict_time_saved", 0.15): "refuted",
    ("verdict_time_saved", 0.22): "supported",
    ("verdict_time_saved", 0.30): "supported",
    ("verdict_time_saved", 0.60): "refuted",
}
"""At other points the truth lies on an edge, and only ``inconclusive`` misleads nobody."""


@dataclass
class Counts:
    """What became of the sweeps under one scene; lists hold one entry per sweep."""

    covered: dict[tuple[float, int], list[bool]] = field(default_factory=lambda: defaultdict(list))
    half: dict[tuple[float, int], list[float]] = field(default_factory=lambda: defaultdict(list))
    half_of_span: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    misled: list[bool] = field(default_factory=list)
    disagreed: list[bool] = field(default_factory=list)
    """At any look and size."""
    caught: dict[int, list[bool]] = field(default_factory=lambda: defaultdict(list))
    """Per size: the estimate covers, or the two disagree."""
    moved: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    """Per size: the whole span less matched, in half-widths of the whole span."""
    decided: list[bool] = field(default_factory=list)
    """Whether 22% was supported by the last look."""

    def add(self, other: Counts) -> None:
        """Count those of another as well."""
        for name in ("misled", "disagreed", "decided"):
            getattr(self, name).extend(getattr(other, name))
        for name in ("covered", "half", "half_of_span", "caught", "moved"):
            for key, values in getattr(other, name).items():
                getattr(self, name)[key].extend(values)


def judge_sweep(arms: dict[str, Pieces], counts: Counts) -> None:
    """What the harness would have said of one sweep at each look."""
    misled = disagreed = decided = False
    for look in LOOKS:
        here = {name: arm.at(range(look)) for name, arm in arms.items()}
        offs = [here.pop(OFF), here.pop(OFF_AGAIN)]
        (gains,) = replicated(here, offs, WINDOW)
        comparisons = {
            level: compared(gains, level=level, level_of_check=AT_CHECKS)
            for level in (LEVEL, AT_VERDICTS)
        }
        judged = with_verdicts(comparisons[AT_VERDICTS], list(here), RANGE)
        for gain in BATCHES:
            arm = f"{gain:.0%}"
            own = {c.estimator: c for c in comparisons[LEVEL] if c.arm == arm}
            shown = headline_of(comparisons[LEVEL], arm)
            differ = not own["matched"].agreement.agrees
            covers = _covers(shown.throughput_gain, gain)
            counts.covered[gain, look].append(covers)
            counts.half[gain, look].append(_half(shown.throughput_gain))
            counts.half_of_span[look].append(_half(own["whole_span"].throughput_gain))
            counts.caught[look].append(differ or covers)
            moved = 100 * own["matched"].agreement.difference.estimate
            counts.moved[look].append(moved / counts.half_of_span[look][-1])
            disagreed |= differ
            verdicts = headline_of(judged, arm)
            for reading in ("verdict", "verdict_time_saved"):
                verdict = getattr(verdicts, reading)
                misled |= verdict not in ("inconclusive", RIGHT.get((reading, gain)))
            decided |= gain == 0.22 and verdicts.verdict == "supported"
    counts.misled.append(misled)
    counts.disagreed.append(disagreed)
    counts.decided.append(decided)


def _covers(interval: Interval, truth: float) -> bool:
    return interval.low <= truth <= interval.high


def _half(interval: Interval) -> float:
    return 100 * (interval.high - interval.low) / 2


def simulate(task: tuple[str, int, int]) -> Counts:
    """Some sweeps under one scene."""
    name, seed, count = task
    scene = next(scene for scene in SCENES if scene.name == name)
    counts = Counts()
    source = np.random.default_rng([seed, *name.encode()])
    for arms in sweeps(scene, BATCHES, LOOKS[-1], count, source):
        judge_sweep(arms, counts)
    return counts


def cells_of(scene: Scene, counts: Counts) -> pd.DataFrame:
    """One row per cell: how often the interval covers, and how likely so few are at the least."""
    rows = []
    for (gain, look), covered in counts.covered.items():
        least = LEAST[look]
        if scene.rare:
            least = min(least, 1 - (1 - scene.rare) ** look - 0.03)
        rows.append(
            {
                "scene": scene.name,
                "gain": gain,
                "blocks": look,
                "covered": np.mean(covered),
                "half": np.median(counts.half[gain, look]),
                "least": least,
                "p": stats.binomtest(sum(covered), len(covered), least, "less").pvalue,
            }
        )
    return pd.DataFrame(rows)


def row(scene: Scene, counts: Counts, cells: pd.DataFrame) -> str:
    """One line of the table."""
    words = [scene.name]
    for look in LOOKS:
        covered = cells.loc[cells["blocks"] == look, "covered"]
        words.append(f"{100 * covered.min():.1f}-{100 * covered.max():.1f}")
    at_ends = (cells.loc[cells["blocks"] == look, "half"] for look in (LOOKS[0], LOOKS[-1]))
    words += [" / ".join(f"{half:.2f}" for half in halves) for halves in at_ends]
    words.append(f"{np.median(counts.half_of_span[LOOKS[-1]]):.2f}")
    words.append(f"{100 * np.mean(counts.misled):.1f}")
    words.append(f"{100 * np.mean(counts.disagreed):.1f}")
    words.append(f"{100 * np.mean(counts.decided):.1f}")
    words.append(
        " / ".join(
            f"{100 * np.mean(counts.caught[look]):.1f} ({np.mean(counts.moved[look]):.1f})"
            for look in LOOKS
        )
        if scene.lasts
        else "–"
    )
    return f"| {' | '.join(words)} |"


def failing(cells: pd.DataFrame) -> pd.DataFrame:
    """Cells that are significantly below what they must reach, by Holm over all cells."""
    ordered = cells.sort_values("p").reset_index(drop=True)
    bounds = 0.05 / (len(ordered) - np.arange(len(ordered)))
    return ordered[(ordered["p"] <= bounds).cummin()]


def main() -> None:
    """Simulate every scene on all cores, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sweeps", type=int, default=5_000, help="per scene")
    parser.add_argument("--scenes", nargs="*", default=[scene.name for scene in SCENES])
    parser.add_argument("--out", type=Path, default=Path("results/reference/simulation.md"))
    arguments = parser.parse_args()
    scenes = [scene for scene in SCENES if scene.name in arguments.scenes]
    rows, cells = [], []
    with multiprocessing.Pool() as pool:
        for scene in scenes:
            tasks = [(scene.name, seed, _CHUNK) for seed in range(-(-arguments.sweeps // _CHUNK))]
            counts = Counts()
            for part in pool.imap_unordered(simulate, tasks):
                counts.add(part)
            cells.append(cells_of(scene, counts))
            rows.append(row(scene, counts, cells[-1]))
            print(rows[-1], flush=True)
    everything = pd.concat(cells, ignore_index=True)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text("\n".join([*_opening(everything, arguments.sweeps), *rows]) + "\n")
    everything.drop(columns="p").to_csv(
        arguments.out.with_suffix(".csv"), index=False, float_format="%.4f"
    )


def _opening(cells: pd.DataFrame, sweeps_per_scene: int) -> list[str]:
    below = failing(cells)
    least = ", ".join(f"{100 * least:.0f}% with {look} blocks" for look, least in LEAST.items())
    named = "; ".join(
        f"{cell.scene}, {cell.gain:.0%}, {cell.blocks} blocks: {100 * cell.covered:.1f}%"
        for cell in below.itertuples()
    )
    gains = [f"{gain:.0%}" for gain in BATCHES]
    return [
        "# Coverage and verdicts, by simulation",
        "",
        f"{sweeps_per_scene:,} simulated sweeps under each scene of `bench/scenes.py`; `make "
        f"simulate`. Each sweep has true gains of {', '.join(gains)}, and is looked at after "
        f"{', '.join(map(str, LOOKS))} blocks. All {len(cells)} cells, one by one: "
        "`simulation.csv` beside this file.",
        "",
        "- Of all cells the median coverage of the 95% interval is "
        f"{100 * cells['covered'].median():.1f}%, the lowest {100 * cells['covered'].min():.1f} "
        "%. Where a process in n is of another kind, m blocks cannot see it with probability "
        "(1 - 1/n)^m, and less that and 3 points is asked.",
        f"- Significantly below what is asked ({least}; Holm over all cells): {named or 'none'}.",
        f"- No half-width is below {100 * LEAST_HALF_WIDTH:g}% of the gain: a machine that is "
        "faster in its first second, and a run that slows as it ages, bend the figure by about "
        "that.",
        "",
        "Coverage: the lowest and the highest of the four gains. Half-widths of 95% intervals, in "
        f"points, at gains of {' / '.join(gains)}. Misled: sweeps in which any look gave a wrong "
        "verdict in either reading; at a truth on an edge of the range every verdict is counted as "
        "wrong. Disagreed: sweeps in which matched and whole span differed, at any look and size, "
        f"surely and by more than {100 * MATERIAL:g} points. Decided: sweeps in which 22% was "
        "supported by 12 blocks. Caught: where evaluation slows steps beyond the window, how often "
        "the figure that is shown covers the truth or the two disagree, after 6 / 9 / 12 blocks, "
        "and in brackets by how many half-widths of the whole span the after-effect moves the "
        "gain.",
        "",
        "| scene | coverage %, 6 blocks | 9 blocks | 12 blocks | half-widths, 6 blocks "
        "| half-widths, 12 blocks | of the whole span | misled % | disagreed % | decided % "
        "| caught % |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]


if __name__ == "__main__":
    main()
