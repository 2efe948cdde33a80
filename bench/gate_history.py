"""Does the gate find real changes on GPUs, and nothing else? PEFT's own benchmark, over two years.

The same experiments were run again and again on one kind of card, with the versions of the day. Run
after run is judged as ``evalskip gate`` judges a session, against those before it since the last
change: the evaluation share, which is a ratio within a run; the peak of memory; the training time.
Evaluations are counted first: another number of them, or another batch, is another schedule and is
not compared. Every alarm was looked at; what is known of it stands beside it.

``make gate-history`` writes the table.
"""

from __future__ import annotations

import argparse
import csv
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles

from scipy import stats

from evalskip.analysis.interim import simultaneous_level
from evalskip.gate.figures import Figure
from evalskip.gate.judge import changed
from evalskip.gate.kinds import EVALUATION_SHARE, KINDS, PEAK_MEMORY, UNDISTURBED_TIME
from evalskip.gate.run import LEVEL
from evalskip.report import digits

HERE = Path(__file__).resolve().parent
HISTORY = HERE.parent / "results/reference/wild/peft_history.csv"
OUT = HERE.parent / "results/reference/gate-history.md"
CARD = "NVIDIA L40S"
ALARMS = ("regressed", "improved")
KNOWN = {
    ("oft/llama-3.2-3B-rank32", "2025-07-31"),
    ("lora/llama-3.2-3B-rank32-lorafa", "2026-07-15"),
}
"""Experiment and date of the changes that were named as real before the gate looked."""


@dataclass(frozen=True)
class Result:
    """One run of an experiment."""

    experiment: str
    date: str
    versions: str
    schedule: tuple[int, int]
    """Evaluations, and their batch."""
    figures: dict[str, float]
    """By kind: a share, bytes, seconds."""
    evaluation_s: float

    @property
    def train_s(self) -> float:
        """Without evaluation."""
        return self.figures[UNDISTURBED_TIME.name]


@dataclass(frozen=True)
class Alarm:
    """A run that differs from those before it."""

    run: Result
    previous: Result
    figures: dict[str, tuple[float, float]]
    """By kind: before and today."""

    @property
    def is_known(self) -> bool:
        """Whether the change was named before."""
        return (self.run.experiment, self.run.date) in KNOWN


@dataclass
class Findings:
    """What the gate said of all of them."""

    compared: int = 0
    by_kind: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """Outcomes."""
    moves: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """Changes, on the scale of the kind."""
    alarms: list[Alarm] = field(default_factory=list)
    other_schedules: list[tuple[Result, Result]] = field(default_factory=list)


def read_history(path: Path = HISTORY) -> dict[str, list[Result]]:
    """Every experiment's runs on the card, in order."""
    series: dict[str, list[Result]] = defaultdict(list)
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["gpu"] != CARD:
                continue
            series[f"{row['bench']} {row['experiment']}"].append(
                Result(
                    experiment=row["experiment"],
                    date=row["created"],
                    versions=f"torch {row['torch'].split('+')[0]}, "
                    f"transformers {row['transformers']}",
                    schedule=(int(row["evals"]), int(row["eval_batch"])),
                    figures={
                        EVALUATION_SHARE.name: float(row["share_pct"]) / 100,
                        PEAK_MEMORY.name: float(row["mem_reserved_max_gib"]) * 2**30,
                        UNDISTURBED_TIME.name: float(row["train_s"]),
                    },
                    evaluation_s=float(row["eval_s"]),
                )
            )
    return {name: sorted(runs, key=lambda run: run.date) for name, runs in series.items()}


def figure_of(run: Result, kind: str) -> Figure:
    """A figure of one run, whose error nobody told: what sessions differ by stands for it."""
    return Figure(kind=kind, subject=run.experiment, value=run.figures[kind], error=0, degrees=1e3)


def judged_history(series: dict[str, list[Result]]) -> Findings:
    """Every run against those before it."""
    findings = Findings()
    level = simultaneous_level(LEVEL, (1,), 3)
    for runs in series.values():
        last = runs[0]
        before = {kind: [figure_of(last, kind)] for kind in last.figures}
        for run in runs[1:]:
            if run.schedule != last.schedule:
                findings.other_schedules.append((last, run))
                before = {kind: [] for kind in run.figures}
            else:
                findings.compared += 1
                _judge((last, run), before, level, findings)
            for kind in run.figures:
                before[kind].append(figure_of(run, kind))
            last = run
    return findings


def _judge(
    pair: tuple[Result, Result],
    before: dict[str, list[Figure]],
    level: float,
    findings: Findings,
) -> None:
    """A run, which follows another, against all before it."""
    previous, run = pair
    alarms = {}
    for kind, figures in before.items():
        change = changed(figures, figure_of(run, kind), level)
        findings.by_kind[kind].append(change.outcome)
        findings.moves[kind].append(change.change or 0.0)
        if change.outcome in ALARMS:
            alarms[kind] = (change.before or 0.0, change.today or 0.0)
    if alarms:
        for figures in before.values():
            figures.clear()  # a change that was looked at is how it should be from here on
        findings.alarms.append(Alarm(run, previous, alarms))


