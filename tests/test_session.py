"""Experiments that are cut off after any of their runs, and go on: nothing is run twice."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from evalskip.engines import recording
from evalskip.jobs.synthetic import SyntheticJob
from evalskip.machine.disturbance import Disturbance
from evalskip.records import RecordStore, elapsed_s
from evalskip.report.progress import ProgressView
from evalskip.session import Event
from evalskip.summary import read_summary
from support import run_inside, run_record
from test_headroom import JOB as BATCHES
from test_predict import JOB as STEPS
from test_training import TINY

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from evalskip.records import RunRecord

ARMS = [
    {"schedule": "every_epoch", "evaluation_samples": [16, 64]},
    {"schedule": "every_epoch", "evaluation_samples": 64, "evaluation": {"evaluation_batch": 4}},
]
LIMITS = {"memory": "2000MiB"}
DOCUMENTS: dict[str, dict[str, Any]] = {
    "bench": {
        "job": BATCHES,
        "measure": ["time", "headroom"],
        "design": {"looks": [2, 3], "repeats": 2},
    },
    "headroom": {"job": BATCHES},
    "predict": {"job": {"kind": "synthetic", **STEPS, "epochs": 20}},
}


@pytest.fixture(params=DOCUMENTS)
def command(request: pytest.FixtureRequest, write_spec: Callable[..., Path]) -> tuple[str, Path]:
    """A command on a virtual clock, and its spec."""
    name: str = request.param
    return name, write_spec(replace={"arms": ARMS, "limits": LIMITS, **DOCUMENTS[name]})


def figures(out: Path) -> dict[str, Any]:
    """All of a summary but its name, when it was made, and what took this machine's time."""
    summary = json.loads(read_summary(out).model_dump_json())
    del summary["name"], summary["made"]
    for section in ("bench", "headroom", "prediction", "regret"):
        if summary[section]:
            del summary[section]["effort"]["seconds"]
    if summary["prediction"]:
        del summary["prediction"]["pilot"]["seconds"]
    return summary


def names_of(records: list[RunRecord]) -> list[str]:
    return [record.request.id.name for record in records]


def records_of(out: Path) -> list[RunRecord]:
    return RecordStore(out).read()


