"""Against a stopwatch: how soon is the gain of ``stopwatch.yaml`` known to one point?

In each session the matched estimate and then hyperfine measure the same job, on a quiet machine or
beside a neighbour that keeps one core busy for random stretches.

Matched: a run of each arm at a time, which is a block, until the half-width of the interval is one
point, from the fourth block on, or the time is up. Making the parent process ready is on the clock.
One that stops when it happens to be narrow covers less than it says: so it is a 97% interval that
is waited for, of which 95% hold where they stand (``make simulate-stopping``).

hyperfine: as many runs of each arm as fit in the time that this took. What it times is T: its
``--prepare`` has a process set up, and its command lets that process train.

``make stopwatch`` adds sessions to ``stopwatch.jsonl``, and writes the table of all that it holds.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import random
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

from evalskip.analysis.intervals import throughput_gain
from evalskip.analysis.pieces import pieces_of
from evalskip.analysis.step_estimates import matched_interval, replicated
from evalskip.engines.recording import steps_of
from evalskip.launch import launcher_for
from evalskip.machine.disturbance import disturbance_of, is_disturbed
from evalskip.plan import plan
from evalskip.records import SCHEMA, RunRecord
from evalskip.report.words import ENGLISH
from evalskip.spec import OFF, load_spec
from evalskip.summary import Interval
from neighbour import neighbour

if TYPE_CHECKING:
    from evalskip.analysis.pieces import Pieces
    from evalskip.probe.measured import Timeline
    from evalskip.records import Steps

SPEC = load_spec(Path(__file__).with_name("stopwatch.yaml"))
REQUESTS = {request.arm: request for request in plan(SPEC)[0].runs}
ON = "every_epoch@128"
ROWS = 128
LEVEL, TARGET = 0.95, 0.01
AT_STOP = 0.97
"""Of the interval that is waited for."""
LIMITS_S = {"quiet": 240.0, "neighbour": 300.0}
"""Per kind of session."""
STRETCH_S = (2.0, 20.0)
RUN_TIME_S = 600.0
FEWEST = 4
"""Blocks from which on the half-width is looked at."""


class Runs:
    """The runs of one session, as they are made."""

    def __init__(self) -> None:
        self._records: dict[str, list[RunRecord]] = {OFF: [], ON: []}
        self._steps: dict[int, Steps] = {}

    def count(self, arm: str) -> int:
        return len(self._records[arm])

    def all(self) -> list[RunRecord]:
        return [record for records in self._records.values() for record in records]

    def add(self, arm: str, outcome: Any) -> None:
        if outcome.status != "ok":
            raise SystemExit(f"a run of {arm} ended {outcome.status}: {outcome.error}")
        measured = outcome.measured
        request = REQUESTS[arm]
        run_id = request.id.model_copy(update={"block": self.count(arm)})
        record = RunRecord(
            schema_version=SCHEMA,
            experiment="stopwatch",
            request=request.model_copy(update={"id": run_id}),
            status="ok",
            started_at="",
            turnaround_ns=0,
            wall_ns=measured.timeline.wall_ns,
            evaluated_after=[each.after_step for each in measured.timeline.evaluations],
            **(found._asdict() if (found := disturbance_of(outcome.activity)) else {}),
        )
        self._records[arm].append(record)
        self._steps[id(record)] = steps_of(outcome)

    def _pieces(self, arm: str) -> Pieces:
        runs = dict(enumerate(self._records[arm]))
        found, warnings = pieces_of(runs, self._steps_of, SPEC.design.window)
        if found is None or warnings:
            raise SystemExit("; ".join(map(ENGLISH.note, warnings)))
        return found

    def _steps_of(self, run: RunRecord) -> Steps:
        return self._steps[id(run)]

    def gain(self) -> Interval:
        """The gain; a block is one run of each arm."""
        (found,) = replicated({ON: self._pieces(ON)}, [self._pieces(OFF)], SPEC.design.window)
        return throughput_gain(matched_interval(found.matched[ON], AT_STOP))


def matched(kind: str) -> dict[str, Any]:
    """One session of the matched estimate."""
    runs, longest, gain = Runs(), 0.0, None
    order = random.Random(time.time_ns())
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as logs:
        launcher = launcher_for(SPEC.job, "time", [ROWS], Path(logs), SPEC.limits.start_time)
        with closing(launcher):
            while (passed := time.monotonic() - began) + longest <= LIMITS_S[kind]:
                for arm in order.sample([OFF, ON], 2):
                    runs.add(arm, launcher.run(REQUESTS[arm], RUN_TIME_S))
                longest = max(longest, time.monotonic() - began - passed)
                if runs.count(ON) > 1:
                    gain = runs.gain()
                if runs.count(ON) >= FEWEST and _half(gain) <= TARGET:
                    break
    return {
        "kind": kind,
        "seconds": time.monotonic() - began,
        "gain": gain.model_dump() if gain else None,
        "runs": len(runs.all()),
        "disturbed": bool(is_disturbed(record.disturbance for record in runs.all())),
    }


def _half(gain: Interval | None) -> float:
    return (gain.high - gain.low) / 2 if gain and gain.low is not None else float("inf")


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
    from evalskip.probe.phases import PhaseRecorder

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
        runner.run(REQUESTS[arm].model_dump(mode="json"))
        os._exit(0)


def session(kind: str, *, against_hyperfine: bool) -> dict[str, Any]:
    """One session, hyperfine last."""
    with nullcontext() if kind == "quiet" else neighbour(STRETCH_S):
        found = matched(kind)
        if against_hyperfine:
            # set-up of the server aside, a pair of runs takes as long as it took just now
            pair_s = 2 * found["seconds"] / found["runs"]
            found["hyperfine"] = hyperfine(found["seconds"], pair_s)
    return found


def table(sessions: list[dict[str, Any]]) -> list[str]:
    """Markdown: how often the target was met, then every session."""
    limits = ", ".join(f"{seconds:.0f} s ({kind})" for kind, seconds in LIMITS_S.items())
    lines = [
        "# Matched against a stopwatch",
        "",
        "The job of `bench/stopwatch.yaml`, off against every epoch; `make stopwatch`. Gains in %, "
        f"with half-widths of {AT_STOP:.0%} intervals, of which 95% hold where they are waited "
        "for, in percentage points; the target is 1.0. "
        f"Blocks are run until it is met, from {FEWEST} on, or the time is up: {limits}. The "
        "neighbour keeps one core busy for random stretches. hyperfine times the same T for about "
        "as long.",
        "",
        "| sessions | within 1 point | median half-width | median time, s | median runs "
        "| hyperfine: median half-width |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for kind in LIMITS_S:
        own = [found for found in sessions if found["kind"] == kind]
        if own:
            lines.append(_summary_row(kind, own))
    lines += [
        "",
        "| kind | gain | s | runs | disturbed | hyperfine | runs | s |",
        "| --- | ---: | ---: | ---: | --- | ---: | ---: | ---: |",
    ]
    for found in sorted(sessions, key=lambda found: list(LIMITS_S).index(found["kind"])):
        cells = [found["kind"], _cell(found["gain"]), f"{found['seconds']:.0f}"]
        cells += [str(found["runs"]), "yes" if found["disturbed"] else "no"]
        if against := found.get("hyperfine"):
            cells += [_cell(against["gain"]), str(against["runs"]), f"{against['seconds']:.0f}"]
        else:
            cells += ["–"] * 3
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _summary_row(kind: str, own: list[dict[str, Any]]) -> str:
    halves = [_half(Interval(**found["gain"])) if found["gain"] else np.inf for found in own]
    cells = [f"{len(own)} {kind}", f"{sum(half <= TARGET for half in halves)} of {len(own)}"]
    cells += [f"{100 * np.median(halves):.2f}"]
    cells += [f"{np.median([found[name] for found in own]):.0f}" for name in ("seconds", "runs")]
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
