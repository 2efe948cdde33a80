"""Against a stopwatch: how soon is the gain of ``stopwatch.yaml`` known to one point?

In each session matched steps and then hyperfine measure the same job, on a quiet machine or beside
a neighbour that keeps one core busy for random stretches.

Matched steps: runs that evaluate until the half-width of matched steps alone is one point or their
time is up (such a run holds both steps and evaluations, and steps are shared between arms); then
runs of whichever arm has fewer, for the hidden cost, until the half-width with that is one point or
its time is up. Making the parent process ready is on the clock. What is told is how soon; to stop
at the first narrow interval is no way to a figure.

hyperfine: as many runs of each arm as fit in the time that matched steps took. What it times is T:
its ``--prepare`` has a process set up, and its command lets that process train.

``make stopwatch`` adds sessions to ``stopwatch.jsonl``, and writes the table of all that it holds.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats

from evalskip.analysis.estimates import WIDENING
from evalskip.analysis.intervals import jackknife_t, replicates, throughput_gain
from evalskip.analysis.matched_steps import locate, log_gains
from evalskip.analysis.pieces import pieces_of
from evalskip.launch import launcher_for
from evalskip.machine.contamination import is_contaminated
from evalskip.plan import plan
from evalskip.records import RunRecord
from evalskip.spec import OFF, load_spec
from evalskip.summary import Interval
from neighbour import neighbour

if TYPE_CHECKING:
    from evalskip.analysis.pieces import Pieces

SPEC = load_spec(Path(__file__).with_name("stopwatch.yaml"))
ON = "every_epoch@128"
ROWS = 128
LEVEL, TARGET = 0.95, 0.01
LIMITS_S = {"quiet": (60.0, 240.0), "neighbour": (180.0, 300.0)}
"""Per kind of session: for matched steps alone, and for matched steps plus hidden cost."""
STRETCH_S = (2.0, 20.0)
RUN_TIME_S = 600.0
FEWEST = 4
"""Blocks before the half-width is looked at."""


class Runs:
    """The runs of one session, as they are made."""

    def __init__(self) -> None:
        self._records: dict[str, list[RunRecord]] = {OFF: [], ON: []}
        self._timelines: dict[int, dict[str, Any]] = {}

    def count(self, arm: str) -> int:
        return len(self._records[arm])

    def all(self) -> list[RunRecord]:
        return [record for records in self._records.values() for record in records]

    def add(self, arm: str, outcome: Any) -> None:
        if outcome.status != "ok":
            raise SystemExit(f"a run of {arm} ended {outcome.status}: {outcome.error}")
        timeline = outcome.measured["timeline"]
        record = RunRecord(
            experiment="stopwatch",
            block=self.count(arm),
            attempt=0,
            position=0,
            arm=arm,
            measure="time",
            status="ok",
            started_at="",
            seed=SPEC.design.seed,
            turnaround_ns=0,
            wall_ns=timeline["wall_ns"],
            evaluated_after=[evaluation["after_step"] for evaluation in timeline["evaluations"]],
            contaminated=is_contaminated(outcome.activity),
        )
        self._records[arm].append(record)
        self._timelines[id(record)] = timeline

    def _pieces(self, arm: str) -> Pieces:
        runs = dict(enumerate(self._records[arm]))
        found, warnings = pieces_of(runs, self._steps_of, SPEC.design.window)
        if found is None or warnings:
            raise SystemExit("; ".join(warnings))
        return found

    def _steps_of(self, run: RunRecord) -> dict[str, Any]:
        return {"timeline": self._timelines[id(run)]}

    def alone(self) -> Interval:
        """The gain by matched steps alone; a block is one run that evaluates.

        Its steps stand for those of a run that does not: hidden cost is not asked for here.
        """
        on = self._pieces(ON)
        inside = on.window(SPEC.design.window)
        located = [locate(on.at(blocks), inside) for blocks in replicates(on.blocks)]
        return _gain([log_gains(own, [own]).matched_steps for own in located])

    def together(self) -> Interval:
        """The gain with the hidden cost; a block is one run of each arm."""
        on, off = self._pieces(ON), self._pieces(OFF)
        inside = on.window(SPEC.design.window)
        kept = replicates(range(min(len(on.blocks), len(off.blocks))))
        return _gain(
            [
                log_gains(locate(on.at(blocks), inside), [locate(off.at(blocks), inside)]).together
                for blocks in kept
            ]
        )


def matched_steps(kind: str) -> dict[str, Any]:
    """One session of matched steps."""
    alone_s, together_s = LIMITS_S[kind]
    requests = {request.arm: request for request in plan(SPEC)[0].runs}
    runs, longest = Runs(), dict.fromkeys((OFF, ON), 0.0)
    alone = together = None
    alone_at = 0.0
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as logs:
        launcher = launcher_for(SPEC.job, "time", [ROWS], Path(logs), SPEC.limits.start_time)
        with closing(launcher):
            while True:
                arm = OFF if alone_at and runs.count(OFF) < runs.count(ON) else ON
                passed = time.monotonic() - began
                if passed + longest[arm] > (together_s if alone_at else alone_s):
                    if alone_at:
                        break
                    alone_at = passed
                    continue
                runs.add(arm, launcher.run(requests[arm], RUN_TIME_S))
                longest[arm] = max(longest[arm], time.monotonic() - began - passed)
                if not alone_at and runs.count(ON) > 1:
                    alone = runs.alone()
                    if runs.count(ON) >= FEWEST and _half(alone) <= TARGET:
                        alone_at = time.monotonic() - began
                if alone_at and runs.count(OFF) == runs.count(ON):
                    together = runs.together()
                    if _half(together) <= TARGET:
                        break
    return {
        "kind": kind,
        "alone_s": alone_at,
        "alone": alone.model_dump() if alone else None,
        "together_s": time.monotonic() - began,
        "together": together.model_dump() if together else None,
        "runs": len(runs.all()),
        "contaminated": sum(bool(record.contaminated) for record in runs.all()),
    }


def _gain(logs: list[float]) -> Interval:
    return throughput_gain(jackknife_t(logs, LEVEL, widening=WIDENING))


def _half(gain: Interval) -> float:
    return (gain.high - gain.low) / 2 if gain.low is not None else float("inf")


def hyperfine(seconds: float, pair_s: float) -> dict[str, Any]:
    """Hyperfine on the same T, for about as long."""
    count = max(2, round(seconds / pair_s))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for pipe in ("prepare", "ready", "go", "done"):
            os.mkfifo(folder / pipe)
        environment = {**os.environ, **SPEC.job.environment("time")}
        command = [sys.executable, __file__, "--serve", name]
        server = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
        try:
            while not (folder / "serving").exists():
                if server.poll() is not None:
                    raise SystemExit("the process that hyperfine was to time did not start")
                time.sleep(0.1)
            began = time.monotonic()
            arguments = ["hyperfine", "--runs", str(count), "--export-json", f"{name}/times.json"]
            for arm in (OFF, ON):
                arguments += ["--command-name", arm]
                arguments += ["--prepare", f"echo {arm} > {name}/prepare; read x < {name}/ready"]
            arguments += [f"echo go > {name}/go; read x < {name}/done"] * 2
            subprocess.run(arguments, check=True)
            took = time.monotonic() - began
            times = {
                result["command"]: result["times"]
                for result in json.loads((folder / "times.json").read_text())["results"]
            }
        finally:
            server.kill()
            server.wait()
    logs = [np.log(times[arm]) for arm in (ON, OFF)]
    reach = stats.ttest_ind(*logs, equal_var=False).confidence_interval(LEVEL)
    centre = float(logs[0].mean() - logs[1].mean())
    gain = Interval(estimate=centre, low=float(reach.low), high=float(reach.high), level=LEVEL)
    return {"runs": 2 * count, "seconds": took, "gain": throughput_gain(gain).model_dump()}


def serve(folder: Path) -> None:
    """For hyperfine: set a run up when it says ``prepare``, and let it train when it says go."""
    from evalskip.probe.phases import PhaseRecorder, Timeline

    requests = {request.arm: request for request in plan(SPEC)[0].runs}
    runner = importlib.import_module(SPEC.job.runner).runner(SPEC.job.model_dump(mode="json"))
    runner.prepare([ROWS])
    start, stop = PhaseRecorder.start, PhaseRecorder.stop

    def start_when_told(recorder: PhaseRecorder) -> None:
        (folder / "ready").write_text("\n")
        (folder / "go").read_text()
        start(recorder)

    def stop_and_tell(recorder: PhaseRecorder) -> Timeline:
        timeline = stop(recorder)
        (folder / "done").write_text("\n")
        return timeline

    (folder / "serving").touch()
    while True:
        arm = (folder / "prepare").read_text().strip()
        if child := os.fork():
            os.waitpid(child, 0)
            continue
        PhaseRecorder.start, PhaseRecorder.stop = start_when_told, stop_and_tell
        runner.run(requests[arm].model_dump(mode="json"))
        os._exit(0)


def session(kind: str, *, against_hyperfine: bool) -> dict[str, Any]:
    """One session, hyperfine last."""
    with nullcontext() if kind == "quiet" else neighbour(STRETCH_S):
        found = matched_steps(kind)
        if against_hyperfine:
            # set-up of the server aside, a pair of runs takes as long as it took just now
            pair_s = 2 * found["together_s"] / found["runs"]
            found["hyperfine"] = hyperfine(found["together_s"], pair_s)
    return found


def table(sessions: list[dict[str, Any]]) -> list[str]:
    """Markdown: how often the target was met, then every session."""
    lines = [
        "# Matched steps against a stopwatch",
        "",
        "The job of `bench/stopwatch.yaml`, off against every epoch; `make stopwatch`. Gains in %, "
        f"with half-widths of {LEVEL:.0%} intervals in percentage points; the target is 1.0. "
        "Matched steps alone have 60 s on a quiet machine and 180 s beside a neighbour that keeps "
        "one core busy for random stretches, with the hidden cost 240 and 300 s; they stop once "
        "they are there. hyperfine times the same T for about as long as they "
        "took.",
        "",
        "| sessions | alone: within 1 point | median half-width | with hidden cost: within 1 point "
        "| median half-width | median time, s | hyperfine: median half-width |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for kind in LIMITS_S:
        own = [found for found in sessions if found["kind"] == kind]
        if own:
            lines.append(_summary_row(kind, own))
    lines += [
        "",
        "| kind | alone | s | with hidden cost | s | runs | contaminated | hyperfine | runs | s |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for found in sorted(sessions, key=lambda found: list(LIMITS_S).index(found["kind"])):
        against = found.get("hyperfine")
        cells = [found["kind"], _cell(found["alone"]), f"{found['alone_s']:.0f}"]
        cells += [_cell(found["together"]), f"{found['together_s']:.0f}"]
        cells += [str(found["runs"]), str(found["contaminated"])]
        if against:
            cells += [_cell(against["gain"]), str(against["runs"]), f"{against['seconds']:.0f}"]
        else:
            cells += ["–"] * 3
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _summary_row(kind: str, own: list[dict[str, Any]]) -> str:
    cells = [f"{len(own)} {kind}"]
    for part in ("alone", "together"):
        halves = [_half(Interval(**found[part])) if found[part] else np.inf for found in own]
        met = sum(half <= TARGET for half in halves)
        cells += [f"{met} of {len(own)}", f"{100 * np.median(halves):.2f}"]
    cells.append(f"{np.median([found['together_s'] for found in own]):.0f}")
    against = [
        _half(Interval(**found["hyperfine"]["gain"])) for found in own if "hyperfine" in found
    ]
    cells.append(f"{100 * np.median(against):.1f} ({len(against)} sessions)" if against else "–")
    return f"| {' | '.join(cells)} |"


def _cell(gain: dict[str, Any] | None) -> str:
    if gain is None:
        return "–"
    interval = Interval(**gain)
    return f"{100 * interval.estimate:.1f} ± {100 * _half(interval):.2f}"


def main() -> None:
    """Add sessions, and write the table anew."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=20, help="of each kind, in all")
    parser.add_argument("--hyperfine", type=int, default=3, help="of them also with hyperfine")
    parser.add_argument("--kinds", nargs="*", default=list(LIMITS_S), choices=list(LIMITS_S))
    parser.add_argument("--out", type=Path, default=Path("results/reference/stopwatch"))
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.serve)
    arguments.out.mkdir(parents=True, exist_ok=True)
    store = arguments.out / "stopwatch.jsonl"
    lines = store.read_text().splitlines() if store.exists() else []
    sessions = [json.loads(line) for line in lines]
    while True:
        counts = Counter(found["kind"] for found in sessions)
        with_hyperfine = Counter(found["kind"] for found in sessions if "hyperfine" in found)
        missing = [kind for kind in arguments.kinds if counts[kind] < arguments.sessions]
        if not missing:
            break
        kind = min(missing, key=lambda kind: counts[kind])
        found = session(kind, against_hyperfine=with_hyperfine[kind] < arguments.hyperfine)
        sessions.append(found)
        with store.open("a") as file:
            file.write(json.dumps(found) + "\n")
        (arguments.out / "stopwatch.md").write_text("\n".join(table(sessions)) + "\n")
        print(table(sessions)[-1], flush=True)


if __name__ == "__main__":
    main()
