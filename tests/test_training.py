"""Real training: the Trainer, the schedules, the match, the phases, the memory."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from evalskip.records import RecordStore
from evalskip.summary import read_summary
from support import block_runs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from evalskip.records import RunRecord

TINY: dict[str, Any] = {
    "kind": "transformers",
    "model": {"config": "tiny-llama"},
    "data": {"train_samples": 16, "length": 32},
    "epochs": 4,
    "train_batch": 4,
    "evaluation_batch": 4,
    "device": "cpu",
}
FIVE_SCHEDULES = [
    {"schedule": "every_epoch", "evaluation_samples": [6, 12]},
    {"schedule": "every_n_epochs", "n": 3, "evaluation_samples": 6},
    {"schedule": "every_n_epochs", "n": 9, "evaluation_samples": 6},
    {"schedule": "every_n_steps", "n": 6, "evaluation_samples": 6},
    {"schedule": "final_only", "evaluation_samples": 6},
]


@pytest.fixture
def train(
    write_spec: Callable[..., Path], tmp_path: Path, evalskip: Callable[..., Any]
) -> Callable[..., dict[str, RunRecord]]:
    """Makes one block of real runs; gives its records by arm. Results are in ``out``."""

    def make(arms: list[dict[str, Any]], *, measure: str = "time", **job: Any) -> Any:
        design = {"looks": [2], "budget": "1s", "full": True}
        if "restore_random_state" in job:
            design["restore_random_state"] = job.pop("restore_random_state")
        document = {**TINY, **job}
        spec = write_spec(arms=arms, design=design, measure=[measure], replace={"job": document})
        ended = evalskip("bench", spec, "--out", tmp_path / "out")
        assert ended.returncode == 0, ended.stderr
        records = block_runs(tmp_path / "out")
        assert all(record.status == "ok" for record in records), records
        return {record.arm: record for record in records}

    return make


def test_every_schedule_evaluates_when_it_says_and_all_arms_match(
    train: Callable[..., dict[str, RunRecord]], tmp_path: Path
) -> None:
    runs = train(FIVE_SCHEDULES, save_steps=8, logging_steps=5)
    evaluated = {arm: run.evaluated_after for arm, run in runs.items()}
    assert evaluated == {
        "off": [],
        "off_again": [],
        "every_epoch@6": [4, 8, 12, 16],
        "every_epoch@12": [4, 8, 12, 16],
        "every_n_epochs:3@6": [12],
        "every_n_epochs:9@6": [],
        "every_n_steps:6@6": [6, 12, 16],
        "final_only@6": [16],
    }
    assert len({run.work_digest for run in runs.values()}) == 1
    assert len({(run.losses_digest, run.weights_digest) for run in runs.values()}) == 1
    summary = read_summary(tmp_path / "out")
    assert summary.bench.matched.same_work
    assert summary.bench.matched.same_result
    assert summary.bench.arms["every_epoch@6"].evaluation_load == pytest.approx(6 / 16)
    for run in runs.values():
        assert run.steps == 16
        assert sum(run.phases_ns.values()) == run.wall_ns
        assert run.train_tokens == 4 * 16 * 32
        assert run.phases_ns["save"] > 0
        assert run.phases_ns["log"] > 0
        assert (run.phases_ns["evaluate"] > 0) == (run.evaluations > 0)
        assert run.setup_ns["imports"] > 0
        assert ("evaluation_data" in run.setup_ns) == (run.evaluation_tokens > 0 or "@" in run.arm)
        # fork, model, Trainer, digests and record
        assert run.turnaround_ns - run.wall_ns < 2e9
    (path,) = (tmp_path / "out" / "steps").glob("*every_epoch-6.json")
    steps = json.loads(path.read_text())
    timeline = steps["timeline"]
    assert len(timeline["steps_ns"]) == len(steps["losses"]) == len(steps["batch_digests"]) == 16
    assert [len(e["batches_ns"]) for e in timeline["evaluations"]] == [2, 2, 2, 2]
    assert all((e["samples"], e["tokens"]) == (6, 192) for e in timeline["evaluations"])


DROPOUT = {"config": "tiny-llama", "overrides": {"attention_dropout": 0.1}}
ONE_ARM = [{"schedule": "every_epoch", "evaluation_samples": 6}]


def test_with_dropout_and_no_restoration_evaluating_changes_training(
    train: Callable[..., dict[str, RunRecord]], tmp_path: Path
) -> None:
    runs = train(ONE_ARM, model=DROPOUT, restore_random_state=False)
    off, again, on = (runs[arm] for arm in ("off", "off_again", "every_epoch@6"))
    assert off.weights_digest == again.weights_digest
    assert on.work_digest == off.work_digest
    assert on.weights_digest != off.weights_digest
    summary = read_summary(tmp_path / "out")
    assert summary.bench.matched.same_work
    assert not summary.bench.matched.same_result
    assert [(entry.arm, entry.what) for entry in summary.bench.matched.differing] == [
        ("every_epoch@6", "result")
    ]
    assert summary.bench.comparisons == []


def test_with_dropout_and_restoration_it_does_not(
    train: Callable[..., dict[str, RunRecord]], tmp_path: Path
) -> None:
    runs = train(ONE_ARM, model=DROPOUT)
    assert len({run.weights_digest for run in runs.values()}) == 1
    assert read_summary(tmp_path / "out").bench.matched.blocks == 1


@pytest.mark.slow
def test_lora_and_accumulation_on_qwen3(
    train: Callable[..., dict[str, RunRecord]], tmp_path: Path
) -> None:
    runs = train(
        ONE_ARM, model={"config": "tiny-qwen3"}, finetuning="lora", gradient_accumulation=2
    )
    assert {run.steps for run in runs.values()} == {8}
    assert len({(run.work_digest, run.weights_digest) for run in runs.values()}) == 1
    assert "lora" in read_summary(tmp_path / "out").scope.job


def test_memory_is_read_per_phase_in_runs_of_its_own(
    train: Callable[..., dict[str, RunRecord]], tmp_path: Path
) -> None:
    arms = [{"schedule": "every_epoch", "evaluation_samples": 8}]
    runs = train(arms, measure="memory", train_batch=2, evaluation_batch=8)
    assert {run.measure for run in runs.values()} == {"memory"}
    peaks = read_summary(tmp_path / "out").bench.arms["every_epoch@8"].peak_bytes
    # four times the samples, and their logits: evaluation sets the peak here
    logits = 8 * 32 * 2048 * 4
    assert peaks["evaluate"]["resident"] > peaks["train"]["resident"] + logits / 4
    assert "evaluate" not in read_summary(tmp_path / "out").bench.arms["off"].peak_bytes
    assert read_summary(tmp_path / "out").bench.comparisons == []


@pytest.mark.slow
def test_a_model_that_cannot_be_built_is_refused_and_nothing_is_left(
    write_spec: Callable[..., Path], tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    model = {"config": "tiny-llama", "overrides": {"hidden_act": "nonsense"}}
    spec = write_spec(arms=ONE_ARM, replace={"job": {**TINY, "model": model}})
    ended = evalskip("bench", spec, "--out", tmp_path / "out")
    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert "job.model: expected the configuration of a causal language model" in ended.stderr
    assert "nonsense" in ended.stderr
    assert not (tmp_path / "out").exists()


def test_a_training_that_diverges_can_be_resumed_and_is_named(
    write_spec: Callable[..., Path], tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    spec = write_spec(
        arms=ONE_ARM,
        design={"looks": [2], "budget": "1s"},
        measure=["time"],
        replace={"job": {**TINY, "learning_rate": 1e30}},
    )
    ended = evalskip("bench", spec, "--out", tmp_path / "out")
    assert ended.returncode == 0, ended.stderr
    assert "training diverged" in ended.stdout
    assert len(block_runs(tmp_path / "out")) == 3


def test_the_parent_of_a_gpu_job_never_asks_for_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine with a GPU, whose parent must fork before CUDA is initialised."""
    import torch

    from evalskip.jobs.transformers.run import runner

    def trap() -> None:
        raise AssertionError("CUDA would have been initialised in the parent")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "_lazy_init", trap)
    # the engine asks CUDA how many devices there are, whatever is differentiated
    monkeypatch.setattr(torch.Tensor, "backward", lambda *_, **__: trap())
    prepared = runner({**TINY, "device": "cuda"}).prepare([6])
    assert prepared["parameters"] > 0


