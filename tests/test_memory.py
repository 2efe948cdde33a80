"""Peaks on fake tensors: what is foretold must be what real runs take."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from evalskip.jobs.transformers.model import Model
from evalskip.memory.peaks import TOLERANCE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MIB = 2**20
PUBLIC = {
    "llama-3.2-1b": 1_235_814_400,
    "llama-3.1-8b": 8_030_261_248,
    "qwen3-0.6b": 596_049_920,
    "qwen3-4b": 4_022_468_096,
    "qwen3-8b": 8_190_735_360,
}
"""Parameters, as the models' authors publish them."""
ONCE = 40 * MIB
"""What a process takes beside its tensors, whatever their size: stacks, libraries."""


@pytest.mark.parametrize("name", PUBLIC)
def test_packaged_models_have_their_public_size(name: str) -> None:
    from evalskip.memory.fake import FakeJob
    from evalskip.memory.peaks import Setting

    assert FakeJob(Setting(Model(config=name).fields())).parameters == PUBLIC[name]


@pytest.mark.slow
@pytest.mark.parametrize(("finetuning", "checkpointing"), [("full", False), ("lora", True)])
def test_foretold_peaks_are_what_real_runs_take(
    finetuning: Any,
    checkpointing: bool,
    write_spec: Callable[..., Path],
    tmp_path: Path,
    evalskip: Callable[..., Any],
) -> None:
    from evalskip.memory.fake import FakeJob
    from evalskip.memory.peaks import Setting

    model = {
        "config": "small-llama",
        "dtype": "bfloat16",
        "gradient_checkpointing": checkpointing,
    }
    job = {
        "kind": "transformers",
        "model": model,
        "data": {"train_rows": 16, "length": 256},
        "finetuning": finetuning,
        "epochs": 1,
        "train_batch": 6,
        "evaluation_batch": 12,
    }
    path = write_spec(
        arms=[{"schedule": "every_epoch", "evaluation_rows": 12}],
        replace={"job": job, "limits": {"memory": "160MiB", "beyond_process": True}},
    )
    ended = evalskip("headroom", path, "--out", tmp_path / "out", "--no-timing")
    assert ended.returncode == 0, ended.stderr
    trials = [json.loads(line) for line in (tmp_path / "out" / "trials.jsonl").open()]
    fake = FakeJob(
        Setting(Model(**model).fields(), finetuning, gradient_checkpointing=checkpointing)
    )
    trained = {t["batch"]: t for t in trials if t["fits"] and not t["evaluates"]}
    assert len(trained) >= 2
    for batch, trial in trained.items():
        measured = trial["peak_bytes"] - trial["base_bytes"]
        foretold = fake.train(batch, 256).total
        assert abs(foretold - measured) < TOLERANCE * measured + ONCE
    few, many = min(trained), max(trained)
    measured = trained[many]["peak_bytes"] - trained[few]["peak_bytes"]
    foretold = fake.train(many, 256).total - fake.train(few, 256).total
    assert foretold == pytest.approx(measured, rel=TOLERANCE)
    alone = next(trial for trial in trials if trial["evaluates"] and trial["batch"] == 1)
    measured = alone["peak_bytes"] - alone["base_bytes"]
    foretold = fake.evaluate(12, 256).total
    assert abs(foretold - measured) < TOLERANCE * measured + ONCE


def test_a_plan_for_a_card_that_is_not_there(evalskip: Callable[..., Any]) -> None:
    ended = evalskip(
        "headroom", "--model", "small-llama", "--device-memory", "2 GiB", "--length", "512"
    )
    assert ended.returncode == 0, ended.stderr
    assert "lora, rank 8, gradient checkpointing" in ended.stdout
    largest = re.search(r"^ full +(\d+) +(\d+) +train +(\d+) *$", ended.stdout, re.MULTILINE)
    assert largest, ended.stdout
    assert int(largest[1]) == int(largest[2]) < int(largest[3])


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (["--model", "qwen9"], "--device-memory: missing"),
        (["--device-memory", "80GiB"], "--device-memory: expected --model"),
        (["--model", "qwen9", "--device-memory", "80GiB"], "--model: expected one of"),
        (["--model", "qwen3-8b", "--device-memory", "80 cows"], "--device-memory: expected a size"),
        (["--model", "qwen3-8b", "--device-memory", "80GiB", "--length", "0"], "--length"),
    ],
)
def test_what_cannot_be_planned_is_told_in_one_line(
    evalskip: Callable[..., Any], options: list[str], error: str
) -> None:
    ended = evalskip("headroom", *options)
    assert ended.returncode == 2
    assert error in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_a_configuration_that_does_not_parse_is_told_in_one_line(
    tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    for text, error in (
        ("{", "is no JSON"),
        ("{}", "expected a mapping with model_type"),
        ('{"model_type": "sheep"}', "expected the configuration of a causal language model"),
    ):
        (tmp_path / "config.json").write_text(text)
        ended = evalskip("headroom", "--model", tmp_path, "--device-memory", "80GiB")
        assert ended.returncode == 2
        assert error in ended.stderr
        assert len(ended.stderr.splitlines()) == 1
