"""The gate: what fails a build, what does not, and what it says to the tools that people have."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import numpy as np
import pytest

from evalskip.gate.baseline import GateSession, read_baseline
from evalskip.gate.figures import Figure
from evalskip.gate.history import Shift, add_to_history, read_history, shifts
from evalskip.gate.judge import changed, noise_of
from evalskip.machine.fingerprint import Machine
from support import ROOT, run_inside

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REFERENCE = ROOT / "results" / "reference" / "quick-cpu"

COSTS = {"before_loop": 0.2, "step": 0.02, "evaluation_batch": 0.008, "after_evaluation": 0.002}
JITTER = {"kind": "autocorrelation", "sigma": 0.03, "memory": 0.5}
NEIGHBOUR = {"kind": "neighbour", "away_s": 3.0, "stay_s": 2.0, "factor": 3.0}


@pytest.fixture
def measure(write_spec: Callable[..., Path], tmp_path: Path) -> Callable[..., Path]:
    """Measures a small synthetic job; its result directory."""

    def made(name: str, seed: int = 0, noise: tuple[Any, ...] = (JITTER,), **more: Any) -> Path:
        costs = COSTS | more.pop("costs", {})
        spec = write_spec(
            f"{name}.yaml",
            job={"epochs": 6, "steps_in_epoch": 12, "costs": costs, "noise": list(noise)},
            arms=more.pop("arms", [{"schedule": "every_epoch", "evaluation_samples": 48}]),
            design={"looks": [more.pop("blocks", 8)], "seed": seed},
        )
        ended = run_inside("bench", spec, "--out", tmp_path / name, *more.pop("options", ()))
        assert ended.returncode == 0, ended.stderr
        return tmp_path / name

    return made


@pytest.fixture
def baseline(measure: Callable[..., Path], tmp_path: Path) -> Path:
    """Three sessions without a change."""
    path = tmp_path / "baseline.json"
    for seed in (1, 2, 3):
        ended = run_inside("gate", measure(f"s{seed}", seed), "--baseline", path, "--add")
        assert ended.returncode == 0, ended.stderr
    return path


MACHINE = Machine(processor="one", cores=2, memory_gib=4, gpus=[], system="Linux", python="3.11")


def test_an_evaluation_made_slower_fails_and_noise_does_not(
    measure: Callable[..., Path], baseline: Path
) -> None:
    same = run_inside("gate", measure("same", 4), "--baseline", baseline)
    assert same.returncode == 0, same.stderr
    slower = measure("slower", 5, costs={"evaluation_batch": 1.3 * COSTS["evaluation_batch"]})
    ended = run_inside("gate", slower, "--baseline", baseline)
    assert ended.returncode == 1
    assert ended.stderr.startswith("evalskip: worse: evaluation share, every_epoch@48:")
    assert len(ended.stderr.splitlines()) == 1
    beside = measure("beside", 6, noise=(JITTER, NEIGHBOUR))
    ended = run_inside("gate", beside, "--baseline", baseline)
    # noise may hide whether there is a change, and is never taken for one
    assert ended.returncode in (0, 3), ended.stdout
    faster = measure("faster", 7, costs={"evaluation_batch": 0.6 * COSTS["evaluation_batch"]})
    ended = run_inside("gate", faster, "--baseline", baseline)
    assert ended.returncode == 0
    assert "improved" in ended.stdout


def test_every_tool_can_read_what_a_gate_writes(
    measure: Callable[..., Path],
    baseline: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    step_summary = tmp_path / "step-summary.md"
    step_summary.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(step_summary))
    slower = measure("slower", 5, costs={"evaluation_batch": 2 * COSTS["evaluation_batch"]})
    assert run_inside("gate", slower, "--baseline", baseline).returncode == 1
    folder = slower / "gate"
    suite = ElementTree.parse(folder / "junit.xml").getroot().find("testsuite")
    assert suite is not None
    failed = [case.get("name") for case in suite if case.find("failure") is not None]
    assert "speed-up from skipping: every_epoch@48" in failed
    assert suite.get("failures") == str(len(failed))
    entries = json.loads((folder / "github-action-benchmark.json").read_text())
    assert {"name", "unit", "value"} <= entries[0].keys()
    gain = next(entry for entry in entries if entry["name"].startswith("speed-up from skipping"))
    off = 0.2 + 72 * 0.02
    assert gain["value"] == pytest.approx(100 * (6 * 6 * 0.016 + 5 * 0.002) / off, abs=1.0)
    said = (folder / "gate.md").read_text()
    assert step_summary.read_text() == f"before\n{said}"
    assert "regressed" in said
    compared = subprocess.run(
        [
            Path(sys.executable).with_name("pytest-benchmark"),
            "compare",
            folder / "pytest-benchmark.json",
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert compared.returncode == 0, compared.stderr
    assert "every_epoch@48" in compared.stdout
    found = json.loads((folder / "gate.json").read_text())
    assert (found["sessions"], found["verdict"]) == (3, "regressed")


@pytest.mark.parametrize(("budget", "code"), [("25%", 0), ("5%", 1), ("0.1525", 3)])
def test_a_budget_needs_no_baseline(budget: str, code: int, measure: Callable[..., Path]) -> None:
    # evaluation takes 6 * 6 * 8 ms of 1.64 s and that: 14.9%
    noise = ({"kind": "autocorrelation", "sigma": 0.3, "memory": 0.5},)
    ended = run_inside("gate", measure("today", noise=noise), "--max-share", budget)
    assert ended.returncode == code, ended.stdout + ended.stderr
    assert len(ended.stderr.splitlines()) == (code != 0)


def test_nothing_measured_is_an_error_of_its_own(tmp_path: Path) -> None:
    for options in (("--max-share", "10%"), ("--baseline", tmp_path / "b.json", "--add")):
        ended = run_inside("gate", ROOT / "results" / "reference" / "claims", *options)
        assert ended.returncode == 4
        assert "nothing was measured that a gate compares" in ended.stderr
    assert not (tmp_path / "b.json").exists()


def reference() -> dict[str, Any]:
    """A real result, the gain of one of its arms alone being told."""
    document: dict[str, Any] = json.loads((REFERENCE / "summary.json").read_text())
    document["bench"]["comparisons"] = [
        each for each in document["bench"]["comparisons"] if each["arm"] == "every_epoch@56"
    ]
    return document


def half(path: Path, to: Path) -> Path:
    to.mkdir(exist_ok=True)
    target = to / path.name
    target.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return target


def edited(path: Path, to: Path, **changes: Any) -> Path:
    to.mkdir(exist_ok=True)
    target = to / path.name
    target.write_text(json.dumps(json.loads(path.read_text()) | changes))
    return target


def test_bad_input_is_one_line(measure: Callable[..., Path], tmp_path: Path) -> None:
    good, known = measure("good"), tmp_path / "known.json"
    assert run_inside("gate", good, "--baseline", known, "--add").returncode == 0
    other = measure("other", arms=[{"schedule": "every_epoch", "evaluation_samples": 40}])
    more = measure(
        "more",
        arms=[
            {"schedule": "every_epoch", "evaluation_samples": 48},
            {"schedule": "final_only", "evaluation_samples": 48},
        ],
    )
    empty = tmp_path / "empty"
    empty.mkdir()
    half(good / "summary.json", tmp_path / "half")
    edited(good / "summary.json", tmp_path / "old", schema_version=1)
    pickled = tmp_path / "pickled.json"
    pickled.write_bytes(b"\x80\x04cos\nsystem\n.")
    text = tmp_path / "text.json"
    text.write_text('{"benchmarks": [{"name": "x"}]}')
    zero = tmp_path / "zero.json"
    stats = {"median": 0, "iqr": 0, "rounds": 3}
    zero.write_text(json.dumps({"benchmarks": [{"name": "x", "stats": stats}]}))
    odd = tmp_path / "odd.json"
    document = json.loads(known.read_text())
    document["sessions"][0]["figures"][0]["kind"] = "zz"
    odd.write_text(json.dumps(document))
    cases: list[tuple[tuple[Any, ...], str]] = [
        ((tmp_path / "nowhere", "--max-share", "10%"), "nowhere/summary.json: no such file"),
        ((empty, "--baseline", known), "empty/summary.json: no such file"),
        ((tmp_path / "half", "--baseline", known), "half/summary.json: the file: expected"),
        ((tmp_path / "old", "--baseline", known), "old/summary.json: schema_version: expected"),
        ((good, "--baseline", tmp_path / "none.json"), "none.json: no such file"),
        ((good, "--baseline", half(known, tmp_path / "h")), "known.json: the file: expected"),
        ((good, "--baseline", edited(known, tmp_path / "v", schema_version=9)), "schema_version"),
        ((good, "--baseline", edited(known, tmp_path / "e", sessions=[])), "sessions: expected"),
        ((good, "--baseline", pickled), "pickled.json: the file: expected a baseline"),
        ((other, "--baseline", known), "arms: expected off, off_again, every_epoch@48, got"),
        ((more, "--baseline", known), "arms: expected"),
        ((other, "--baseline", known, "--add"), "a baseline of another experiment: arms"),
        (
            (good, "--baseline", known, "--benchmark", tmp_path / "no"),
            "no: no such file; expected the JSON of",
        ),
        ((good, "--baseline", known, "--benchmark", pickled), "expected the JSON of pytest-bench"),
        ((good, "--baseline", known, "--benchmark", zero), "stats.median: expected the JSON of"),
        ((good, "--baseline", odd), "figures.0: expected a baseline: kind: expected"),
        ((good, "--baseline", tmp_path, "--add"), "expected a file, found a directory"),
        ((good, "--baseline", known, "--history", tmp_path), "expected a file, found a directory"),
        ((good, "--baseline", known, "--add", "--max-share", "9%"), "expected no --max-share"),
        ((good, "--baseline", known, "--benchmark", text), "expected the JSON of pytest-bench"),
        ((good, "--baseline", known, "--history", pickled), "line 1: expected a session"),
        ((good, "--baseline", known, "--add"), "known.json: holds this session already"),
        ((good,), "expected --baseline FILE, --max-share 10%, or both"),
        ((good, "--add"), "--add: expected --baseline"),
        ((good, "--max-share", "10"), "--max-share: expected a share such as 10% or 0.1"),
        ((good, "--max-share", "110%"), "--max-share: expected a share"),
        ((good, "--max-share", "nan%"), "--max-share: expected a share"),
        ((good, "--max-share", "ten"), "--max-share: expected a share"),
    ]
    for arguments, expected in cases:
        ended = run_inside("gate", *arguments)
        assert ended.returncode == 2, (arguments, ended.stdout, ended.stderr)
        assert len(ended.stderr.splitlines()) == 1, ended.stderr
        assert expected in ended.stderr, (arguments, ended.stderr)


def test_a_figure_that_is_missing_today_cannot_be_told(tmp_path: Path) -> None:
    known, day = tmp_path / "known.json", tmp_path / "day"
    day.mkdir()
    (day / "summary.json").write_text(json.dumps(reference()))
    shutil.copy(REFERENCE / "benchmark.json", day)
    assert run_inside("gate", day, "--baseline", known, "--add").returncode == 0
    assert run_inside("gate", day, "--baseline", known).returncode == 0
    (day / "benchmark.json").unlink()
    # what is only looked at may be missing
    assert run_inside("gate", day, "--baseline", known).returncode == 0
    edited(day / "summary.json", day, headroom=None)
    ended = run_inside("gate", day, "--baseline", known)
    assert ended.returncode == 3
    assert "batch without evaluation over batch with" in ended.stderr
    assert "was not measured today" in ended.stderr


@pytest.mark.parametrize(
    ("batch", "code"), [(453, 0), (452, 0), (446, 0), (300, 1), (3, 1), (0, 1)]
)
def test_headroom_that_evaluation_takes_is_gated(batch: int, code: int, tmp_path: Path) -> None:
    day, known = tmp_path / "day", tmp_path / "known.json"
    day.mkdir()
    document = reference()
    (day / "summary.json").write_text(json.dumps(document))
    assert run_inside("gate", day, "--baseline", known, "--add").returncode == 0
    for found in document["headroom"]["arms"]:
        if found["arm"] == "every_epoch@56":
            found["max_batch"] = batch
    (day / "summary.json").write_text(json.dumps(document))
    ended = run_inside("gate", day, "--baseline", known)
    assert ended.returncode == code, ended.stdout
    assert ("batch without evaluation over batch with, every_epoch@56" in ended.stderr) == code


@pytest.mark.parametrize(("batch", "code"), [(4, 0), (3, 0), (2, 1), (0, 1)])
def test_a_small_batch_is_known_to_a_sample(batch: int, code: int, tmp_path: Path) -> None:
    day, known = tmp_path / "day", tmp_path / "known.json"
    day.mkdir()
    document = reference()
    for found in document["headroom"]["arms"]:
        found["max_batch"] = 4
    (day / "summary.json").write_text(json.dumps(document))
    assert run_inside("gate", day, "--baseline", known, "--add").returncode == 0
    document["headroom"]["arms"][-1]["max_batch"] = batch
    (day / "summary.json").write_text(json.dumps(document))
    assert run_inside("gate", day, "--baseline", known).returncode == code


@pytest.mark.parametrize(("times", "code"), [(1.0, 0), (1.02, 0), (0.8, 0), (1.1, 1)])
def test_memory_that_grows_is_gated(times: float, code: int, tmp_path: Path) -> None:
    day, known = tmp_path / "day", tmp_path / "known.json"
    day.mkdir()
    document = reference() | {"headroom": None}
    (day / "summary.json").write_text(json.dumps(document))
    assert run_inside("gate", day, "--baseline", known, "--add").returncode == 0
    for peak in document["bench"]["arms"]["every_epoch@56"]["peak_bytes"].values():
        peak["resident"] = round(times * peak["resident"])
    (day / "summary.json").write_text(json.dumps(document))
    ended = run_inside("gate", day, "--baseline", known)
    assert ended.returncode == code, ended.stdout
    assert ("peak of memory, every_epoch@56" in ended.stderr) == code


def test_an_arm_without_an_interval_is_not_within_its_budget(tmp_path: Path) -> None:
    day = tmp_path / "day"
    day.mkdir()
    document = reference()
    (day / "summary.json").write_text(json.dumps(document))
    ended = run_inside("gate", day, "--max-share", "30%")
    assert ended.returncode == 3
    assert "every_epoch@144: inconclusive: its share has no interval" in ended.stderr


def figure(value: float, kind: str = "throughput_gain", error: float = 0.005) -> Figure:
    return Figure(kind=kind, subject="x", value=value, error=error, degrees=7)


def sessions_of(values: Iterator[float] | np.ndarray, **options: Any) -> list[GateSession]:
    return [
        GateSession(
            at=str(place),
            experiment="e",
            machine=MACHINE,
            versions={},
            figures=[figure(value, **options)],
        )
        for place, value in enumerate(values)
    ]


def test_absolute_times_count_on_the_same_model_of_machine_only(tmp_path: Path) -> None:
    day, known = tmp_path / "day", tmp_path / "known.json"
    day.mkdir()
    document = reference()
    for arm in document["bench"]["arms"].values():
        arm["disturbed"] = 0
    off = document["bench"]["arms"]["off"]
    off["undisturbed_s"] = {"estimate": 2.5, "low": 2.4, "high": 2.6, "level": 0.95, "degrees": 7}
    (day / "summary.json").write_text(json.dumps(document))
    assert run_inside("gate", day, "--baseline", known, "--add").returncode == 0
    off["undisturbed_s"] = {"estimate": 5.0, "low": 4.8, "high": 5.2, "level": 0.95, "degrees": 7}
    (day / "summary.json").write_text(json.dumps(document))
    ended = run_inside("gate", day, "--baseline", known)
    assert ended.returncode == 1
    assert "undisturbed training time, off: 2.5 s before, 5 s today" in ended.stderr
    document["made"]["machine"]["cores"] += 2
    (day / "summary.json").write_text(json.dumps(document))
    # nor is the fixed cost of a run over T: it is of another kind of work
    cost = document["bench"]["effort"]["fixed_cost"]
    thrice = {name: 3 * cost[name] for name in ("estimate", "low", "high")}
    document["bench"]["effort"]["fixed_cost"] = cost | thrice
    (day / "summary.json").write_text(json.dumps(document))
    ended = run_inside("gate", day, "--baseline", known)
    assert ended.returncode == 0, ended.stderr
    assert "another model of machine" in " ".join(ended.stdout.split())
    # nor where others robbed the runs of what they needed
    document["made"]["machine"]["cores"] -= 2
    document["bench"]["effort"]["fixed_cost"] = cost
    off["disturbed"] = off["runs"]
    document["bench"]["arms"]["off_again"]["disturbed"] = off["runs"]
    (day / "summary.json").write_text(json.dumps(document))
    assert run_inside("gate", day, "--baseline", known).returncode == 0


def test_on_another_model_of_machine_nothing_is_compared(tmp_path: Path) -> None:
    day, known = tmp_path / "day", tmp_path / "known.json"
    day.mkdir()
    document = reference() | {"headroom": None}
    (day / "summary.json").write_text(json.dumps(document))
    assert run_inside("gate", day, "--baseline", known, "--add").returncode == 0
    document["made"]["machine"]["processor"] = "another"
    document["bench"]["effort"]["seconds"] += 1
    for each in document["bench"]["comparisons"]:
        each["throughput_gain"]["estimate"] *= 1.01
    (day / "summary.json").write_text(json.dumps(document))
    ended = run_inside("gate", day, "--baseline", known)
    assert ended.returncode == 3, ended.stderr
    assert "nothing was compared" in ended.stderr
    line = ended.stderr.split("evalskip gate ")[1].split()
    assert run_inside("gate", *line).returncode == 0
    assert run_inside("gate", day, "--baseline", known).returncode == 0


def builds(
    sessions: int, spread: float, *, before: float, today: float, change: float, count: int
) -> list[str]:
    """How the gain of builds of known errors, whose sessions differ by a spread, is judged."""
    source = np.random.default_rng([sessions, int(1e4 * spread), int(1e4 * before)])
    outcomes = []
    for _ in range(count):
        errors = np.array([*[before] * sessions, today])
        usual = np.array([*[0.2] * sessions, 0.2 + change])
        values = usual * np.exp(source.normal(0, spread, sessions + 1)) + source.normal(0, errors)
        # each error is known from 8 blocks
        known = errors * np.sqrt(source.chisquare(7, sessions + 1) / 7)
        figures = [figure(v, error=e) for v, e in zip(values, known, strict=True)]
        outcomes.append(changed(figures[:-1], figures[-1], 0.995).outcome)
    return outcomes


@pytest.mark.parametrize("spread", [0.005, 0.02, 0.05])
@pytest.mark.parametrize("sessions", [1, 3, 5])
@pytest.mark.parametrize(("before", "today"), [(0.003, 0.003), (0.02, 0.003), (0.003, 0.02)])
def test_no_more_false_alarms_than_the_level_allows(
    sessions: int, spread: float, before: float, today: float
) -> None:
    outcomes = builds(sessions, spread, before=before, today=today, change=0, count=2000)
    # 1% of builds, of which each of two figures has a half, and the error of 2,000
    assert outcomes.count("regressed") / len(outcomes) <= 0.009


def test_five_points_are_seen_by_five_sessions() -> None:
    for spread, least in ((0.005, 0.99), (0.02, 0.99), (0.05, 0.88)):
        outcomes = builds(5, spread, before=0.003, today=0.003, change=0.05, count=1000)
        assert outcomes.count("regressed") / len(outcomes) >= least


def test_a_noisy_baseline_is_said_to_be_one() -> None:
    quiet, noisy = ([figure(0.2, error=error)] * 3 for error in (0.005, 0.05))
    assert noise_of(quiet, 0.99) is None
    assert 0.05 < (noise_of(noisy, 0.99) or 0) < 0.1


def test_the_spread_of_sessions_enters_the_error() -> None:
    alike = [figure(value) for value in (0.2, 0.201, 0.199, 0.2)]
    apart = [figure(value) for value in (0.1, 0.3, 0.13, 0.27)]
    today = figure(0.25)
    assert changed(alike, today, 0.995).outcome == "regressed"
    assert changed(apart, today, 0.995).outcome == "inconclusive"


def shifts_of(values: np.ndarray) -> list[Shift]:
    sessions = sessions_of(values)
    return shifts(sessions, sessions[-1])


def test_a_slow_drift_is_found_in_history_and_noise_is_not(tmp_path: Path) -> None:
    source = np.random.default_rng(3)
    noise = source.normal(0, 0.004, 40)
    assert not shifts_of(0.2 + noise)
    drift = shifts_of(0.2 + noise + np.linspace(0, 0.03, 40))
    assert drift
    assert all(shift.change > 0 for shift in drift)
    jump = shifts_of(0.2 + noise + 0.03 * (np.arange(40) >= 25))
    assert [shift.at for shift in jump] == ["25"]
    assert jump[0].after - jump[0].before == pytest.approx(0.03, abs=0.005)
    # sessions of another experiment tell nothing of this one
    other = [each.model_copy(update={"experiment": "o"}) for each in sessions_of(0.1 + noise)]
    assert not shifts([*other, *sessions_of(0.2 + noise)], sessions_of(0.2 + noise)[-1])
    path = tmp_path / "history.jsonl"
    for session in sessions_of(0.2 + noise[:5]):
        add_to_history(path, session)
    with path.open("a") as file:
        file.write('{"at": "torn')
    assert len(read_history(path)) == 5
    add_to_history(path, sessions_of(0.2 + noise[:6])[-1])
    add_to_history(path, sessions_of(0.2 + noise[:6])[-1])
    assert [session.at for session in read_history(path)] == ["0", "1", "2", "3", "4", "5"]


def test_history_is_appended_and_told_of(measure: Callable[..., Path], tmp_path: Path) -> None:
    day, history, known = measure("day"), tmp_path / "history.jsonl", tmp_path / "known.json"
    assert run_inside("gate", day, "--baseline", known, "--add").returncode == 0
    today = read_baseline(known).sessions[0]
    for place in range(12):
        moved = [
            each.model_copy(update={"value": each.value - 0.05 * (place < 6) + 1e-6 * place})
            for each in today.figures
        ]
        add_to_history(history, today.model_copy(update={"at": f"day {place}", "figures": moved}))
    ended = run_inside("gate", day, "--baseline", known, "--history", history)
    assert ended.returncode == 0, ended.stderr
    assert "since (+5.00 points, worse)" in ended.stdout
    assert "before day 6" in ended.stdout
    assert len(read_history(history)) == 13


WORK = """
import sys
import numpy
from evalskip import phase

