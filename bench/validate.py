"""Does ``evalskip predict`` tell the truth? What it predicted, beside what whole runs then took.

Each configuration is predicted from a pilot, as a user would have it, and then run whole: several
times under each of a few schedules. Errors are those against the mean of these runs; an interval
is for a run to come, so coverage counts single runs. Real configurations are those of
``validation/jobs.yaml``; synthetic ones are drawn at random, with known costs under noise. What
``analysis/costs.py`` believes beforehand was set on other jobs and other draws.

From the very same pilots come two other estimates: that of Composer's ``RuntimeEstimator`` (the
mean of past evaluations but the first of a process, times how many there will be; the mean of past
steps but the first, with what is saved and logged between them, times the steps), and the FLOP rule
(operations alone, counted with torch; 1 : 3 where they were not).

``make validate`` writes the tables.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import tempfile
import time
from collections import defaultdict
from contextlib import closing, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean, median, stdev
from typing import TYPE_CHECKING, Any

from scipy import stats

from evalskip.experiments.predict import predict_costs
from evalskip.jobs import RunId
from evalskip.jobs.synthetic.settings import SyntheticJob
from evalskip.launch import launcher_for
from evalskip.plan import request_for
from evalskip.results import open_results
from evalskip.session import Session
from evalskip.spec import OFF, load_spec
from evalskip.spec.arms import baseline_arms
from evalskip.spec.load import read_yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalskip.records import Steps
    from evalskip.spec import Spec
    from evalskip.summary import Interval, Prediction, PredictionSummary

HERE = Path(__file__).parent
RUNS = 3
"""Whole runs under each schedule."""
MANY = 100
"""Whole runs under each schedule where evaluations differ by chance, for their mean."""
RUN_TIME_S = 900.0
POINTS, PART = 0.003, 0.07
"""An error of the share may be so large: in points, or as a part of it, whichever is more."""


@dataclass(frozen=True)
class Row:
    """One schedule of one configuration."""

    kind: str
    configuration: str
    arm: str
    predicted: float
    low: float
    high: float
    runs: list[float]
    """Shares that single runs had."""
    composer: float
    flops: float
    gain: tuple[float, float, float, list[float]]
    """Estimate, low, high, and what it is without noise, where that is known."""
    wall_s: tuple[float, float, float, list[float]]
    """The same, and what single runs had."""
    peak_bytes: tuple[float, float, float, list[float]] | None

    @property
    def measured(self) -> float:
        return mean(self.runs)

    @property
    def error(self) -> float:
        return self.predicted - self.measured

    @property
    def is_close(self) -> bool:
        return abs(self.error) <= max(POINTS, PART * self.measured)

    @property
    def covered(self) -> int:
        """Single runs that the interval holds."""
        return inside(self.low, self.high, self.runs)

    @property
    def width(self) -> float:
        return (self.high - self.low) / self.predicted


def inside(low: float, high: float, runs: list[float]) -> int:
    return sum(low <= run <= high for run in runs)


def validate(kind: str, name: str, spec: Spec, keep: Path | None) -> list[Row]:
    """Predict a configuration, then run it whole under every schedule of its spec."""
    with tempfile.TemporaryDirectory() if keep is None else nullcontext(keep / name) as folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        out = Path(folder, "predicted")
        with (
            open_results(out, spec, resume=False) as results,
            closing(Session(spec, results, lambda event: None)) as session,
        ):
            section = predict_costs(session).prediction
            assert section
            pilots = [
                results.store.steps_of(record)
                for record in results.store.read()
                if record.measure == "time"
            ]
        measured = run_whole(spec, Path(folder))
        undisturbed = gains(spec, Path(folder))
        Path(folder, "measured.json").write_text(json.dumps(measured))
    rows = []
    for prediction in section.schedules:
        runs = measured.get(prediction.arm)
        if not runs or not prediction.evaluations:
            continue
        composer, flops = rivals(section, prediction, pilots)
        peak = prediction.peak_bytes
        peaks = [run["peak"] for run in runs if run["peak"]]
        rows.append(
            Row(
                kind=kind,
                configuration=name,
                arm=prediction.arm,
                predicted=prediction.share.estimate,
                low=prediction.share.low or 0.0,
                high=prediction.share.high or 0.0,
                runs=[run["evaluate_ns"] / run["wall_ns"] for run in runs],
                composer=composer,
                flops=flops,
                gain=(*limits(prediction.throughput_gain), undisturbed.get(prediction.arm, [])),
                wall_s=(*limits(prediction.wall_s), [run["wall_ns"] / 1e9 for run in runs]),
                peak_bytes=(*limits(peak), [max(peaks)]) if peak and peaks else None,
            )
        )
    return rows


def limits(interval: Interval) -> tuple[float, float, float]:
    return interval.estimate, interval.low or 0.0, interval.high or 0.0


def gains(spec: Spec, folder: Path) -> dict[str, list[float]]:
    """Per arm, the gain of a job of known costs on a machine that disturbs nothing."""
    if not isinstance(spec.job, SyntheticJob):
        return {}
    quiet = {"noise": [], "between_runs": 0.0, "evaluation_between_runs": 0.0}
    job = spec.job.model_copy(update=quiet)
    count = MANY if job.slow_evaluations.probability else 1
    walls = {
        arm: mean(run["wall_ns"] for run in runs)
        for arm, runs in run_whole(spec.model_copy(update={"job": job}), folder, count).items()
    }
    return {arm: [wall / walls[OFF] - 1] for arm, wall in walls.items()}


def run_whole(spec: Spec, folder: Path, count: int = RUNS) -> dict[str, list[dict[str, Any]]]:
    """Per arm, what each of its whole runs took; one more meters memory."""
    arms = [*(arm for entry in spec.arms for arm in entry.arms())]
    if isinstance(spec.job, SyntheticJob):
        arms.append(baseline_arms()[0])
    rows = sorted({arm.evaluation_samples for arm in arms if arm.evaluation_samples})
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    logs = folder / "logs"
    logs.mkdir(exist_ok=True)
    wanted = [("time", count)]
    if "memory" in spec.measure and spec.job.meters_memory_apart:
        wanted.append(("memory", 1))
    for measure, blocks in wanted:
        launcher = launcher_for(spec.job, measure, rows, logs, spec.limits.start_time)
        with closing(launcher):
            for block in range(blocks):
                for position, arm in enumerate(random.Random(block).sample(arms, len(arms))):
                    run_id = RunId(purpose=measure, block=block, position=position)
                    request = request_for(spec, arm, run_id, measure=measure, sliced=None)
                    outcome = launcher.run(request, RUN_TIME_S)
                    if outcome.measured is None:
                        raise SystemExit(f"{arm.name} ended {outcome.status}: {outcome.error}")
                    peaks = [
                        peak.get("allocated", peak.get("resident", 0))
                        for peak in outcome.measured.peak_bytes.values()
                    ]
                    run = {
                        "wall_ns": outcome.measured.timeline.wall_ns,
                        "evaluate_ns": outcome.measured.phases_ns["evaluate"],
                        "peak": max(peaks, default=0),
                    }
                    if measure == "time":
                        found[arm.name].append(run)
                    else:
                        for timed in found[arm.name]:
                            timed["peak"] = run["peak"]
    return found


def rivals(
    section: PredictionSummary, prediction: Prediction, pilots: list[Steps]
) -> tuple[float, float]:
    """The share by Composer's estimator, and by the FLOP rule."""
    model = next(
        found
        for found in section.cost_models
        if not prediction.evaluation_samples
        or sum(found.size.evaluation_sets) == prediction.evaluation_samples
    )
    evaluations, between, steps = [], 0.0, 0
    for pilot in pilots:
        timeline = pilot.timeline
        (there, run), *_ = pilot.full_run.sets.values()
        rows = prediction.evaluation_samples or there
        for each in timeline.evaluations[1:]:
            own = each.loader_ns + sum(each.batches_ns) + each.aggregation_ns
            evaluations.append(own * rows / run)
        beside = [*timeline.saves_ns, *timeline.logs_ns]
        between += sum(timeline.steps_ns[1:]) + sum(ns for step, ns in beside if step > 1)
        steps += len(timeline.steps_ns) - 1
    size = model.size
    evaluated = prediction.evaluations * mean(evaluations)
    composer = evaluated / (evaluated + between / steps * size.steps)
    ratio = model.operations_ratio or 1 / 3
    load = prediction.evaluation_load * ratio
    return composer, load / (1 + load)


