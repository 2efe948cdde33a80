"""The map: what evaluation costs in public runs, from the figures that are in this repository.

Writes what the package ships of it, ``map.json``, and the page with its tables and plots. ``make
wild``. Nothing is measured or read from logs here: ``raw.py`` does that.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

# as a script it is not in its package
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from evalskip.article.claims.speed import RANGE
from evalskip.files import write_atomically
from evalskip.public import quantile
from evalskip.report import digits
from regret_logs import read_kept
from spacing import distinct_runs, stopped_later
from wild import plots
from wild.figures import read_figures
from wild.groups import distinct, map_of, of_kind, without_unit
from wild.words import COST_NAMES, NAMES, UNITS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.public import PublicGroup, PublicMap
    from wild.figures import WildRun

ROOT = Path(__file__).resolve().parents[2]
FIGURES = ROOT / "results" / "reference" / "wild" / "runs.csv"
MAP = ROOT / "harness" / "evalskip" / "public" / "map.json"
BAND = (RANGE[0] / (1 + RANGE[0]), RANGE[1] / (1 + RANGE[1]))
"""The evaluation shares of runs that would be faster by the article's range without evaluation."""
_ENOUGH_FOR_DECILES = 100
QUARTILES, DECILES = (0.25, 0.5, 0.75), (0.1, 0.9)


def with_replays(everything: PublicMap) -> PublicMap:
    """The map with what sparser evaluation would have done to public runs."""
    replays = {"stopped_later": stopped_later(distinct_runs()), "kept_worse": read_kept()}
    return everything.model_copy(update=replays)


def as_json(everything: PublicMap) -> str:
    """The map as it is shipped: a line per kind of run and per repository."""
    groups = ",\n".join(group.model_dump_json() for group in everything.groups)
    costs = ",\n".join(cost.model_dump_json() for cost in everything.costs)
    stops, kept = (
        ",\n".join(each.model_dump_json() for each in replays)
        for replays in (everything.stopped_later, everything.kept_worse)
    )
    return (
        f'{{"runs":{everything.runs},"groups":[\n{groups}\n],"costs":[\n{costs}\n],'
        f'"stopped_later":[\n{stops}\n],"kept_worse":[\n{kept}\n]}}\n'
    )


def page(everything: PublicMap, runs: Sequence[WildRun]) -> str:
    """The whole page."""
    return "\n".join(
        [
            *_opening(everything),
            "",
            *share_table(everything),
            "",
            *range_table(everything),
            "",
            _reading(everything),
            "",
            "![Evaluation share of every unit, by kind of run](plots/shares.svg)",
            "",
            "## An evaluation that generates costs more per sample than training",
            "",
            *cost_table(everything),
            "",
            "Time per trained sample over time per evaluated one, one figure per repository: the "
            "median over its runs. Of the community runs alone, where the logs tell how many "
            "samples were trained and evaluated.",
            "",
            "![Cost of a trained sample over an evaluated one](plots/costs.svg)",
            "",
            "## What these figures are not",
            "",
            *(f"- {caveat}" for caveat in caveats(everything, runs)),
            "",
        ]
    )


def _opening(everything: PublicMap) -> list[str]:
    medians = [group.quantile(0.5) for group in everything.groups]
    lowest = min(group.shares[0] for group in everything.groups)
    highest = max(group.shares[-1] for group in everything.groups)
    return [
        f"# At the median, evaluation takes {_whole(min(medians))}% to {_whole(max(medians))}% of "
        f"the training time, by kind of public run; {_percent(lowest)}% to {_percent(highest)}% "
        "at the ends",
        "",
        f"{everything.runs:,} public runs, by `make wild` from [runs.csv](runs.csv), which names "
        "the source of every one. `make wild-raw LOGS=folder` reads such figures from raw logs.",
    ]