epochs, cost = sys.argv[1], int(sys.argv[2])
matrix = numpy.random.default_rng(0).normal(size=(160, 160))

def work(times):
    for _ in range(times):
        matrix @ matrix

with phase("train"):
    for step in range(60):
        with phase("step"):
            work(40)
        if epochs == "every" and (step + 1) % 10 == 0:
            with phase("evaluate"):
                for _ in range(4):
                    work(cost)
"""


BUSY = """
import time
while True:
    until = time.time() + 0.7
    while time.time() < until:
        pass
    time.sleep(0.4)
"""


def real_script(tmp_path: Path, cost: int) -> Path:
    """A spec of a script that really works, an evaluation costing as much as is asked for."""
    script = tmp_path / "work.py"
    script.write_text(WORK)
    spec = tmp_path / f"work-{cost}.yaml"
    spec.write_text(
        f"""
job:
  kind: command
  command: "{{python}} {script} {{schedule}} {cost}"
  schedules: {{off: never, every_epoch: every}}
  threads: 1
arms:
  - {{schedule: every_epoch}}
design: {{looks: [8], repeats: 0, budget: 10m}}
"""
    )
    return spec


@pytest.mark.alone
@pytest.mark.slow
@pytest.mark.nightly
def test_really_slower_fails_and_a_really_busy_neighbour_does_not(
    tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    known = tmp_path / "known.json"
    for name in ("one", "two"):
        ended = evalskip("bench", real_script(tmp_path, 20), "--out", tmp_path / name)
        assert ended.returncode == 0, ended.stderr
        ended = evalskip("gate", tmp_path / name, "--baseline", known, "--add")
        assert ended.returncode == 0, ended.stderr
    slower = evalskip("bench", real_script(tmp_path, 26), "--out", tmp_path / "slower")
    assert slower.returncode == 0, slower.stderr
    ended = evalskip("gate", tmp_path / "slower", "--baseline", known)
    assert ended.returncode == 1, ended.stdout + ended.stderr
    neighbours = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(2)]
    try:
        time.sleep(0.5)
        ended = evalskip("bench", real_script(tmp_path, 20), "--out", tmp_path / "beside")
        assert ended.returncode == 0, ended.stderr
    finally:
        for neighbour in neighbours:
            neighbour.kill()
            neighbour.wait()
    ended = evalskip("gate", tmp_path / "beside", "--baseline", known)
    assert ended.returncode in (0, 3), ended.stdout + ended.stderr


def test_a_result_with_headroom_alone_is_gated(tmp_path: Path) -> None:
    result = ROOT / "results" / "reference" / "headroom-full-h100"
    shutil.copytree(result, tmp_path / "day")
    known = tmp_path / "known.json"
    ended = run_inside("gate", tmp_path / "day", "--baseline", known, "--add")
    assert ended.returncode == 0, ended.stderr
    ended = run_inside("gate", tmp_path / "day", "--baseline", known)
    assert ended.returncode == 0, ended.stderr