def test_where_an_import_initialises_cuda_each_run_is_a_new_program(
    write_spec: Callable[..., Path], tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    """As bitsandbytes does, which peft imports, which the Trainer imports."""
    package, imports = tmp_path / "site" / "bitsandbytes", tmp_path / "imports"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(
        "import os, torch\n"
        "torch.cuda._initialized = True\n"
        f"open({str(imports)!r}, 'a').write(f'{{os.getpid()}}\\n')\n"
    )
    information = tmp_path / "site" / "bitsandbytes-0.50.2.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Name: bitsandbytes\nVersion: 0.50.2\n")
    design = {"looks": [2], "budget": "1s", "full": True}
    spec = write_spec(arms=ONE_ARM, design=design, measure=["time"], replace={"job": TINY})
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    ended = evalskip("bench", spec, "--out", tmp_path / "out", env=environment)
    assert ended.returncode == 0, ended.stderr
    records = block_runs(tmp_path / "out")
    assert {record.status for record in records} == {"ok"}
    assert read_summary(tmp_path / "out").bench.matched.same_result
    # the pilot's parent, the block's, and every run of either
    assert len(set(imports.read_text().split())) >= len(records) + 1


def test_a_killed_run_leaves_no_checkpoint_behind(
    write_spec: Callable[..., Path], tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    spec = write_spec(
        arms=ONE_ARM,
        design={"looks": [2], "budget": "1s", "full": True},
        measure=["time"],
        limits={"run_time": "1s"},
        replace={"job": {**TINY, "epochs": 1000, "save_steps": 2}},
    )
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    environment = {**os.environ, "TMPDIR": str(scratch)}
    ended = evalskip("bench", spec, "--out", tmp_path / "out", env=environment)
    assert ended.returncode == 4
    # by the order of the block, of off or of off again
    assert "ended well" in ended.stderr
    assert "timed_out" in ended.stderr
    assert list(scratch.iterdir()) == []
    assert list((tmp_path / "out").rglob("checkpoint-*")) == []


@pytest.mark.slow
def test_resuming_repeats_no_block_that_metered_memory(
    write_spec: Callable[..., Path], tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    arms = [{"schedule": "every_epoch", "evaluation_samples": 6}]
    design = {"looks": [2], "repeats": 0}
    spec = write_spec(
        replace={"job": TINY, "arms": arms}, measure=["time", "memory"], design=design
    )
    out = tmp_path / "out"
    assert evalskip("bench", spec, "--out", out).returncode == 0
    before = block_runs(out)
    metered = [record for record in before if record.measure == "memory"]
    assert metered
    # the last timed block was not finished
    last = max(record.group for record in before if record.measure == "time")
    store = RecordStore(out)
    kept = [record for record in store.read() if record.group != last]
    store.path.unlink()
    for record in kept:
        store.append(record, store.steps_of(record))
    ended = evalskip("bench", spec, "--out", out, "--resume")
    assert ended.returncode == 0, ended.stderr
    after = block_runs(out)
    assert [record for record in after if record.measure == "memory"] == metered
    assert len(after) == len(before)
    assert read_summary(out).bench.arms["every_epoch@6"].peak_bytes