def synthetic(count: int) -> Iterator[tuple[str, Spec]]:
    """Jobs of known costs, drawn at random."""
    source = random.Random("validate, with strong noise")
    with tempfile.TemporaryDirectory() as folder:
        for number in range(count):
            kind, spec = drawn(source)
            path = Path(folder, f"{number:03d} {kind}.yaml")
            path.write_text(json.dumps(spec))
            yield path.stem, load_spec(path)


def drawn(source: random.Random) -> tuple[str, dict[str, Any]]:
    """One job, and the class of its noise.

    It has a hundred steps to a few thousand, and is evaluated for a hundredth of T to half.
    """
    epochs = source.choice([2, 3, 4, 5, 8, 10])
    steps = max(math.ceil(100 / epochs), round(10 ** source.uniform(1, 2.7)))
    step = 10 ** source.uniform(-2, 0)
    longest = source.choice([128, 256, 512])
    varies = source.random() < 0.5
    train_batch, batch = source.choice([1, 2, 4, 8]), source.choice([1, 2, 4, 8, 16])
    per_token = step / (train_batch * longest)
    share = source.uniform(0, 0.8)  # of a piece, what does not grow with tokens
    rows = max(8, round(steps * train_batch * 10 ** source.uniform(-1.5, 0)))
    evaluated = per_token * source.uniform(0.2, 0.5)
    # what disturbs a machine knows nothing of a job: in seconds, whatever a step takes
    kind, noise = source.choice(
        [
            ("autocorrelation", [{"kind": "autocorrelation", "sigma": 0.06, "memory": 0.6}]),
            ("heavy tails", [{"kind": "heavy_tails", "scale": 0.04, "shape": 2.5}]),
            ("drift", [{"kind": "drift", "amplitude": 0.2, "period_s": source.uniform(20, 200)}]),
            ("bursts", [{"kind": "bursts", "every_s": 4, "length_s": 0.2, "factor": 1.7}]),
            ("neighbour", _beside(source, 1.4)),
            ("strong autocorrelation", [{"kind": "autocorrelation", "sigma": 0.2, "memory": 0.9}]),
            ("strong drift", [{"kind": "drift", "amplitude": 0.6, "period_s": 15}]),
            ("strong bursts", [{"kind": "bursts", "every_s": 3, "length_s": 0.5, "factor": 2.5}]),
            ("strong neighbour", _beside(source, 2.0)),
            ("slices", [{"kind": "slices", "per_s": 60, "length_s": 0.004}]),
            ("slow evaluations", [{"kind": "autocorrelation", "sigma": 0.03, "memory": 0.3}]),
        ]
    )
    slow = {"probability": 0.0, "factor": 1.0}
    if kind == "slow evaluations":
        slow = {"probability": source.choice([0.25, 0.4]), "factor": source.choice([2.0, 3.0])}
    return kind, {
        "job": {
            "kind": "synthetic",
            "epochs": epochs,
            "steps_in_epoch": steps,
            "train_batch": train_batch,
            "evaluation_batch": batch,
            "samples": rows,
            "lengths": {"shortest": longest // 8 if varies else longest, "longest": longest},
            "save_steps": source.choice([0, steps]),
            "between_runs": source.uniform(0.0, 0.08),
            "evaluation_between_runs": source.uniform(0.0, 0.03),
            "noise": noise,
            "slow_evaluations": slow,
            "costs": {
                "before_loop": step * source.uniform(0, 3),
                "step": step * share,
                "train_token": per_token * (1 - share),
                "evaluation_loader": step * source.uniform(0, 0.5),
                "evaluation_batch": evaluated * batch * longest * share,
                "evaluation_token": evaluated * (1 - share),
                "aggregation": step * source.uniform(0, 0.2),
                "first_evaluation": step * source.uniform(0, 1),
                "after_evaluation": step * source.uniform(0, 0.5),
                "save": step * source.uniform(0, 3),
                "log": step * 0.01,
                "after_loop": step * source.uniform(0, 1),
            },
        },
        "arms": [
            {"schedule": "every_epoch", "evaluation_samples": rows},
            {"schedule": "every_n_epochs", "n": 2, "evaluation_samples": rows},
            {"schedule": "final_only", "evaluation_samples": rows},
            {"schedule": "every_n_steps", "n": max(1, steps // 3), "evaluation_samples": rows},
        ],
        "measure": ["time"],
        "design": {"seed": source.randrange(10**6)},
    }


def _beside(source: random.Random, factor: float) -> list[dict[str, Any]]:
    """Somebody who comes and goes."""
    neighbour = {
        "kind": "neighbour",
        "away_s": source.uniform(10, 60),
        "stay_s": source.uniform(5, 20),
        "factor": factor,
    }
    return [{"kind": "autocorrelation", "sigma": 0.04, "memory": 0.3}, neighbour]


def real(names: list[str]) -> Iterator[tuple[str, Spec]]:
    """The configurations of ``validation/jobs.yaml``, each a spec of ours."""
    document = read_yaml((HERE / "validation" / "jobs.yaml").read_text())
    with tempfile.TemporaryDirectory() as folder:
        for name, spec in document.items():
            if not names or name in names:
                path = Path(folder, f"{name}.yaml")
                path.write_text(json.dumps(spec))
                yield name, load_spec(path)


def told(rows: list[Row]) -> list[str]:
    """The tables, in Markdown, and what they come to."""
    lines = [
        "# What `evalskip predict` predicted, and what whole runs then took",
        "",
        f"Made by `make validate`. Measured: the mean of {RUNS} whole runs. Errors may be "
        f"{100 * POINTS:g} points, or {100 * PART:g}% of the share. An interval is for a run to "
        "come: covered are single runs. Coverage is the mean over configurations of the part of "
        "runs that is covered, with its standard error; those of one configuration are not "
        "independent. What is believed beforehand (`analysis/costs.py`) was set on other jobs "
        "and other draws. Widths are those of the "
        "interval over the share. Composer: its estimator, from the same pilots; FLOP: operations "
        "alone.",
    ]
    kinds = list(dict.fromkeys(row.kind for row in rows))
    if len(kinds) > 1:
        lines += ["", "## Together", "", *_summed(rows)]
    for kind in kinds:
        own = [row for row in rows if row.kind == kind]
        by_noise = _by_noise(own) if kind == "synthetic" else []
        lines += ["", f"## {kind.capitalize()}", "", *_summed(own), *by_noise, "", *_table(own)]
    return lines


def _by_noise(rows: list[Row]) -> list[str]:
    """Coverage and width under each class of noise, which a configuration's name ends with."""
    classes: dict[str, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        classes[row.configuration.split(maxsplit=1)[1]][row.configuration].append(row)
    lines = [
        "",
        "| noise | configurations | runs covered % (standard error) | gains covered % "
        "| error of the share within bounds % | median width, % of the share |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, by in sorted(classes.items()):
        own = [row for found in by.values() for row in found]
        parts = [mean(row.covered / len(row.runs) for row in found) for found in by.values()]
        error = f"{100 * stdev(parts) / math.sqrt(len(parts)):.1f}" if len(parts) > 1 else "–"
        gains = mean(
            inside(low, high, seen) / len(seen)
            for _, low, high, seen in (row.gain for row in own)
            if seen
        )
        lines.append(
            f"| {name} | {len(by)} | {100 * mean(parts):.1f} ({error}) | {100 * gains:.1f} | "
            f"{100 * mean(row.is_close for row in own):.1f} | "
            f"{100 * median(row.width for row in own):.0f} |"
        )
    return lines


def _summed(rows: list[Row]) -> list[str]:
    by = defaultdict(list)
    for row in rows:
        by[row.configuration].append(row)
    count = len(by)
    covered = sum(all(row.covered == len(row.runs) for row in own) for own in by.values())
    parts = [mean(row.covered / len(row.runs) for row in own) for own in by.values()]
    means = [mean(row.low <= row.measured <= row.high for row in own) for own in by.values()]
    error = stdev(parts) / math.sqrt(count) if count > 1 else math.nan
    close = sum(row.is_close for row in rows)
    lines = [
        f"- {count} configurations, {len(rows)} schedules: error of the share within bounds for "
        f"{close} of {len(rows)}; mean absolute error "
        f"{100 * mean(abs(row.error) for row in rows):.2f} points",
        f"- covered by the 95% interval of the share: {100 * mean(parts):.1f}% (standard error "
        f"{100 * error:.1f}), all runs of {covered} of {count} configurations; the mean of "
        f"{RUNS} runs: {100 * mean(means):.1f}%; median width "
        f"{100 * median(row.width for row in rows):.1f}% of the share",
    ]
    small = [row for row in rows if PART * row.measured < POINTS]
    if small:
        lines.append(
            f"- shares below {100 * POINTS / PART:.1f}%: {len(small)} schedules, mean absolute "
            f"error {100 * mean(abs(row.error) / row.measured for row in small):.1f}% of the "
            f"share; within {100 * PART:g}% for "
            f"{sum(abs(row.error) <= PART * row.measured for row in small)}"
        )
    for what in ("gain", "wall_s", "peak_bytes"):
        found = [each for row in rows if (each := getattr(row, what)) and each[3]]
        if found:
            held = sum(inside(low, high, seen) for _, low, high, seen in found)
            runs = sum(len(seen) for *_, seen in found)
            lines.append(f"- covered by the interval of {_SAID[what]}: {held} of {runs}")
    for rival in ("composer", "flops"):
        more = [
            mean(abs(getattr(row, rival) - row.measured) - abs(row.error) for row in own)
            for own in by.values()
        ]
        interval = stats.ttest_1samp(more, 0).confidence_interval(0.95) if count > 1 else None
        text = f" [{100 * interval.low:.2f}, {100 * interval.high:.2f}]" if interval else ""
        theirs = mean(abs(getattr(row, rival) - row.measured) for row in rows)
        lines.append(
            f"- {_SAID[rival]}: mean absolute error {100 * theirs:.2f} points, "
            f"{100 * mean(more):.2f}{text} more than ours (paired by configuration)"
        )
    return lines


_SAID = {
    "gain": "the throughput gain",
    "wall_s": "T",
    "peak_bytes": "the peak of memory",
    "composer": "Composer's estimator",
    "flops": "the FLOP rule",
}


def _table(rows: list[Row]) -> list[str]:
    lines = [
        "| configuration | schedule | share % | predicted % | within | covered | Composer % "
        "| FLOP % | gain % | predicted gain % |",
        "| --- | --- | ---: | ---: | --- | --- | ---: | ---: | ---: | ---: |",
    ]
    for row in rows:
        gain, low, high, seen = row.gain
        lines.append(
            f"| {row.configuration} | {row.arm} | {100 * row.measured:.2f} | "
            f"{100 * row.predicted:.2f} [{100 * row.low:.2f}, {100 * row.high:.2f}] | "
            f"{_YES[row.is_close]} | {row.covered} of {len(row.runs)} | {100 * row.composer:.2f} | "
            f"{100 * row.flops:.2f} | {f'{100 * seen[0]:.1f}' if seen else '–'} | "
            f"{100 * gain:.1f} [{100 * low:.1f}, {100 * high:.1f}] |"
        )
    return lines


_YES = {True: "yes", False: "**no**"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--synthetic", type=int, default=220, help="how many are drawn")
    parser.add_argument("--real", nargs="*", help="names; none: every one")
    parser.add_argument("--kinds", nargs="*", default=["real", "synthetic"])
    parser.add_argument("--out", type=Path, default=Path("results/reference"))
    parser.add_argument("--keep", type=Path, help="a folder for pilots and whole runs")
    arguments = parser.parse_args()
    rows = []
    sources = {
        "real": lambda: real(arguments.real or []),
        "synthetic": lambda: synthetic(arguments.synthetic),
    }
    for kind in arguments.kinds:
        for name, spec in sources[kind]():
            began = time.monotonic()
            found = validate(kind, name, spec, arguments.keep)
            rows += found
            for row in found:
                print(
                    f"{name} {row.arm}: measured {100 * row.measured:.2f}%, predicted "
                    f"{100 * row.predicted:.2f} [{100 * row.low:.2f}, {100 * row.high:.2f}] "
                    f"{'' if row.is_close else 'FAR '}{row.covered} of {len(row.runs)}",
                    flush=True,
                )
            print(f"  {time.monotonic() - began:.0f} s", flush=True)
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "validation.md").write_text("\n".join(told(rows)) + "\n")
    if arguments.keep:
        kept = json.dumps([asdict(row) for row in rows], indent=1)
        (arguments.keep / "rows.json").write_text(kept + "\n")
    print("\n".join(_summed(rows)))


if __name__ == "__main__":
    main()
