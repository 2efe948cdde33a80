"""A LLaMA-Factory configuration as it is: what is made of it, and the real thing, run."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from ruamel.yaml import YAML

from evalskip.errors import InputError
from evalskip.jobs.llamafactory.settings import PYTHON, built_interpreters
from evalskip.jobs.llamafactory.tiny import make_tiny
from evalskip.notes import note
from evalskip.spec import load_spec
from evalskip.summary import read_summary
from support import ROOT, block_runs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

USERS: dict[str, Any] = {
    "stage": "sft",
    "do_train": True,
    "finetuning_type": "lora",
    "lora_rank": 4,
    "lora_target": "all",
    "dataset": "instructions",
    "template": "default",
    "cutoff_len": 64,
    "max_samples": 40,
    "overwrite_cache": True,
    "output_dir": "saves/never",
    "logging_steps": 2,
    "per_device_train_batch_size": 4,
    "per_device_eval_batch_size": 2,
    "learning_rate": 1.0e-4,
    "num_train_epochs": 2,
    "val_size": 0.2,
    "eval_strategy": "epoch",
}


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    make_tiny(folder)
    return folder


@pytest.fixture
def users_file(tmp_path: Path, tiny: Path) -> Callable[..., Path]:
    """Writes a LLaMA-Factory configuration; a key given as None is left out."""

    def write(text: str = "", **changes: Any) -> Path:
        paths = {"model_name_or_path": str(tiny / "model"), "dataset_dir": str(tiny / "data")}
        document = {**paths, **USERS, **changes}
        path = tmp_path / "users.yaml"
        with path.open("w") as file:
            YAML().dump({k: v for k, v in document.items() if v is not None}, file)
            file.write(text)
        return path

    return write


def load(path: Path, **options: Any) -> Any:
    return load_spec(path, python=sys.executable, **options)


def test_a_users_file_becomes_an_experiment(users_file: Callable[..., Path]) -> None:
    spec = load(users_file(), settings=["num_train_epochs=4"])
    names = ["off", "off_again", "as_written", "final_only", "every_epoch"]
    assert [arm.name for arm in spec.all_arms()] == names
    assert spec.job.settings["num_train_epochs"] == 4
    spec = load(users_file(), arms=["as_written", "off", "every_n_epochs:2"])
    names = ["off", "off_again", "as_written", "every_n_epochs:2"]
    assert [arm.name for arm in spec.all_arms()] == names


def test_arms_differ_in_evaluation_alone(users_file: Callable[..., Path]) -> None:
    path = users_file(
        load_best_model_at_end=True,
        report_to="wandb",
        push_to_hub=True,
        eval_delay=1,
        plot_loss=True,
    )
    spec = load(path, arms=["as_written", "every_epoch", "final_only"])
    arguments = {arm.name: spec.job.arguments(arm.schedule) for arm in spec.all_arms()}
    when = {"do_eval", "eval_strategy", "eval_delay"}
    rest = [
        {key: value for key, value in arguments[name].items() if key not in when}
        for name in ("off", "every_epoch", "final_only")
    ]
    assert rest[0] == rest[1] == rest[2]
    assert rest[0]["report_to"] == "none"
    assert rest[0]["load_best_model_at_end"] is False
    assert "output_dir" not in rest[0]
    assert (arguments["every_epoch"]["eval_strategy"], arguments["off"]["eval_strategy"]) == (
        "epoch",
        "no",
    )
    assert arguments["every_epoch"]["eval_delay"] == 1
    assert "eval_delay" not in arguments["off"]
    written = arguments["as_written"]
    assert written["load_best_model_at_end"] is True
    assert written["eval_strategy"] == "epoch"
    assert "do_eval" not in written
    changed = [change.parameters.get("key", "val_size") for change in spec.job.changes()]
    assert set(changed) == {
        "output_dir",
        "report_to",
        "push_to_hub",
        "plot_loss",
        "load_best_model_at_end",
        "val_size",
    }
    steered = spec.job.coupled(spec.all_arms()[2].schedule)
    assert steered == note("evaluation_steers", settings=["load_best_model_at_end"])


def test_a_spec_of_ours_may_hold_a_users_file(
    users_file: Callable[..., Path], tmp_path: Path
) -> None:
    spec = load(users_file())
    path = tmp_path / "ours.yaml"
    with path.open("w") as file:
        YAML().dump(spec.resolved(), file)
    assert load_spec(path).digest() == spec.digest()


@pytest.mark.parametrize(
    ("changes", "text", "error"),
    [
        ({"eval_strategy": None}, "eval_strategy: no\n", 'eval_strategy: expected "no" in quotes'),
        ({"eval_dataset": "more_instructions"}, "", "val_size: expected either val_size or eval_d"),
        ({"val_size": None}, "", "val_size: missing; expected val_size or eval_dataset"),
        ({"model_name_or_path": "./nowhere"}, "", "model_name_or_path: ./nowhere: no such folder"),
        ({"stage": "ppo"}, "", "stage: expected one of pt, sft, rm, dpo, kto, got ppo"),
        ({"stage": "sleep"}, "", "stage: expected one of pt, sft, rm, dpo, kto, got sleep"),
        ({"do_train": None}, "", "do_train: expected true"),
        ({"dataset": None}, "", "dataset: missing"),
        ({"lr_scheduler_type": "reduce_lr_on_plateau"}, "", "lr_scheduler_type: expected a sched"),
        ({"streaming": True}, "", "max_steps: missing"),
        ({"job": {"kind": "synthetic"}}, "", "expected either job: or LLaMA-Factory's own keys"),
    ],
)
def test_what_makes_no_experiment_is_said_in_one_line(
    users_file: Callable[..., Path], changes: dict[str, Any], text: str, error: str
) -> None:
    with pytest.raises(InputError, match=r"users\.yaml") as caught:
        load(users_file(text, **changes))
    assert error in str(caught.value)


def test_an_interpreter_without_llamafactory_is_refused(
    users_file: Callable[..., Path], tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    path, out = users_file(), tmp_path / "out"
    ended = evalskip("bench", path, "--python", sys.executable, "--out", out)
    assert ended.returncode == 2
    assert "has no LLaMA-Factory; expected an interpreter that has it" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
    ended = evalskip("bench", path, "--python", "no-such-python", "--out", out)
    assert ended.returncode == 2
    assert "job.python: no-such-python: no such interpreter" in ended.stderr
    assert not out.exists()


@pytest.mark.parametrize(
    ("version", "run_exp", "code", "error"),
    [
        ("0.8.0", "pass", 2, "LLaMA-Factory 0.8.0 is not known; expected 0.9.2 to 0.9.5"),
        (
            "0.9.5",
            "import os; print('the driver gave up', flush=True); os._exit(3)",
            4,
            "ended without a result\n  the driver gave up",
        ),
        ("0.9.5", "raise KeyError", 2, "LLaMA-Factory: KeyError: in run_exp, tuner.py:2"),
    ],
    ids=["unknown", "dies", "raises"],
)
def test_a_llamafactory_that_cannot_run_is_told_of_in_one_line_of_ours(
    users_file: Callable[..., Path],
    tmp_path: Path,
    evalskip: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    version: str,
    run_exp: str,
    code: int,
    error: str,
) -> None:
    site = tmp_path / "site"
    (site / "llamafactory" / "train").mkdir(parents=True)
    (site / "llamafactory" / "__init__.py").touch()
    (site / "llamafactory" / "train" / "__init__.py").touch()
    tuner = site / "llamafactory" / "train" / "tuner.py"
    tuner.write_text(f"def run_exp(**kwargs):\n    {run_exp}\n")
    about = site / f"llamafactory-{version}.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: llamafactory\nVersion: {version}"
    )
    monkeypatch.setenv("PYTHONPATH", str(site))
    path, out = users_file(), tmp_path / "out"
    ended = evalskip("bench", path, "--python", sys.executable, "--out", out, "--budget", "1s")
    assert ended.returncode == code
    assert error in ended.stderr
    # the job's own last line stands below
    assert len(ended.stderr.splitlines()) == 1 + error.count("\n")


needs_llamafactory = pytest.mark.skipif(
    not (ROOT / PYTHON).exists(), reason="make llamafactory builds what this needs"
)


@pytest.fixture
def run(
    users_file: Callable[..., Path], tmp_path: Path, evalskip: Callable[..., Any]
) -> Callable[..., Any]:
    """Runs one timed block of the real LLaMA-Factory; gives its records by arm."""

    def make(arms: str, **changes: Any) -> Any:
        spec = load_spec(users_file(**changes), arms=arms.split(","))
        path, out = tmp_path / "timed.yaml", tmp_path / "out"
        with path.open("w") as file:
            YAML().dump({**spec.resolved(), "measure": ["time"]}, file)
        ended = evalskip("bench", path, "--budget", "1s", "--full", "--out", out)
        assert ended.returncode == 0, ended.stderr
        records = block_runs(out)
        assert all(record.status == "ok" for record in records), records
        return {record.arm: record for record in records}, read_summary(out), ended

    return make


@pytest.mark.slow
@needs_llamafactory
def test_the_real_thing_under_every_schedule(run: Callable[..., Any]) -> None:
    arms = "as_written,every_epoch,every_n_epochs:2,every_n_steps:5,final_only"
    runs, summary, ended = run(arms)
    evaluated = {arm: record.evaluated_after for arm, record in runs.items()}
    # 32 samples to train on, 4 in a batch: 8 steps an epoch
    assert evaluated == {
        "off": [],
        "off_again": [],
        # and once more after training, whatever do_eval says
        "as_written": [8, 16, 16],
        "every_epoch": [8, 16],
        "every_n_epochs:2": [16],
        "every_n_steps:5": [5, 10, 15, 16],
        "final_only": [16],
    }
    assert summary.bench.matched.same_work
    assert summary.bench.matched.same_result
    assert summary.bench.arms["every_epoch"].evaluation_samples == 8
    assert summary.scope.job == "llamafactory, sft, lora"
    assert summary.scope.parameters > 0
    assert "changed: output_dir: saves/never: taken out in every arm" in ended.stdout
    assert not (ROOT / "saves").exists()


@pytest.mark.slow
@needs_llamafactory
@pytest.mark.parametrize(
    "changes",
    [
        {"stage": "dpo", "dataset": "pairs", "pref_beta": 0.1},
        {"stage": "pt", "dataset": "text", "template": None, "packing": True},
        {"stage": "rm", "dataset": "pairs"},
        {"stage": "kto", "dataset": "feedback"},
        {"predict_with_generate": True, "max_new_tokens": 8},
        {"compute_accuracy": True, "finetuning_type": "full"},
        {
            "val_size": None,
            "eval_dataset": "more_instructions,instructions",
            "eval_on_each_dataset": True,
        },
    ],
    ids=["dpo", "pt packed", "rm", "kto", "generation", "accuracy, full", "two evaluation sets"],
)
@pytest.mark.nightly
def test_every_way_it_evaluates_is_counted_once(
    run: Callable[..., Any], changes: dict[str, Any]
) -> None:
    runs, summary, _ = run("every_epoch", **changes)
    assert runs["every_epoch"].evaluations == 2
    assert runs["off"].evaluations == 0
    assert summary.bench.matched.same_work
    assert summary.bench.matched.same_result
    arm = summary.bench.arms["every_epoch"]
    assert (arm.evaluation_tokens or 0) > 0
    names = changes.get("eval_dataset", "").split(",") if "eval_dataset" in changes else []
    assert sorted(arm.evaluation_sets) == sorted(names)
    parts = sum(found.seconds for found in arm.evaluation_sets.values())
    assert parts == pytest.approx(arm.phases_s["evaluate"] if names else 0, rel=0.1)


@pytest.mark.slow
@needs_llamafactory
def test_a_stream_is_evaluated_by_steps(run: Callable[..., Any]) -> None:
    runs, summary, _ = run(
        "as_written,every_n_steps:3",
        streaming=True,
        # LLaMA-Factory makes as many shards of a file as there are workers
        dataloader_num_workers=1,
        max_steps=8,
        max_samples=None,
        num_train_epochs=None,
        val_size=6,
        eval_strategy="steps",
        eval_steps=4,
    )
    assert runs["every_n_steps:3"].evaluated_after == [3, 6, 8]
    assert runs["as_written"].evaluated_after == [4, 8, 8]
    assert summary.bench.arms["as_written"].evaluation_samples == 6
    assert summary.bench.matched.same_result


@pytest.mark.slow
@needs_llamafactory
def test_a_slice_tells_what_the_whole_would_do(
    users_file: Callable[..., Path], tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    path = users_file(max_samples=300, num_train_epochs=3, eval_strategy="steps", eval_steps=50)
    arms, out = "as_written,every_epoch", tmp_path / "out"
    ended = evalskip("bench", path, "--arms", arms, "--budget", "3s", "--out", out)
    assert ended.returncode == 0, ended.stderr
    assert "since one run exceeds the budget of 3 s, " in ended.stdout
    records = {record.arm: record for record in block_runs(out)}
    # 240 samples to train on, 4 in a batch: 60 steps an epoch
    assert records["as_written"].evaluated_after == [50, 100, 150, 180, 180]
    assert records["every_epoch"].evaluated_after == [60, 120, 180]
    assert records["every_epoch"].evaluation_samples == 60
    assert records["off"].steps == 180
    assert read_summary(out).bench.extrapolated.of_steps == 180


@pytest.mark.slow
@needs_llamafactory
@pytest.mark.nightly
@pytest.mark.parametrize("python", built_interpreters())
@pytest.mark.parametrize(
    "changes",
    [
        # 58 batches an epoch, which three do not divide
        {"num_train_epochs": 3, "gradient_accumulation_steps": 3},
        {"num_train_epochs": 3, "eval_strategy": "steps", "eval_steps": 13},
        {"max_steps": 95, "eval_strategy": "epoch"},
        {"num_train_epochs": 1.5, "eval_strategy": "epoch"},
    ],
    ids=["accumulation", "steps", "max_steps", "half an epoch"],
)
def test_slices_and_predictions_count_as_each_release_does(
    changes: dict[str, Any],
    python: str,
    users_file: Callable[..., Path],
    tmp_path: Path,
    evalskip: Callable[..., Any],
) -> None:
    path = users_file(max_samples=290, output_dir=str(tmp_path / "saves"), **changes)
    command = [python, "-c", "from llamafactory.cli import main; main()", "train", str(path)]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    lines = (tmp_path / "saves" / "trainer_log.jsonl").read_text().splitlines()
    entries = [json.loads(line) for line in lines]
    inside = [each["current_steps"] for each in entries if "eval_loss" in each]
    after = (tmp_path / "saves" / "eval_results.json").exists()

    options = ["--python", python, "--budget", "3s", "--out", tmp_path / "slice"]
    ended = evalskip("bench", path, "--arms", "as_written", *options, timeout=300)
    assert ended.returncode == 0, ended.stderr
    records = {record.arm: record for record in block_runs(tmp_path / "slice")}
    steps = entries[-1]["total_steps"]
    assert records["as_written"].steps == steps
    assert records["as_written"].evaluated_after == [*inside, *[steps] * after]

    options = ["--python", python, "--budget", "5s", "--out", tmp_path / "pilot"]
    ended = evalskip("predict", path, *options, timeout=300)
    assert ended.returncode == 0, ended.stderr
    samples = {
        sample.arm: sample for sample in read_summary(tmp_path / "pilot").prediction.schedules
    }
    assert samples["as_written"].evaluations == len(inside) + after


@pytest.mark.slow
@needs_llamafactory
@pytest.mark.nightly
def test_its_largest_batch_is_found(
    users_file: Callable[..., Path], tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    spec = load_spec(users_file(), arms=["every_epoch"])
    path, out = tmp_path / "limited.yaml", tmp_path / "out"
    with path.open("w") as file:
        # some processors' kernels take 60 MiB for themselves
        limits = {"memory": "90MiB", "beyond_process": True}
        YAML().dump({**spec.resolved(), "limits": limits}, file)
    ended = evalskip("headroom", path, "--out", out)
    assert ended.returncode == 0, ended.stderr
    off, _, every_epoch = read_summary(out).headroom.arms
    assert off.own_batch == 4
    assert off.max_batch > 4
    assert off.bound_by == "train"
    # peaks of two processes differ by what a sample takes
    assert 0 < every_epoch.max_batch <= off.max_batch + 1
    assert off.trials <= 15
    assert off.throughput_gain is not None


@pytest.mark.slow
@needs_llamafactory
@pytest.mark.nightly
def test_torchrun_is_used_where_llamafactory_would_use_it(
    run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_TORCHRUN", "1")
    monkeypatch.setenv("NPROC_PER_NODE", "2")
    records, summary, _ = run("every_epoch")
    # 32 samples to train on, 4 in a batch on each of two ranks: 4 steps an epoch
    assert records["every_epoch"].evaluated_after == [4, 8]
    assert records["off"].evaluated_after == []
    assert summary.bench.matched.same_result


@pytest.mark.slow
@needs_llamafactory
def test_what_llamafactory_refuses_is_the_users_to_mend(
    users_file: Callable[..., Path], tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    path = users_file(no_such_key=1)
    ended = evalskip("bench", path, "--out", tmp_path / "out")
    assert ended.returncode == 2
    assert "no_such_key" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
