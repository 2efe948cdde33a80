"""``evalskip train``: the real LLaMA-Factory, with a callback that its YAML cannot name."""

from __future__ import annotations

import json
import os
import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from evalskip.jobs.llamafactory.settings import PYTHON, built_interpreters
from evalskip.jobs.llamafactory.tiny import make_tiny, tiny_settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def configuration(folder: Path, **changes: Any) -> Path:
    settings = {
        **tiny_settings(folder),
        "output_dir": str(folder / "saves"),
        "report_to": "none",
        "seed": 1,
        **changes,
    }
    path = folder / "train.yaml"
    path.write_text(json.dumps({k: v for k, v in settings.items() if v is not None}))
    return path


@pytest.mark.parametrize(
    ("changes", "options", "error"),
    [
        ({}, [], "train: expected --eval-budget 5%, --stop-at METRIC=VALUE, --every-n-epochs N, "),
        ({}, ["--stop-at", "eval_loss"], "--stop-at: expected METRIC=VALUE such as eval_loss=0.9"),
        ({}, ["--stop-at", "patience"], "--stop-at patience: the configuration never stops early"),
        ({}, ["--eval-cost", "--expected-steps", "9"], "--expected-steps: expected --stop-at"),
        ({}, ["--stop-at", "loss=1", "--every-n-epochs", "2"], "--stop-at: decides alone"),
        ({}, ["--eval-budget", "5%", "--every-n-epochs", "2"], "--eval-budget: decides alone"),
        ({}, ["--eval-budget", "5 cows"], "--eval-budget: expected a share such as 10%"),
        ({}, ["--eval-wrong", "100%"], "--eval-wrong: expected a share between 0% and 100%"),
        ({}, ["--eval-wrong", "5%", "--eval-subset", "4"], "--eval-wrong: expected no --eval-su"),
        ({"val_size": None}, ["--eval-by-length"], "val_size: missing"),
        (
            {"predict_with_generate": True},
            ["--eval-wrong", "5%"],
            "--eval-wrong: expected the loss alone",
        ),
        ({}, ["--eval-budget", "100%"], "--eval-budget: expected a share below 100%"),
        ({}, ["epochs", "--eval-cost"], "epochs: expected KEY=VALUE"),
        ({"val_size": None}, ["--eval-budget", "5%"], "val_size: missing"),
        ({"eval_strategy": "steps"}, ["--every-n-epochs", "2"], "eval_strategy: expected no"),
        ({"model_name_or_path": None}, ["--eval-cost"], "model_name_or_path: missing"),
        ({}, ["--eval-cost", "--python", "/no/python"], "--python: /no/python: No such file"),
    ],
)
def test_bad_input_is_one_line(
    changes: dict[str, Any],
    options: list[str],
    error: str,
    tmp_path: Path,
    evalskip: Callable[..., Any],
) -> None:
    ended = evalskip("train", configuration(tmp_path, **changes), *options)
    assert ended.returncode == 2, ended.stderr
    assert error in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert not (tmp_path / "saves").exists()


def evaluated(folder: Path) -> list[int]:
    """Steps after which a training evaluated, by LLaMA-Factory's own log."""
    lines = (folder / "saves" / "trainer_log.jsonl").read_text().splitlines()
    entries = [json.loads(line) for line in lines]
    return [entry["current_steps"] for entry in entries if "eval_loss" in entry]


needs = pytest.mark.skipif(not PYTHON.exists(), reason="needs make llamafactory")


