"""Any script as an arm: a hand-written loop, and TRL."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from evalskip.jobs.llamafactory.settings import PYTHON
from evalskip.spec import load_spec
from evalskip.summary import read_summary
from support import ROOT, block_runs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LOOP = """
import sys, time
from evalskip import phase

every = int(sys.argv[1])
with phase("train"):
    for step in range(1, 9):
        with phase("step", tokens=10):
            time.sleep(0.01)
        if every and step % every == 0:
            with phase("evaluate", samples=4, tokens=20):
                time.sleep(0.03)
        with phase("log"):
            time.sleep(0.001)
time.sleep(0.2)  # saving the model, say: no part of T
if every == 8:
    with phase("evaluate", samples=4, tokens=20):
        time.sleep(0.03)
"""


def test_a_hand_written_loop_is_measured(
    command_spec: Callable[..., Path], tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    out = tmp_path / "out"
    ended = evalskip("bench", command_spec(LOOP), "--out", out)
    assert ended.returncode == 0, ended.stderr
    runs = {record.arm: record for record in block_runs(out)}
    assert {arm: run.evaluated_after for arm, run in runs.items()} == {
        "off": [],
        "off_again": [],
        "every_epoch": [2, 4, 6, 8],
        "final_only": [8, 8],
    }
    summary = read_summary(out)
    assert not summary.bench.matched.proven
    assert "checked by the number of steps only" in ended.stdout
    assert summary.bench.arms["every_epoch"].evaluation_load == 1.0
    assert summary.bench.arms["every_epoch"].phases_s["evaluate"] == pytest.approx(0.12, abs=0.05)
    # what lies between training and an evaluation after it is no part of T
    assert summary.bench.arms["final_only"].wall_s < 0.25
    assert summary.bench.arms["off"].setup_s > 0


def test_the_loop_tells_by_itself(tmp_path: Path) -> None:
    path = tmp_path / "script.py"
    path.write_text(LOOP)
    ended = subprocess.run(
        [sys.executable, path, "2"], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert "evalskip: 4 evaluations took 0.1 s of" in ended.stderr


@pytest.mark.parametrize(
    ("script", "error"),
    [
        (
            "print('hello')",
            ["reported nothing; expected EvalCost() among its Trainer's callbacks"],
        ),
        ("print('one'); raise SystemExit('no data')", ["exit code 1", "  one", "  no data"]),
        ("import os; os.kill(os.getpid(), 9)", ["killed by SIGKILL", "  it printed nothing"]),
        ("raise FileNotFoundError('data.json')", ["exit code 1", "data.json"]),
    ],
)
def test_a_script_that_does_not_start_ends_the_experiment_with_its_last_lines(
    script: str,
    error: list[str],
    command_spec: Callable[..., Path],
    tmp_path: Path,
    evalskip: Callable[..., Any],
) -> None:
    ended = evalskip("bench", command_spec(script), "--out", tmp_path / "out")
    assert ended.returncode == 4
    said, *below = ended.stderr.splitlines()
    assert said.startswith("evalskip: the job does not start; ")
    assert error[0] in said
    for line in error[1:]:
        assert any(line in each for each in below)
    assert len(said) <= 300
    # beside the pilot, which a loop by hand cannot make, one run of off or of two other arms
    assert len(block_runs(tmp_path / "out")) <= 2


@pytest.mark.parametrize(
    ("job", "error"),
    [
        ({"command": "python train.py"}, "job.command: expected a placeholder {schedule}"),
        ({"command": "no-such-thing {schedule}"}, "job.command: no-such-thing: no such program"),
        ({"command": "python {when} {schedule}"}, "job.command: expected placeholders from"),
        ({"command": "python '{schedule}"}, "job.command: expected a command line"),
    ],
)
def test_a_command_that_makes_no_arms_is_said_in_one_line(
    job: dict[str, Any],
    error: str,
    command_spec: Callable[..., Path],
    tmp_path: Path,
    evalskip: Callable[..., Any],
) -> None:
    path = command_spec(LOOP, schedules={}, **job)
    ended = evalskip("bench", path, "--out", tmp_path / "out")
    assert ended.returncode == 2
    assert error in ended.stderr
    assert not (tmp_path / "out").exists()


def test_the_examples_are_specs_that_load() -> None:
    spec = load_spec(ROOT / "examples" / "hand_written.yaml")
    assert [arm.name for arm in spec.all_arms()][2:] == ["every_epoch", "every_n_epochs:2"]


@pytest.mark.slow
@pytest.mark.parametrize("example", ["hand_written", "trl_sft"])
@pytest.mark.nightly
def test_the_examples_run(example: str, tmp_path: Path, evalskip: Callable[..., Any]) -> None:
    if example == "trl_sft" and not (ROOT / PYTHON).exists():
        pytest.skip("make llamafactory builds what this needs")
    path, out = ROOT / "examples" / f"{example}.yaml", tmp_path / "out"
    ended = evalskip("bench", path, "--budget", "1s", "--out", out)
    assert ended.returncode == 0, ended.stderr
    evaluations = {arm: found.evaluations for arm, found in read_summary(out).bench.arms.items()}
    expected = {"hand_written": {"every_epoch": 4, "every_n_epochs:2": 2}}
    default = {"every_epoch": 3, "every_n_epochs:3": 1}
    assert evaluations == {"off": 0, "off_again": 0, **expected.get(example, default)}
    matched = read_summary(out).bench.matched
    assert matched.same_work
    assert matched.proven == (example == "trl_sft")