def page(series: dict[str, list[Result]]) -> str:
    """The tables."""
    findings = judged_history(series)
    repeated = sum(len(runs) > 1 for runs in series.values())
    false = sum(not alarm.is_known for alarm in findings.alarms)
    # of those that are there to be found
    changes = sum((run.experiment, run.date) in KNOWN for runs in series.values() for run in runs)
    found = sum(alarm.is_known for alarm in findings.alarms)
    others = max(1, findings.compared - changes)
    interval = stats.binomtest(false, others).proportion_ci(0.95, "exact")
    seen = stats.binomtest(found, max(1, changes)).proportion_ci(0.95, "exact")
    lines = [
        "# The gate on two years of PEFT's own benchmark",
        "",
        f"{sum(map(len, series.values()))} results of {len(series)} experiments on one kind of "
        f"card ({CARD}), from huggingface/peft, `method_comparison` "
        "([figures](wild/peft_history.csv)); "
        f"{repeated} were run more than once. Made by `make gate-history`. Each is judged as "
        "`evalskip gate` judges a session, against those before it since its last change.",
        "",
        f"- compared: {findings.compared} results, {len(findings.by_kind)} figures each",
        f"- not compared, since it is another schedule: {len(findings.other_schedules)}",
        f"- changes that are known: {changes}, of which found: {found} (exact 95% interval: "
        f"{100 * seen.low:.0f}% to {100 * seen.high:.0f}%)",
        f"- alarms without a known change: {false} of {others} results ({100 * false / others:.1f}%"
        f"; exact 95% interval {100 * interval.low:.1f}% to {100 * interval.high:.1f}%)",
        "",
        "| figure | compared | regressed | improved | could go unseen | change, quartiles % |",
        "| --- | ---: | ---: | ---: | ---: | --- |",
    ]
    names = {
        EVALUATION_SHARE.name: "evaluation share (points)",
        PEAK_MEMORY.name: "peak of memory, reserved",
        UNDISTURBED_TIME.name: "training time",
    }
    for kind, outcomes in findings.by_kind.items():
        low, middle, high = (100 * q for q in quantiles(findings.moves[kind], n=4))
        lines.append(
            f"| {names[kind]} | {len(outcomes)} | {outcomes.count('regressed')} | "
            f"{outcomes.count('improved')} | {outcomes.count('inconclusive')} | "
            f"{low:+.1f} / {middle:+.1f} / {high:+.1f} |"
        )
    lines += [
        "",
        "## Every alarm",
        "",
        "Training and evaluation: seconds against the run before.",
        "",
        "| experiment | date | versions | figures | training | evaluation | named beforehand |",
        "| --- | --- | --- | --- | ---: | ---: | --- |",
    ]
    for alarm in findings.alarms:
        told = "; ".join(
            f"{names[kind]} {_value(kind, before)} to {_value(kind, today)}"
            for kind, (before, today) in alarm.figures.items()
        )
        run, previous = alarm.run, alarm.previous
        lines.append(
            f"| {run.experiment} | {run.date} | {run.versions} | {told} | "
            f"{100 * (run.train_s / previous.train_s - 1):+.0f}% | "
            f"{100 * (run.evaluation_s / previous.evaluation_s - 1):+.0f}% | "
            f"{'yes' if alarm.is_known else 'no'} |"
        )
    lines += [
        "",
        "Evaluation of this benchmark generates text: it may take longer one day than another "
        "while training does not, and by more than the 5% that the gate reckons with between "
        "sessions. No change of PEFT is known behind an alarm that nobody named, so it counts as "
        "false.",
    ]
    lines += ["", "## Another schedule", ""]
    for before, after in findings.other_schedules:
        shares = (100 * each.figures[EVALUATION_SHARE.name] for each in (before, after))
        share_before, share_after = shares
        lines.append(
            f"- {after.experiment}, {after.date}: {before.schedule[0]} evaluations in batches of "
            f"{before.schedule[1]}, then {after.schedule[0]} in batches of {after.schedule[1]}; "
            f"the share of {share_before:.1f}% and {share_after:.1f}% would have looked like a "
            "regression"
        )
    spread = median(abs(move) for move in findings.moves[UNDISTURBED_TIME.name])
    lines += [
        "",
        f"Single runs, so what differs from run to run is believed beforehand, as the gate does "
        f"with one session; half of the training times moved by less than {100 * spread:.1f}%.",
        "",
    ]
    return "\n".join(lines)


def _value(kind: str, amount: float) -> str:
    if kind == PEAK_MEMORY.name:
        return digits.bytes_of(round(amount))
    return f"{amount:.0f} s" if KINDS[kind].unit == "s" else f"{100 * amount:.1f}%"


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("history", type=Path, nargs="?", default=HISTORY)
    parser.add_argument("--out", type=Path, default=OUT)
    arguments = parser.parse_args()
    arguments.out.write_text(page(read_history(arguments.history)), encoding="utf-8")
    print(arguments.out)


if __name__ == "__main__":
    main()
