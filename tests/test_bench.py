"""The whole pipeline on synthetic jobs: what comes out, what a bad run does, what a person sees."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from evalskip.analysis.interim import simultaneous_level
from evalskip.notes import note
from evalskip.records import whole_attempts
from evalskip.report.words import ENGLISH
from evalskip.summary import read_summary
from support import ROOT, block_runs, descendants_marked, run_inside

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

COSTS = {
    "setup": 2.0,
    "before_loop": 0.1,
    "step": 0.01,
    "evaluation_loader": 0.005,
    "evaluation_batch": 0.003,
    "aggregation": 0.002,
    "save": 0.05,
    "log": 0.001,
    "after_loop": 0.02,
}


def test_known_costs_come_out_exactly(
    write_spec: Callable[..., Path], tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    spec = write_spec(
        job={"epochs": 10, "steps_in_epoch": 20, "save_steps": 100, "costs": COSTS},
        arms=[
            {"schedule": "every_epoch", "evaluation_samples": [20, 64]},
            {"schedule": "every_n_epochs", "n": 5, "evaluation_samples": 64},
            {"schedule": "every_n_epochs", "n": 11, "evaluation_samples": 64},
            {"schedule": "every_n_steps", "n": 60, "evaluation_samples": 64},
            {"schedule": "final_only", "evaluation_samples": 64},
        ],
        design={"looks": [6]},
    )
    ended = evalskip("bench", spec, "--out", tmp_path / "out")
    assert ended.returncode == 0, ended.stderr
    summary = read_summary(tmp_path / "out")
    off = 0.1 + 200 * 0.01 + 20 * 0.001 + 2 * 0.05 + 0.02
    assert summary.bench.matched.same_work
    assert summary.bench.matched.blocks == 6
    assert summary.bench.arms["off"].wall_s == pytest.approx(off, abs=1e-9)
    for arm, evaluations, batches in (
        ("every_epoch@20", 10, 3),
        ("every_epoch@64", 10, 8),
        ("every_n_epochs:5@64", 2, 8),
        ("every_n_epochs:11@64", 0, 8),
        ("every_n_steps:60@64", 4, 8),
        ("final_only@64", 1, 8),
    ):
        evaluate = evaluations * (0.005 + batches * 0.003 + 0.002)
        found = summary.bench.arms[arm]
        assert found.evaluations == evaluations
        assert found.phases_s["evaluate"] == pytest.approx(evaluate, abs=1e-9)
        assert sum(found.phases_s.values()) == pytest.approx(found.wall_s, abs=1e-9)
        assert found.share == pytest.approx(evaluate / (off + evaluate), abs=1e-9)
        for estimator in ("wall_clock", "attributed", "matched", "whole_span"):
            comparison = summary.bench.compared(arm, estimator)
            gain = comparison.throughput_gain
            assert gain.estimate == pytest.approx(evaluate / off, abs=1e-7)
            assert gain.low <= gain.estimate <= gain.high
            saved = comparison.time_saved.estimate
            assert saved == pytest.approx(1 - off / (off + evaluate), abs=1e-7)
        with_setup = summary.bench.compared(arm, "wall_clock").throughput_gain_with_setup
        assert with_setup.estimate == pytest.approx(evaluate / (off + 2.0), abs=1e-7)
    assert summary.bench.noise_floor.estimate == pytest.approx(0, abs=1e-12)


NOISE: dict[str, list[dict[str, Any]]] = {
    "drift": [{"kind": "drift", "amplitude": 0.4, "period_s": 7.0}],
    "bursts": [{"kind": "bursts", "every_s": 1.0, "length_s": 0.1, "factor": 4.0}],
    "heavy tails": [{"kind": "heavy_tails", "scale": 0.05, "shape": 1.5}],
    "autocorrelation": [{"kind": "autocorrelation", "sigma": 0.1, "memory": 0.9}],
    "neighbour": [{"kind": "neighbour", "away_s": 3.0, "stay_s": 2.0, "factor": 3.0}],
}


@pytest.mark.parametrize("noise", NOISE.values(), ids=NOISE)
def test_known_truth_is_recovered_under_noise(
    noise: list[dict[str, Any]],
    write_spec: Callable[..., Path],
    tmp_path: Path,
    evalskip: Callable[..., Any],
) -> None:
    arms = [{"schedule": "every_n_epochs", "n": n, "evaluation_samples": 64} for n in (2, 4)]
    spec = write_spec(
        job={"epochs": 16, "steps_in_epoch": 10, "costs": COSTS, "noise": noise},
        arms=arms,
        design={"looks": [12]},
    )
    assert evalskip("bench", spec, "--out", tmp_path / "out").returncode == 0
    summary = read_summary(tmp_path / "out")
    off = 0.1 + 160 * 0.01 + 16 * 0.001 + 0.02
    gains = {}
    for n, evaluations in ((2, 8), (4, 4)):
        truth = evaluations * (0.005 + 8 * 0.003 + 0.002) / off
        found = summary.bench.compared(f"every_n_epochs:{n}@64", "matched")
        gains[n] = found.throughput_gain
        # one interval of twenty may miss the truth; none by its own width
        assert gains[n].estimate == pytest.approx(truth, abs=gains[n].high - gains[n].low)
        assert gains[n].high - gains[n].low < 0.06
        assert summary.bench.arms[f"every_n_epochs:{n}@64"].evaluations == evaluations
    # twice as many evaluations take twice as long, within the intervals
    assert gains[2].low <= 2 * gains[4].high
    assert 2 * gains[4].low <= gains[2].high


def test_a_result_directory_holds_what_the_design_names(
    write_spec: Callable[..., Path], tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    out = tmp_path / "out"
    assert evalskip("bench", write_spec(), "--out", out).returncode == 0
    names = {path.name for path in out.iterdir() if not path.name.startswith(".")}
    assert names == {
        "spec.yaml",
        "environment.json",
        "runs.jsonl",
        "steps",
        "runs.csv",
        "summary.json",
        "report.md",
        "logs",
    }
    assert len((out / "runs.jsonl").read_text().splitlines()) == 3 * 4
    assert len(list((out / "steps").iterdir())) == 3 * 4
    assert len((out / "runs.csv").read_text().splitlines()) == 1 + 3 * 4
    environment = json.loads((out / "environment.json").read_text())
    assert environment["machine"]["cores"] >= 1
    # the resolved spec makes the same experiment, here resumed with nothing left to do
    again = evalskip("bench", out / "spec.yaml", "--out", out, "--resume")
    assert again.returncode == 0
    assert "3 of them finished before" in again.stdout
    assert len((out / "runs.jsonl").read_text().splitlines()) == 3 * 4


def test_permuting_arms_changes_no_figure(
    write_spec: Callable[..., Path], tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    arms = [
        {"schedule": "every_epoch", "evaluation_samples": 64},
        {"schedule": "final_only", "evaluation_samples": 16},
    ]
    for name, order in (("one", arms), ("two", arms[::-1])):
        spec = write_spec(f"{name}.yaml", job={"costs": COSTS}, arms=order)
        assert evalskip("bench", spec, "--out", tmp_path / name).returncode == 0
    one, two = read_summary(tmp_path / "one"), read_summary(tmp_path / "two")
    assert one.bench.arms == two.bench.arms
    assert {c.arm: c for c in one.bench.comparisons} == {c.arm: c for c in two.bench.comparisons}


def test_unmatched_work_is_shown_and_enters_no_estimate(
    write_spec: Callable[..., Path], tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    fault = {"arm": "every_epoch@64", "ending": "different_work", "step": 3}
    spec = write_spec(job={"faults": [fault]})
    ended = evalskip("bench", spec, "--out", tmp_path / "out")
    assert ended.returncode == 0
    assert "NOT the same work: every_epoch@64 (work)" in ended.stdout
    summary = read_summary(tmp_path / "out")
    assert summary.bench.claimed.verdict == "not_run"
    assert not summary.bench.matched.same_work
    assert summary.bench.matched.blocks == 0
    assert summary.bench.comparisons == []
    assert summary.bench.warnings[0] == note("blocks_differ", part=3, whole=3)


@pytest.mark.parametrize(
    ("ending", "status", "error"),
    [
        ("raise", "failed", "ValueError: a fault was asked for at step 2"),
        ("out_of_memory", "out_of_memory", "MemoryError"),
        ("kill", "failed", "killed by SIGKILL"),
        ("hang", "timed_out", "ended after its limit of 2 s"),
    ],
)
def test_a_bad_run_is_a_recorded_outcome_and_the_experiment_goes_on(
    ending: str,
    status: str,
    error: str,
    write_spec: Callable[..., Path],
    tmp_path: Path,
    evalskip: Callable[..., Any],
) -> None:
    spec = write_spec(
        job={
            "clock": "real",
            "costs": {"step": 0.001},
            "faults": [{"arm": "every_epoch@16", "ending": ending, "step": 2}],
        },
        design={"looks": [2]},
        limits={"run_time": "2s"},
    )
    mark = f"{ending}-{os.getpid()}"
    environment = {**os.environ, "EVALSKIP_TEST": mark}
    ended = evalskip("bench", spec, "--out", tmp_path / "out", env=environment)
    assert ended.returncode == 0, ended.stderr
    records = block_runs(tmp_path / "out")
    assert len(records) == 2 * 4
    for record in records:
        if record.arm == "every_epoch@16":
            assert record.status == status
            assert error in record.error
        else:
            assert record.status == "ok"
    summary = read_summary(tmp_path / "out")
    assert summary.bench.arms["every_epoch@16"].failed_runs == {status: 2}
    assert any(
        "every_epoch@16: 2 of its runs ended" in ENGLISH.note(each)
        for each in summary.bench.warnings
    )
    assert summary.bench.compared("every_epoch@64", "wall_clock").blocks == 2
    assert summary.bench.compared("every_epoch@16", "wall_clock") is None
    assert descendants_marked(mark) == []


def test_an_experiment_without_any_good_run_of_off_failed(
    write_spec: Callable[..., Path], tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    spec = write_spec(job={"faults": [{"arm": "off", "ending": "raise"}]})
    ended = evalskip("bench", spec, "--out", tmp_path / "out")
    assert ended.returncode == 4
    assert "no run of off ended well" in ended.stderr or "does not start; off" in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_results_are_moved_aside_and_others_things_left_alone(
    write_spec: Callable[..., Path], tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    spec, out = write_spec(), tmp_path / "out"
    assert evalskip("bench", spec, "--out", out).returncode == 0
    first = (out / "runs.jsonl").read_text()
    assert evalskip("bench", spec, "--out", out).returncode == 0
    assert (tmp_path / "out.1" / "runs.jsonl").read_text() == first
    assert (out / "runs.jsonl").read_text() != first
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.txt").write_text("mine")
    ended = evalskip("bench", spec, "--out", other)
    assert ended.returncode == 2
    assert "holds other files" in ended.stderr
    assert [path.name for path in other.iterdir()] == ["thesis.txt"]


def test_resume_refuses_another_spec_and_another_machine(
    write_spec: Callable[..., Path], tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    spec, out = write_spec(), tmp_path / "out"
    assert evalskip("bench", spec, "--out", out).returncode == 0
    ended = evalskip("bench", spec, "--out", out, "--resume", "--set", "job.epochs=5")
    assert ended.returncode == 2
    assert "belongs to another spec" in ended.stderr
    environment = json.loads((out / "environment.json").read_text())
    environment["machine"]["cores"] += 1
    (out / "environment.json").write_text(json.dumps(environment))
    ended = evalskip("bench", spec, "--out", out, "--resume")
    assert ended.returncode == 2
    assert "begun on another model of machine: cores" in ended.stderr
    assert ended.stderr.count("\n") == 1


def _start(spec: Path, out: Path, mark: str, *more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "evalskip", "bench", str(spec), "--out", str(out), *more],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "EVALSKIP_TEST": mark},
    )


def _slow_spec(write_spec: Callable[..., Path]) -> Path:
    return write_spec(
        job={"clock": "real", "epochs": 2, "costs": {"step": 0.02}}, design={"looks": [3]}
    )


def _wait_for_no_descendants(mark: str) -> list[int]:
    for _ in range(50):
        if not descendants_marked(mark):
            return []
        time.sleep(0.1)
    return descendants_marked(mark)


def test_an_interrupt_before_anything_is_run_is_said_as_well(
    monkeypatch: pytest.MonkeyPatch, write_spec: Callable[..., Path]
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("evalskip.spec.load_spec", interrupted)
    ended = run_inside("bench", write_spec())
    assert (ended.returncode, ended.stderr) == (130, "evalskip: interrupted\n")


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_an_interrupt_ends_cleanly_and_says_how_to_resume(
    name: str, write_spec: Callable[..., Path], tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    spec, out = _slow_spec(write_spec), tmp_path / "out"
    mark = f"{name}-{os.getpid()}"
    process = _start(spec, out, mark)
    for line in process.stdout:
        if line.startswith("block 2"):
            break
    process.send_signal(getattr(signal, name))
    _, error = process.communicate(timeout=20)
    assert process.returncode == 130
    said, command = error.splitlines()
    assert said.endswith("to go on:")
    assert "-m evalskip bench" in command
    assert command.endswith("--resume")
    assert _wait_for_no_descendants(mark) == []
    ended = evalskip("bench", spec, "--out", out, "--resume")
    assert ended.returncode == 0
    assert "1 of them finished before" in ended.stdout


@pytest.mark.slow
@pytest.mark.parametrize("moment", [0.9, 1.3, 1.7, 2.1, 2.5])
def test_kill_9_loses_no_finished_block_and_resume_repeats_none(
    moment: float, write_spec: Callable[..., Path], tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    spec, out = _slow_spec(write_spec), tmp_path / "out"
    mark = f"{moment}-{os.getpid()}"
    process = _start(spec, out, mark)
    time.sleep(moment)
    process.kill()
    process.communicate()
    assert _wait_for_no_descendants(mark) == []
    before = block_runs(out)
    finished = whole_attempts(before, 4)
    ended = evalskip("bench", spec, "--out", out, "--resume")
    assert ended.returncode == 0, ended.stderr
    after = block_runs(out)
    assert after[: len(before)] == before
    attempts = whole_attempts(after, 4)
    assert [each.block for each in attempts] == [1, 2, 3]
    assert all(attempts[key] == runs for key, runs in finished.items())
    assert len(after) - len(before) == 4 * (3 - len(finished))
    assert read_summary(out).bench.effort.runs == 12


def test_a_second_harness_on_the_same_directory_is_refused(
    write_spec: Callable[..., Path], tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    spec, out = _slow_spec(write_spec), tmp_path / "out"
    process = _start(spec, out, "second")
    try:
        assert process.stdout.readline()
        ended = evalskip("bench", spec, "--out", out)
        assert ended.returncode == 2
        assert "in use by another evalskip" in ended.stderr
        assert not (tmp_path / "out.1").exists()
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)


def test_a_budget_ends_between_blocks(
    write_spec: Callable[..., Path], tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    ended = evalskip("bench", _slow_spec(write_spec), "--out", tmp_path / "out", "--budget", "1s")
    assert ended.returncode == 0
    summary = read_summary(tmp_path / "out")
    assert summary.bench.effort.stopped == note("budget_used", budget=1.0)
    assert summary.bench.effort.blocks == 1
    comparison = summary.bench.compared("every_epoch@16", "wall_clock")
    assert comparison.throughput_gain.low is None


def test_without_a_terminal_there_are_plain_lines(
    write_spec: Callable[..., Path], tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    ended = evalskip("bench", write_spec(), "--out", tmp_path / "out")
    assert "\x1b" not in ended.stdout
    assert ended.stdout.startswith("3 blocks of 4 runs\n")
    assert "block 2, every_epoch@64: training time 0.30 s" in ended.stdout
    assert "speed-up so far, %: every_epoch@16" in ended.stdout
    assert ended.stdout.count("Where the time goes") == 1


def test_on_a_terminal_there_is_a_bar_with_time_left(
    write_spec: Callable[..., Path], tmp_path: Path
) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "evalskip",
            "bench",
            _slow_spec(write_spec),
            "--out",
            tmp_path / "o",
        ],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=ROOT,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "120"},
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            chunk = os.read(ours, 65536)
        except OSError:
            break
        if not chunk:
            break
        shown += chunk
    assert process.wait() == 0
    text = shown.decode()
    assert re.search(r"\d+ s left", text)
    assert re.search(r"\d+/12 ", re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text))
    assert "speed-up so far" in text
    assert "Speed-up from skipping evaluation" in text


def test_markdown_says_what_the_terminal_says_and_escapes_names(
    write_spec: Callable[..., Path], tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    out = tmp_path / "<b>|out"
    ended = evalskip("bench", write_spec(job={"costs": COSTS}), "--out", out)
    assert ended.returncode == 0
    text = (out / "report.md").read_text()
    assert text.startswith("## &lt;b&gt;\\|out\n")
    for figure in re.findall(r"\d+\.\d+ \[-?\d+\.\d, -?\d+\.\d\]", ended.stdout):
        assert figure.replace("[", "\\[").replace("]", "\\]") in text
    samples = [line for line in text.splitlines() if line.startswith("| every epoch")]
    assert len(samples) == 2 * 5  # overview, estimates, readings, phases, tokens; no memory
    (out / "report.md").unlink()
    again = evalskip("report", out)
    assert again.returncode == 0
    assert (out / "report.md").read_text() == text


def test_help_needs_no_torch(evalskip: Callable[..., Any]) -> None:
    code = (
        "import sys; from evalskip.cli import app;"
        "import contextlib\n"
        "with contextlib.suppress(SystemExit): app(['--help'])\n"
        "print(sorted({'torch', 'pandas', 'pydantic', 'transformers'} & set(sys.modules)))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert ended.stdout.splitlines()[-1] == "[]"
    assert "bench" in ended.stdout


def test_a_torn_last_line_is_dropped_with_a_warning(
    write_spec: Callable[..., Path], tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    spec, out = write_spec(), tmp_path / "out"
    assert evalskip("bench", spec, "--out", out).returncode == 0
    lines = (out / "runs.jsonl").read_bytes()
    (out / "runs.jsonl").write_bytes(lines[:-40])
    ended = evalskip("bench", spec, "--out", out, "--resume")
    assert ended.returncode == 0
    assert "warning: runs.jsonl: the last line was torn and is dropped" in ended.stdout
    assert "2 of them finished before" in ended.stdout
    # the torn block is run again whole; the rest of its first attempt stays
    assert len((out / "runs.jsonl").read_text().splitlines()) == 11 + 4


def test_a_start_that_was_cut_off_stands_in_nobodys_way(
    write_spec: Callable[..., Path], tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    for name in (".lock", "environment.json", ".spec.yaml.123.tmp"):
        (out / name).write_text("{}")
    assert evalskip("bench", write_spec(), "--out", out, "--resume").returncode == 0


def test_resume_refuses_other_versions(
    write_spec: Callable[..., Path], tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    spec, out = write_spec(), tmp_path / "out"
    assert evalskip("bench", spec, "--out", out).returncode == 0
    environment = json.loads((out / "environment.json").read_text())
    environment["software"] = {"torch": "1.0"}
    (out / "environment.json").write_text(json.dumps(environment))
    lines = (out / "runs.jsonl").read_bytes().splitlines(keepends=True)
    (out / "runs.jsonl").write_bytes(b"".join(lines[:-1]))
    ended = evalskip("bench", spec, "--out", out, "--resume")
    assert ended.returncode == 2
    assert "begun with torch 1.0" in ended.stderr
    assert (out / "runs.jsonl").exists()


def test_names_that_look_like_markup_and_dots_are_names(
    write_spec: Callable[..., Path], tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    spec = write_spec()
    assert "[/b]/report.md" in evalskip("bench", spec, "--out", "[/b]", cwd=tmp_path).stdout
    inside = tmp_path / "inside"
    inside.mkdir()
    assert evalskip("bench", spec, "--out", ".", cwd=inside).returncode == 0
    assert (inside / "report.md").read_text().startswith("## inside\n")
    assert evalskip("bench", spec, "--out", "x" * 300, cwd=tmp_path).returncode == 2


def test_an_encoding_without_frames_ends_nothing(
    write_spec: Callable[..., Path], tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    ended = evalskip("bench", write_spec(), "--out", tmp_path / "out", env=environment)
    assert ended.returncode == 0, ended.stderr


def test_looks_end_the_experiment_once_every_verdict_is_settled(
    write_spec: Callable[..., Path], tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    # gains of 6%, 20% and 60%, known exactly: nothing is open after the first look
    spec = write_spec(
        job={"costs": {"step": 0.01, "evaluation_batch": 0.001}},
        arms=[{"schedule": "every_epoch", "evaluation_samples": [24, 80, 240]}],
        design={"looks": [6, 9]},
    )
    ended = evalskip("bench", spec, "--out", tmp_path / "out")
    summary = read_summary(tmp_path / "out")
    verdicts = [
        summary.bench.headline(f"every_epoch@{samples}").verdict for samples in (24, 80, 240)
    ]
    assert verdicts == ["refuted", "supported", "refuted"]
    levels = {c.throughput_gain.level for c in summary.bench.comparisons} | {
        summary.bench.noise_floor.level
    }
    assert levels == {simultaneous_level(0.95, [6, 9], 3)}
    assert summary.bench.effort.blocks == 6
    assert summary.bench.effort.stopped == note("verdicts_settled", look=6)
    assert summary.bench.claimed.verdict == "conditional"
    conditions = ENGLISH.clauses(summary.bench.claimed.conditions)
    # 17.6 and 42.9% of gain are 15 and 30% of time saved
    assert "read as time saved, it is entered at 1.79 [1.75, 1.83]" in conditions
    # the gain is the load times 0.6, within the least half-width: the range of 15-30% lies
    # between loads of 1.5 and 3
    assert "entered at 1.50 [1.46, 1.54] evaluated tokens per trained token" in conditions
    assert "and left at 3.00 [2.93, 3.08]" in conditions
    assert "claimed, 15-30% faster: conditional; " in ended.stdout


def test_below_six_blocks_every_verdict_is_inconclusive(
    write_spec: Callable[..., Path], tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    assert evalskip("bench", write_spec(), "--out", tmp_path / "out").returncode == 0
    claimed = read_summary(tmp_path / "out").bench.claimed
    assert claimed.verdict == "inconclusive"
    assert claimed.conditions == [note("verdict_needs_blocks", blocks=6, fewest=3)]


def test_an_after_effect_is_found_and_is_part_of_the_gain(
    write_spec: Callable[..., Path], tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    spec = write_spec(
        job={"costs": {"step": 0.01, "evaluation_batch": 0.001, "after_evaluation": 0.002}},
        arms=[{"schedule": "every_epoch", "evaluation_samples": 80}],
    )
    assert evalskip("bench", spec, "--out", tmp_path / "out").returncode == 0
    summary = read_summary(tmp_path / "out")
    # 4 evaluations of 10 batches beside 20 steps; 3 of the evaluations are followed by a step
    for estimator, gain in (
        ("after_effect", 0.006 / 0.24),
        ("matched", 0.046 / 0.2),
        ("whole_span", 0.046 / 0.2),
        ("wall_clock", 0.046 / 0.2),
        ("attributed", 0.04 / 0.206),
    ):
        found = summary.bench.compared("every_epoch@80", estimator).throughput_gain.estimate
        assert found == pytest.approx(gain, abs=1e-7), estimator


def test_nothing_is_judged_where_nobody_claims_anything(
    write_spec: Callable[..., Path], tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    spec, out = write_spec(replace={"claimed_gain": None}), tmp_path / "out"
    ended = evalskip("bench", spec, "--out", out)
    assert ended.returncode == 0, ended.stderr
    summary = read_summary(out)
    assert summary.bench.claimed is None
    assert all(each.verdict is None for each in summary.bench.comparisons)
    for text in (ended.stdout, (out / "report.md").read_text()):
        assert "claim" not in text
        assert "verdict" not in text
    judged = tmp_path / "judged"
    ended = evalskip("bench", spec, "--out", judged, "--claimed-gain", "1-2.5%")
    assert ended.returncode == 0, ended.stderr
    assert read_summary(judged).bench.claimed_gain == (0.01, 0.025)
    assert "The claimed 1-2.5%" in " ".join(ended.stdout.split())


@pytest.mark.parametrize("given", ["15", "30-15%", "15-", "a-b", "15-300%"])
def test_a_claimed_gain_that_is_no_range_is_one_line(
    given: str, write_spec: Callable[..., Path], evalskip: Callable[..., Any]
) -> None:
    ended = evalskip("bench", write_spec(), "--claimed-gain", given)
    assert ended.returncode == 2
    assert ended.stderr == (
        f"evalskip: --claimed-gain: expected a range such as 15-30%, got {given}\n"
    )
    ended = evalskip("bench", write_spec(claimed_gain=[0.3, 0.15]))
    assert ended.returncode == 2
    assert "claimed_gain: expected two fractions, the lower one first" in ended.stderr