def interrupt_after(count: int, sent: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have this process sent a signal once so many more runs are on disk."""
    append, left = RecordStore.append, iter(range(count - 1, -1, -1))

    def appended(*arguments: Any, **options: Any) -> None:
        append(*arguments, **options)
        if next(left) == 0:
            os.kill(os.getpid(), sent)

    monkeypatch.setattr(RecordStore, "append", appended)


def test_cut_off_after_any_run_it_ends_as_if_it_had_not_been(
    command: tuple[str, Path], tmp_path: Path
) -> None:
    name, spec = command
    whole = tmp_path / "whole"
    assert run_inside(name, spec, "--out", whole).returncode == 0
    lines = (whole / "runs.jsonl").read_text().splitlines(keepends=True)
    arms = 5 if name == "bench" else 1
    assert len(set(names_of(records_of(whole)))) == len(lines) > 3
    for kept in range(len(lines) + 1):
        out = tmp_path / f"cut-{kept}"
        shutil.copytree(whole, out)
        (out / "summary.json").unlink()
        (out / "runs.jsonl").write_text("".join(lines[:kept]))
        ended = run_inside(name, spec, "--out", out, "--resume")
        assert ended.returncode == 0, ended.stderr
        assert figures(out) == figures(whole)
        records = records_of(out)
        assert [record.model_dump_json() for record in records[:kept]] == [
            record.model_dump_json() for record in records_of(whole)[:kept]
        ]
        assert len(set(names_of(records))) == len(records)
        # of a block that was cut off all arms are run again; of others nothing is
        assert 0 <= len(records) - len(lines) < arms


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_says_how_to_go_on(
    sent: signal.Signals,
    command: tuple[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name, spec = command
    out = tmp_path / "out"
    with monkeypatch.context() as patched:
        interrupt_after(2, sent, patched)
        ended = run_inside(name, spec, "--out", out)
    assert ended.returncode == 130
    said, again = ended.stderr.splitlines()
    assert said.endswith("to go on:")
    assert f"-m evalskip {name} {spec}" in again
    assert again.endswith("--resume")
    assert len(records_of(out)) == 2
    assert run_inside(name, spec, "--out", out, "--resume").returncode == 0


def test_a_kill_loses_no_run(
    command: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, spec = command
    out = tmp_path / "out"
    child = os.fork()
    if child == 0:
        try:
            interrupt_after(3, signal.SIGKILL, monkeypatch)
            run_inside(name, spec, "--out", out)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert len(records_of(out)) == 3
    assert run_inside(name, spec, "--out", out, "--resume").returncode == 0
    whole = tmp_path / "whole"
    assert run_inside(name, spec, "--out", whole).returncode == 0
    assert figures(out) == figures(whole)


def test_another_spec_or_machine_is_refused(command: tuple[str, Path], tmp_path: Path) -> None:
    name, spec = command
    out = tmp_path / "out"
    assert run_inside(name, spec, "--out", out).returncode == 0
    ended = run_inside(name, spec, "--out", out, "--resume", "--set", "design.seed=1")
    assert ended.returncode == 2
    assert "belongs to another spec" in ended.stderr
    environment = json.loads((out / "environment.json").read_text())
    environment["machine"]["cores"] += 1
    (out / "environment.json").write_text(json.dumps(environment))
    ended = run_inside(name, spec, "--out", out, "--resume")
    assert ended.returncode == 2
    assert "begun on another model of machine: cores" in ended.stderr


def test_blocks_that_were_repeated_are_not_repeated_again(
    write_spec: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "disturbance_of", lambda *_: Disturbance(1.0, 1.0))
    spec, out = write_spec(design={"looks": [2, 3], "repeats": 2}), tmp_path / "out"
    assert run_inside("bench", spec, "--out", out).returncode == 0
    before, known = records_of(out), figures(out)
    assert {record.attempt for record in before} == {0, 1, 2}
    assert run_inside("bench", spec, "--out", out, "--resume").returncode == 0
    assert len(records_of(out)) == len(before)
    assert figures(out) == known


def test_a_budget_that_is_used_up_stays_so_and_a_larger_one_goes_on(
    write_spec: Callable[..., Path], tmp_path: Path
) -> None:
    spec = write_spec(
        job={"clock": "real", "epochs": 2, "costs": {"step": 0.02}}, design={"looks": [3]}
    )
    out = tmp_path / "out"
    # longer than a block takes, and shorter than two
    assert run_inside("bench", spec, "--out", out, "--budget", "2s").returncode == 0
    before = records_of(out)
    assert read_summary(out).bench.effort.blocks == 1
    assert run_inside("bench", spec, "--out", out, "--budget", "2s", "--resume").returncode == 0
    assert len(records_of(out)) == len(before)
    assert run_inside("bench", spec, "--out", out, "--budget", "1h", "--resume").returncode == 0
    assert read_summary(out).bench.effort.blocks == 3
    assert records_of(out)[: len(before)] == before


def test_what_a_pilot_in_real_time_decided_stays_decided(
    write_spec: Callable[..., Path], tmp_path: Path
) -> None:
    costs = {"step": 0.005, "evaluation_batch": 0.002}
    spec = write_spec(job={**STEPS, "clock": "real", "epochs": 20, "costs": costs})
    out, options = tmp_path / "out", ("--budget", "4s")
    assert run_inside("predict", spec, "--out", out, *options).returncode == 0
    before, known = records_of(out), figures(out)
    assert len(before) > 3
    assert {record.measure for record in before} == {"time", "memory"}
    assert run_inside("predict", spec, "--out", out, "--resume", *options).returncode == 0
    assert records_of(out) == before
    assert figures(out) == known
    lines = (out / "runs.jsonl").read_text().splitlines(keepends=True)
    (out / "runs.jsonl").write_text("".join(lines[:-2]))
    assert run_inside("predict", spec, "--out", out, "--resume", *options).returncode == 0
    assert [each.request for each in records_of(out)] == [each.request for each in before]


def test_what_is_asked_otherwise_is_run_beside_what_is_there(
    write_spec: Callable[..., Path], tmp_path: Path
) -> None:
    spec, out = write_spec(job=STEPS), tmp_path / "out"
    assert run_inside("predict", spec, "--out", out).returncode == 0
    before = records_of(out)
    # it changes what is made of the pilot, and not the pilot
    assert run_inside("predict", spec, "--out", out, "--resume", "--share", "9%").returncode == 0
    assert read_summary(out).prediction.recommendations[0].within == 0.09
    assert records_of(out) == before
    ended = run_inside("predict", spec, "--out", out, "--resume", "--budget", "20s")
    assert ended.returncode == 0, ended.stderr
    after = records_of(out)
    assert after[: len(before)] == before
    assert {record.attempt for record in after[len(before) :]} == {1}


def test_a_run_that_failed_is_made_again(write_spec: Callable[..., Path], tmp_path: Path) -> None:
    fault = {"arm": "every_epoch@64", "ending": "raise", "step": 2}
    spec, out = write_spec(job={**STEPS, "faults": [fault]}), tmp_path / "out"
    assert run_inside("predict", spec, "--out", out).returncode == 4
    assert run_inside("predict", spec, "--out", out, "--resume").returncode == 4
    assert names_of(records_of(out)) == ["pilot-0001-0-00", "pilot-0001-1-00"]


def test_headroom_goes_on_within_the_limit_that_it_began_with(
    write_spec: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec, out = write_spec(replace={"job": BATCHES}), tmp_path / "out"
    assert run_inside("headroom", spec, "--out", out).returncode == 0
    before, known = records_of(out), figures(out)
    monkeypatch.setattr("evalskip.experiments.headroom._SHARE", 0.4)
    assert run_inside("headroom", spec, "--out", out, "--resume").returncode == 0
    assert records_of(out) == before
    assert figures(out) == known


@pytest.mark.parametrize("name", ["headroom", "predict"])
def test_on_a_terminal_every_experiment_has_a_bar(
    name: str, write_spec: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = io.StringIO()
    terminal = Console(file=screen, force_terminal=True, width=120)
    monkeypatch.setattr("evalskip.report.terminal.console", lambda: terminal)
    spec = write_spec(replace={"arms": ARMS, "limits": LIMITS, **DOCUMENTS[name]})
    assert run_inside(name, spec, "--out", tmp_path / "out").returncode == 0
    shown = screen.getvalue()
    count = len(records_of(tmp_path / "out"))
    total = "?" if name == "headroom" else str(count)
    assert f"{count}/{total}" in shown
    assert "━" in shown


def test_an_event_without_words_is_a_mistake() -> None:
    with pytest.raises(NotImplementedError, match="Event"):
        ProgressView(Console(file=io.StringIO())).show(Event())


@pytest.mark.slow
def test_regret_goes_on(
    write_spec: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = {**TINY, "epochs": 4, "data": {"train_samples": 20, "length": 32}, "learning_rate": 5e-3}
    arms = [{"schedule": "every_n_epochs", "n": 3, "evaluation_samples": 24}]
    spec = write_spec(replace={"job": job, "arms": arms, "regret": {"test_samples": 24}})
    whole, out = tmp_path / "whole", tmp_path / "out"
    assert run_inside("regret", spec, "--out", whole).returncode == 0
    for _ in range(2):
        with monkeypatch.context() as patched:
            interrupt_after(4, signal.SIGINT, patched)
            ended = run_inside("regret", spec, "--out", out, "--resume")
        assert ended.returncode == 130
        assert "-m evalskip regret" in ended.stderr
    assert run_inside("regret", spec, "--out", out, "--resume").returncode == 0
    records = records_of(out)
    assert names_of(records) == names_of(records_of(whole))
    found, expected = read_summary(out).regret, read_summary(whole).regret
    assert found.not_proven == []
    # what it costs was measured anew, what is lost is the same bit for bit
    assert [(each.name, each.kept_step, each.regret) for each in found.policies] == [
        (each.name, each.kept_step, each.regret) for each in expected.policies
    ]
    known = figures(out)
    assert run_inside("regret", spec, "--out", out, "--resume").returncode == 0
    assert records_of(out) == records
    assert figures(out) == known


def test_a_run_whose_steps_are_lost_is_made_again(
    write_spec: Callable[..., Path], tmp_path: Path
) -> None:
    spec, out = write_spec(replace=DOCUMENTS["predict"]), tmp_path / "out"
    assert run_inside("predict", spec, "--out", out).returncode == 0
    known, before = figures(out), names_of(records_of(out))
    lost, torn = sorted((out / "steps").iterdir())[:2]
    lost.unlink()
    torn.write_text("{")
    ended = run_inside("predict", spec, "--out", out, "--resume")
    assert ended.returncode == 0, ended.stderr
    assert names_of(records_of(out)) == [*before, "pilot-0001-1-00", "pilot-0002-1-00"]
    found = figures(out)
    assert found["prediction"]["effort"].pop("runs") == len(before) + 2
    known["prediction"]["effort"].pop("runs")
    assert found == known


def test_finished_blocks_behind_one_that_does_not_fit_are_recalled(
    write_spec: Callable[..., Path], tmp_path: Path
) -> None:
    spec, out = write_spec(), tmp_path / "out"
    assert run_inside("bench", spec, "--out", out).returncode == 0
    lines = (out / "runs.jsonl").read_text().splitlines(keepends=True)
    kept = [line for line in lines if json.loads(line)["request"]["id"]["block"] != 2]
    (out / "runs.jsonl").write_text("".join(kept))
    ended = run_inside("bench", spec, "--out", out, "--resume", "--budget", "1e-3s")
    assert ended.returncode == 2  # a budget is written with its unit
    ended = run_inside("bench", spec, "--out", out, "--resume", "--budget", "0.001s")
    assert ended.returncode == 0, ended.stderr
    bench = read_summary(out).bench
    assert bench
    assert (bench.effort.blocks, bench.effort.stopped.code) == (2, "budget_used")


def test_what_a_budget_cut_off_is_not_said_to_be_run(
    write_spec: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SyntheticJob, "meters_memory_apart", True)
    monkeypatch.setattr(
        "evalskip.experiments.bench._Experiment._fits", lambda _, block: block.measure == "time"
    )
    spec = write_spec(measure=["time", "memory"])
    ended = run_inside("bench", spec, "--out", tmp_path / "out")
    assert ended.returncode == 0, ended.stderr
    bench = read_summary(tmp_path / "out").bench
    assert bench
    assert {record.measure for record in records_of(tmp_path / "out")} == {"time"}
    assert bench.effort.stopped.code == "budget_used"


def test_attempts_count_on_from_the_highest(
    write_spec: Callable[..., Path], tmp_path: Path
) -> None:
    spec, out = write_spec(replace=DOCUMENTS["predict"]), tmp_path / "out"
    for budget in ("40s", "20s", "10s"):
        options = [] if budget == "40s" else ["--resume"]
        assert (
            run_inside("predict", spec, "--out", out, "--budget", budget, *options).returncode == 0
        )
    lines = (out / "runs.jsonl").read_text().splitlines(keepends=True)
    (out / "runs.jsonl").write_text("".join(reversed(lines)))
    assert run_inside("predict", spec, "--out", out, "--budget", "5s", "--resume").returncode == 0
    names = names_of(records_of(out))
    assert len(set(names)) == len(names)


def test_the_time_of_runs_that_overlap_counts_once() -> None:
    runs = [
        run_record(started_at=f"2026-01-01T00:00:{second:02d}+00:00", turnaround_ns=10**10)
        for second in (0, 5, 30)
    ]
    assert elapsed_s(runs) == pytest.approx(25)