@pytest.mark.slow
@needs
@pytest.mark.parametrize("python", built_interpreters())
def test_it_trains_as_llamafactory_does_and_evaluates_as_it_is_asked(
    python: str, tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    make_tiny(tmp_path)
    path = configuration(tmp_path, num_train_epochs=4)
    options = ["--python", python, "--every-n-epochs", "2", "--eval-cost"]
    ended = evalskip("train", path, *options, timeout=300)
    assert ended.returncode == 0, ended.stderr
    assert evaluated(tmp_path) == [8, 16]
    assert "evalskip: 2 evaluations took" in ended.stderr
    own = sorted(each.name for each in (tmp_path / "saves").iterdir())
    # without the callback nothing else is written
    path = configuration(tmp_path, num_train_epochs=4, output_dir=str(tmp_path / "theirs"))
    command = [python, "-c", "from llamafactory.cli import main; main()", "train", str(path)]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    assert own == sorted(each.name for each in (tmp_path / "theirs").iterdir())


@pytest.mark.slow
@needs
@pytest.mark.parametrize(
    ("target", "stops"), [("eval_loss=1000", True), ("eval_loss=0.0001", False)]
)
def test_it_stops_at_a_target(
    target: str, stops: bool, tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    make_tiny(tmp_path)
    path = configuration(tmp_path, num_train_epochs=8)
    options = ["--stop-at", target, "--expected-steps", "16"]
    ended = evalskip("train", path, *options, timeout=300)
    assert ended.returncode == 0, ended.stderr
    after = evaluated(tmp_path)
    assert (len(after) == 1 and after[0] < 32) if stops else (len(after) > 1 and after[-1] == 32)
    assert ("eval_loss=1000 is met at step" in ended.stderr) == stops


@pytest.mark.slow
@needs
def test_evaluation_is_made_cheaper_and_training_stays(
    tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    make_tiny(tmp_path)
    said = {}
    for name, options in (
        ("own", ["--eval-cost"]),
        ("cheaper", ["--eval-by-length", "--eval-subset", "3"]),
        ("settled", ["--eval-wrong", "20%"]),
    ):
        folder = tmp_path / name
        path = configuration(
            tmp_path, output_dir=str(folder), eval_strategy="epoch", per_device_eval_batch_size=1
        )
        ended = evalskip("train", path, *options, timeout=300)
        assert ended.returncode == 0, ended.stderr
        lines = (folder / "trainer_log.jsonl").read_text().splitlines()
        said[name] = [json.loads(line) for line in lines]
    losses = {
        name: [entry["loss"] for entry in entries if "loss" in entry]
        for name, entries in said.items()
    }
    assert losses["own"] == losses["cheaper"] == losses["settled"]
    evaluated_losses = {
        name: [entry["eval_loss"] for entry in entries if "eval_loss" in entry]
        for name, entries in said.items()
    }
    # too few batches for one to end sooner
    assert evaluated_losses["settled"] == pytest.approx(evaluated_losses["own"], abs=1e-5)
    assert evaluated_losses["cheaper"] != evaluated_losses["own"]


# beside other tests, and only there, a rank was aborted twice
@pytest.mark.slow
@pytest.mark.alone
@needs
def test_a_budget_under_torchrun(tmp_path: Path, evalskip: Callable[..., Any]) -> None:
    make_tiny(tmp_path)
    path = configuration(tmp_path, num_train_epochs=4)
    environment = {**os.environ, "FORCE_TORCHRUN": "1", "NPROC_PER_NODE": "2"}
    options = ["max_samples=40", "--eval-budget", "30%", "--eval-cost"]
    ended = evalskip("train", path, *options, env=environment, timeout=300)
    # what a rank said stands far above what torchrun says of it
    why = re.findall(r".*(?:Error|terminate called|what\(\)|Signal).*", ended.stderr)
    assert ended.returncode == 0, why
    assert evaluated(tmp_path)[-1] == 16
    # one process of two prints
    assert ended.stderr.count(" took ") == 1


@pytest.mark.slow
@needs
def test_its_exit_code_is_llamafactorys(tmp_path: Path, evalskip: Callable[..., Any]) -> None:
    make_tiny(tmp_path)
    path = configuration(tmp_path, template="no_such_template")
    ended = evalskip("train", path, "--eval-cost", timeout=300)
    assert ended.returncode == 1
    assert "no_such_template" in ended.stderr