def share_table(everything: PublicMap) -> list[str]:
    """One line per kind of run: how many, and their shares."""
    lines = [
        "| kind of run | runs | units | evaluation share %: q1 / median / q3 | p10-p90 |",
        "| --- | ---: | --- | --- | --- |",
    ]
    for group in everything.groups:
        cells = [
            NAMES[group.id],
            f"{group.runs:,}",
            f"{len(group.shares)} {UNITS[group.id]}",
            " / ".join(_percent(group.quantile(q)) for q in QUARTILES),
            _deciles(group),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def range_table(everything: PublicMap) -> list[str]:
    """One line per kind of run: how many lie in the article's range, in each of its readings."""
    claimed = digits.claimed(RANGE)
    lines = [
        f"| % below / inside / above {claimed} | as a speed-up: of runs | of units | as time "
        "saved: of runs | of units |",
        "| --- | --- | --- | --- | --- |",
    ]
    for group in everything.groups:
        cells = [
            _parts(group.counted(*limits, by_run=by_run))
            for limits in (BAND, RANGE)
            for by_run in (True, False)
        ]
        lines.append(f"| {' | '.join([NAMES[group.id], *cells])} |")
    return lines


def _reading(everything: PublicMap) -> str:
    low, high = (f"{100 * edge:.1f}%" for edge in BAND)
    lora = everything.group("mlperf_lora")
    inside = _parts(lora.counted(*BAND, by_run=True)).split(" / ")
    return (
        "Share: time in evaluation over the whole training time, one figure per unit, the median "
        f"over its runs. Training would be {digits.claimed(RANGE)} faster without evaluation "
        f"where the share is {low} to {high}; {digits.claimed(RANGE)} of the time would be saved "
        f"where the share itself is that. Of MLPerf's LoRA runs {inside[1]}% would be "
        f"{digits.claimed(RANGE)} faster, {inside[0]}% by less. Quantiles: the k-th of n in order "
        "stands at k / (n + 1). p10-p90 where there are at least "
        f"{_ENOUGH_FOR_DECILES} units. Runs are counted by their share to 0.1 points."
    )


def cost_table(everything: PublicMap) -> list[str]:
    """One line per kind of evaluation."""
    lines = [
        "| evaluation | repositories | trained over evaluated sample: q1 / median / q3 | lowest "
        "to highest |",
        "| --- | ---: | --- | --- |",
    ]
    for kind, name in COST_NAMES.items():
        own = [each.train_over_evaluation for each in everything.costs if each.kind == kind]
        if not own:
            continue
        quartiles = " / ".join(f"{quantile(own, q):.2f}" for q in QUARTILES)
        lines.append(f"| {name} | {len(own)} | {quartiles} | {min(own):.2f} to {max(own):.2f} |")
    return lines


def caveats(everything: PublicMap, runs: Sequence[WildRun]) -> list[str]:
    """What has to be known before a figure is used."""
    lora, mlperf = (of_kind(runs, name) for name in ("mlperf_lora", "mlperf"))
    peft, community = (everything.group(name) for name in ("peft", "community"))
    left_out = community.runs - sum(community.run_shares.values())
    return [
        "Nothing here was run by us. The figures are read from the logs of others' jobs, and are "
        "attributed: the time that a log puts down to evaluation. What evaluation does to the "
        "steps around it is not in them.",
        "A typical share in one group says nothing about another job: it follows from how much is "
        "evaluated, how often, and whether evaluation generates.",
        "Systems are not users. MLPerf evaluates as its rules ask, and its submitters reuse logs: "
        f"{distinct(lora):,} of its {len(lora):,} LoRA runs differ in their seconds, "
        f"{distinct(mlperf):,} of all {len(mlperf):,}. `MLPerf, all` has a unit per system and "
        "benchmark, and the LoRA runs are among them.",
        f"The community is a convenience sample of {len(community.shares)} repositories that left "
        f"their logs in public. {left_out} of its {community.runs} runs was resumed, so that its "
        "evaluations and its training time are not of the same part; it has no share here.",
        "AlgoPerf's evaluation is off its clock by rule: it costs its submitters nothing. Its "
        "share is of evaluation and submission together. The folders of "
        f"{without_unit(runs, 'algoperf')} of its runs do not name a workload: they count as runs "
        "alone.",
        "PEFT: of each experiment the newest run. Its share is of the time in training steps and "
        f"evaluations, without what lies between them; all of its {peft.runs} experiments are of "
        "one benchmark on one model of GPU.",
        "Aborted runs of MLPerf count as well, up to where they stopped.",
    ]


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


def _whole(share: float) -> str:
    return f"{100 * share:.0f}"


def _deciles(group: PublicGroup) -> str:
    if len(group.shares) < _ENOUGH_FOR_DECILES:
        return digits.NOTHING
    return "-".join(_percent(group.quantile(q)) for q in DECILES)


def _parts(counts: tuple[int, int, int]) -> str:
    return " / ".join(_whole(count / sum(counts)) for count in counts)


def main() -> None:
    """Read the figures, and write the map, the page and its plots."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("figures", type=Path, nargs="?", default=FIGURES)
    parser.add_argument("--out", type=Path, default=FIGURES.parent, help="of the page")
    parser.add_argument("--map", type=Path, default=MAP, help="of what the package ships")
    arguments = parser.parse_args()
    try:
        runs = read_figures(arguments.figures)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    everything = with_replays(map_of(runs))
    (arguments.out / "plots").mkdir(parents=True, exist_ok=True)
    write_atomically(arguments.map, as_json(everything))
    write_atomically(arguments.out / "wild.md", page(everything, runs))
    drawn = {"shares": plots.shares(everything, RANGE, BAND), "costs": plots.costs(everything)}
    for name, svg in drawn.items():
        write_atomically(arguments.out / "plots" / f"{name}.svg", svg)


if __name__ == "__main__":
    main()
