"""Evaluation in a process of its own: the same metrics, the same training, and nothing left."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import save_file

from evalskip import evaluate_checkpoints
from evalskip.beside import weights
from evalskip.beside.checkpoints import Checkpoints
from evalskip.beside.folder import Place, Result, SnapshotFolder
from evalskip.callbacks import EvalBeside

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from transformers import Trainer

SCRIPT = """
import json, os, sys, time
import torch
from datasets import Dataset
from transformers import (
    EarlyStoppingCallback, LlamaConfig, LlamaForCausalLM, Trainer, TrainerCallback,
    TrainingArguments, default_data_collator, set_seed,
)
from evalskip.callbacks import EvalBeside

output, options = sys.argv[1], json.loads(sys.argv[2])
torch.set_num_threads(1)
if options.get("seeded", True):
    set_seed(0)
rows = torch.randint(0, 64, (60, 16), generator=torch.Generator().manual_seed(0)).tolist()
data = Dataset.from_dict({"input_ids": rows, "labels": rows})
model = LlamaForCausalLM(LlamaConfig(
    vocab_size=64, hidden_size=32, intermediate_size=32, num_hidden_layers=1,
    num_attention_heads=2, num_key_value_heads=2,
))
if options.get("frozen"):
    model.model.embed_tokens.weight.requires_grad_(False)

class Slow(TrainerCallback):
    def on_step_end(self, *args, **kwargs):
        time.sleep(options.get("step_s", 0))

def collated(samples):
    if "EVALSKIP_BESIDE" in os.environ and options.get("dies"):
        os._exit(9)
    return default_data_collator(samples)

callbacks = [Slow()]
beside = [EvalBeside("cpu", **options["beside"])] if "beside" in options else []
if not options.get("added_later"):
    callbacks = [*beside, *callbacks]
if options.get("patience"):
    callbacks.append(EarlyStoppingCallback(options["patience"]))
trainer = Trainer(
    model,
    TrainingArguments(
        output, report_to=[], disable_tqdm=True, use_cpu=True, learning_rate=5e-3,
        per_device_train_batch_size=4, logging_steps=2,
        **{"max_steps": 20, "eval_strategy": "steps", "eval_steps": 5, "save_strategy": "no",
           **options.get("arguments", {})},
    ),
    train_dataset=data.select(range(40)),
    eval_dataset=data.select(range(40, 60)),
    data_collator=collated,
    callbacks=callbacks,
)
if options.get("added_later"):
    trainer.add_callback(*beside)
for _ in range(options.get("trainings", 1)):
    trainer.train()
state = trainer.state
print("RESULT " + json.dumps({
    "logged": state.log_history,
    "step": state.global_step,
    "best": state.best_global_step,
    "checkpoint": state.best_model_checkpoint,
    "weights": float(sum(p.double().abs().sum() for p in model.parameters())),
}))
"""


@pytest.fixture
def script(tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    """Begins the script, its options as keywords."""
    place = tmp_path / "train.py"
    place.write_text(SCRIPT)

    def begin(output: str = "out", **options: Any) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, str(place), str(tmp_path / output), json.dumps(options)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )

    return begin


def ended(process: subprocess.Popen[str]) -> tuple[dict[str, Any], str]:
    """What a script has told, and what it printed for people."""
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    line = next(line for line in out.splitlines() if line.startswith("RESULT "))
    told: dict[str, Any] = json.loads(line[7:])
    return told, err


def losses(told: dict[str, Any]) -> list[tuple[int, float]]:
    return sorted((e["step"], e["eval_loss"]) for e in told["logged"] if "eval_loss" in e)


def workers_of(folder: Path) -> list[int]:
    """Processes that were begun for that folder."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            environment = (place / "environ").read_bytes()
        except OSError:
            continue
        if f"EVALSKIP_BESIDE={folder}".encode() in environment:
            found.append(int(place.name))
    return found


def wait_for(condition: Callable[[], object], within_s: float = 60) -> None:
    until = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_metrics_are_those_of_an_inline_evaluation_and_training_is_that_of_off(
    script: Callable[..., Any], tmp_path: Path
) -> None:
    inline = script("inline")
    beside = script("beside", beside={"keep": "all"})
    off = script("off", arguments={"eval_strategy": "no"})
    (inline_told, _), (told, said), (off_told, _) = map(ended, (inline, beside, off))
    assert losses(told) == losses(inline_told)
    assert [step for step, _ in losses(told)] == [5, 10, 15, 20]
    assert told["weights"] == off_told["weights"]
    trained = [e for e in told["logged"] if "loss" in e]
    assert [e["loss"] for e in trained] == [e["loss"] for e in off_told["logged"] if "loss" in e]
    assert "4 evaluations beside training" in said
    assert not (tmp_path / "beside" / "beside").exists()


def test_afterwards_evaluates_all_snapshots_once_training_is_over(
    script: Callable[..., Any], tmp_path: Path
) -> None:
    told, _ = ended(script("out", beside={"when": "afterwards"}, frozen=True))
    inline, _ = ended(script("inline", frozen=True))
    assert losses(told) == losses(inline)


def test_the_best_checkpoint_and_early_stopping_act_on_the_step_that_was_evaluated(
    script: Callable[..., Any], tmp_path: Path
) -> None:
    arguments = {
        "max_steps": 200,
        "save_strategy": "steps",
        "save_steps": 5,
        "load_best_model_at_end": True,
    }
    told, said = ended(script(beside={"keep": "all"}, arguments=arguments, patience=3, step_s=0.2))
    values = losses(told)
    best = min(values, key=lambda value: value[1])[0]
    assert told["best"] == best
    assert told["checkpoint"].endswith(f"checkpoint-{best}")
    assert told["step"] < 200
    assert "stopped by the evaluation of step" in said


def test_a_worker_that_dies_is_begun_anew_once_and_loses_nothing(
    script: Callable[..., Any], tmp_path: Path
) -> None:
    process = script(beside={"keep": "all"}, step_s=0.4)
    folder = tmp_path / "out" / "beside"
    wait_for(lambda: workers_of(folder))
    time.sleep(random.Random(0).uniform(0, 3))
    for worker in workers_of(folder):
        os.kill(worker, signal.SIGKILL)
    told, said = ended(process)
    assert [step for step, _ in losses(told)] == [5, 10, 15, 20]
    assert said.count("the worker is begun anew") == 1
    assert not workers_of(folder)
    assert not folder.exists()


def test_a_worker_that_dies_twice_leaves_evaluation_to_training(
    script: Callable[..., Any], tmp_path: Path
) -> None:
    process = script(beside={"keep": "all"}, dies=True, step_s=0.7, arguments={"max_steps": 60})
    told, said = ended(process)
    assert "evaluates inside training from here on" in said
    assert "not evaluated: step" in said
    assert told["step"] == 60
    inline = [step for step, _ in losses(told)]
    assert inline == sorted(set(inline))
    assert not workers_of(tmp_path / "out" / "beside")


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_whatever_ends_the_trainer_ends_the_worker_and_takes_the_snapshots(
    how: signal.Signals, script: Callable[..., Any], tmp_path: Path
) -> None:
    process = script(beside={"keep": "all"}, step_s=0.3, arguments={"max_steps": 500})
    folder = tmp_path / "out" / "beside"
    wait_for(lambda: workers_of(folder))
    process.send_signal(how)
    process.communicate(timeout=60)
    assert process.returncode != 0
    wait_for(lambda: not workers_of(folder) and not folder.exists())


def test_a_program_that_begins_otherwise_each_time_is_evaluated_inside_training(
    script: Callable[..., Any],
) -> None:
    told, said = ended(
        script(beside={}, seeded=False, frozen=True, step_s=1.0, arguments={"max_steps": 30})
    )
    assert "evaluates inside training from here on: RefusedError" in said
    assert "begun anew" not in said
    assert losses(told)


def test_train_may_be_called_twice(script: Callable[..., Any]) -> None:
    told, said = ended(script(beside={"keep": "all"}, trainings=2))
    assert [step for step, _ in losses(told)] == [5, 10, 15, 20]
    assert said.count("4 evaluations beside training") == 2


def test_a_full_disk_is_a_warning(
    make_trainer: Callable[..., Trainer],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    full = shutil.disk_usage("/")._replace(free=10)
    monkeypatch.setattr("evalskip.beside.training.shutil.disk_usage", lambda _: full)
    trainer = make_trainer(
        EvalBeside("cpu", wait_s=1.0), eval_strategy="steps", eval_steps=1, max_steps=3
    )
    trainer.train()
    said = capsys.readouterr().err
    assert said.count("no snapshot at step 1, and training goes on") == 1
    assert "not evaluated: steps 1, 2, 3" in said
    assert trainer.state.global_step == 3


def test_what_cannot_run_beside_is_evaluated_inside_and_says_why(
    make_trainer: Callable[..., Trainer], capsys: pytest.CaptureFixture[str]
) -> None:
    trainer = make_trainer(
        EvalBeside("cpu"),
        eval_strategy="steps",
        eval_steps=1,
        max_steps=2,
        save_strategy="best",
        metric_for_best_model="loss",
    )
    trainer.train()
    assert "evaluates inside training: expected save_strategy" in capsys.readouterr().err
    assert sum("eval_loss" in entry for entry in trainer.state.log_history) == 2


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"device": "tpu"}, "device: expected cpu or cuda:1, got tpu"),
        ({"device": "cpu", "keep": "some"}, "keep: expected newest or all"),
        ({"device": "cpu", "when": "before"}, "when: expected during or afterwards"),
    ],
)
def test_bad_arguments_are_refused(options: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        EvalBeside(**options)


def test_snapshots_hold_what_training_changes(tmp_path: Path) -> None:
    model = torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.BatchNorm1d(3))
    model[0].bias.requires_grad_(False)
    held = weights.changing(model)
    assert set(held) == {
        "0.weight",
        "1.weight",
        "1.bias",
        "1.running_mean",
        "1.running_var",
        "1.num_batches_tracked",
    }
    weights.save(model, tmp_path / "w.safetensors")
    before = {name: each.clone() for name, each in held.items()}
    with torch.no_grad():
        for each in model.parameters():
            each.add_(1)
    weights.load(model, tmp_path / "w.safetensors")
    assert all(torch.equal(before[name], each) for name, each in weights.changing(model).items())
    save_file({"0.weight": torch.zeros(3, 3)}, tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match=r"expected the same in both processes, got 1\.bias"):
        weights.load(model, tmp_path / "other.safetensors")


def test_a_newer_snapshot_takes_the_place_of_one_that_waits(tmp_path: Path) -> None:
    folder = SnapshotFolder(tmp_path / "beside")
    folder.make({"pid": 1})

    def put(step: int) -> list[int]:
        return folder.put(
            Place(step, None), lambda path: path.write_bytes(b"") and None, newest=True
        )

    assert put(1) == []
    taken = folder.take()
    assert taken is not None
    assert taken[0] == Place(1, None)
    assert put(2) == []
    assert put(3) == [2]
    folder.tell(Result(1, None, {"eval_loss": 1.0}, 0.0, 1.0, 0))
    assert [result.step for result in folder.collect()] == [1]
    assert folder.collect() == []
    assert folder.take() is not None
    folder.give_back([3])
    assert folder.waiting() == [3]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").touch()
    with pytest.raises(FileExistsError, match="expected no folder, or an empty one"):
        SnapshotFolder(tmp_path / "mine").make({})


@pytest.fixture
def saved(make_trainer: Callable[..., Trainer]) -> Iterator[Trainer]:
    """A training that has saved a checkpoint at each of six steps, and evaluated there."""
    trainer = make_trainer(
        eval_strategy="steps",
        eval_steps=1,
        save_strategy="steps",
        save_steps=1,
        max_steps=6,
        learning_rate=0.1,
        seed=1,
    )
    trainer.train()
    return trainer


def test_checkpoints_are_evaluated_as_inline_and_only_once(
    saved: Trainer, make_trainer: Callable[..., Trainer]
) -> None:
    inline = {e["step"]: e["eval_loss"] for e in saved.state.log_history if "eval_loss" in e}
    output = Path(saved.args.output_dir)
    shutil.rmtree(output / "checkpoint-2")
    (output / "checkpoint-3" / "model.safetensors").write_bytes(b"torn")
    seen: list[int] = []
    found = evaluate_checkpoints(
        make_trainer(seed=2), output, newest_first=True, on_evaluated=lambda e: seen.append(e.step)
    )
    assert seen == [6, 5, 4, 1]
    assert {e.step: e.metrics["eval_loss"] for e in found.checkpoints} == {
        step: inline[step] for step in (1, 4, 5, 6)
    }
    assert found.best is not None
    assert found.best.step == min((1, 4, 5, 6), key=inline.__getitem__)
    assert found.gone == [2]
    assert [each.step for each in found.failed] == [3]
    logged = json.loads((output / "evaluated" / "trainer_state.json").read_text())
    assert [entry["step"] for entry in logged["log_history"]] == [1, 4, 5, 6]
    if find_spec("tensorboard"):
        assert list((output / "evaluated").glob("events.out.tfevents.*"))
    again = evaluate_checkpoints(make_trainer(), output, on_evaluated=lambda e: seen.append(e.step))
    assert len(seen) == 4
    assert len(again.checkpoints) == 4


def test_a_watch_ends_with_the_last_checkpoint(
    saved: Trainer, make_trainer: Callable[..., Trainer]
) -> None:
    output = Path(saved.args.output_dir)
    last = output / "checkpoint-6"
    hidden = last.rename(output / "later")
    seen: list[int] = []

    def reappear(step: int) -> None:
        seen.append(step)
        if step == 5:
            hidden.rename(last)

    found = evaluate_checkpoints(
        make_trainer(), output, watch=True, on_evaluated=lambda e: reappear(e.step)
    )
    assert seen == [1, 2, 3, 4, 5, 6]
    assert found.gone == []


@pytest.mark.parametrize(
    ("left", "state", "gone"),
    [
        ([900, 1000], {"save_steps": 100}, list(range(100, 900, 100))),
        ([1000, 1037], {"save_steps": 500, "max_steps": 1037}, [500]),
        ([40, 50], {"save_steps": 500, "max_steps": 50, "num_train_epochs": 5}, [10, 20, 30]),
        ([7, 13], {"save_steps": 500, "max_steps": 20, "num_train_epochs": 4}, []),
        ([], {}, []),
    ],
)
def test_checkpoints_that_are_gone_are_told_from_those_that_are_left(
    left: list[int], state: dict[str, int], gone: list[int], tmp_path: Path
) -> None:
    for step in left:
        place = tmp_path / f"checkpoint-{step}"
        place.mkdir()
        (place / "trainer_state.json").write_text(json.dumps({"global_step": step, **state}))
    (tmp_path / "checkpoint-99").mkdir()
    assert Checkpoints(tmp_path).steps() == left
    assert Checkpoints(tmp_path).gone() == gone


def test_a_known_slow_down_and_a_known_lag_are_found_again(
    write_spec: Callable[..., Path], tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    spec = write_spec(
        job={
            "epochs": 6,
            "steps_in_epoch": 40,
            "between_runs": 0.002,
            "costs": {
                "step": 0.02,
                "evaluation_batch": 0.02,
                "snapshot": 0.03,
                "slowed_by_second": 0.3,
            },
        },
        replace={
            "arms": [
                {"schedule": "every_epoch", "evaluation_samples": 160},
                {"schedule": "every_epoch", "evaluation_samples": 160, "where": "beside"},
                {"schedule": "every_epoch", "evaluation_samples": 160, "where": "afterwards"},
            ]
        },
        design={"looks": [12], "repeats": 0},
    )
    result = evalskip("bench", spec, "--out", tmp_path / "out")
    assert result.returncode == 0, result.stderr
    bench = json.loads((tmp_path / "out" / "summary.json").read_text())["bench"]
    beside = bench["arms"]["every_epoch@160+beside"]["beside"]
    # an evaluation takes 0.4 s, so 16 steps of 40 are slower by 0.3, but for those after the last
    assert beside["slow_down"]["estimate"] == pytest.approx(5 * 16 * 0.3 / 240, abs=0.01)
    assert beside["lag_s"] == pytest.approx(0.4, abs=0.03)
    assert beside["snapshot_s"] == pytest.approx(0.03, rel=0.05)
    assert beside["waited_s"] == pytest.approx(0.4, rel=0.05)
    assert (beside["evaluated"], beside["dropped"]) == (72, 0)
    after = bench["arms"]["every_epoch@160+afterwards"]["beside"]
    assert after["slow_down"]["estimate"] == pytest.approx(0.0, abs=0.01)
    assert after["waited_s"] == pytest.approx(6 * 0.4, rel=0.05)
    gains = {
        each["arm"]: each["throughput_gain"]["estimate"]
        for each in bench["comparisons"]
        if each["estimator"] == "wall_clock"
    }
    whole = 240 * 0.02
    assert gains["every_epoch@160"] == pytest.approx(6 * 0.4 / whole, abs=0.01)
    assert gains["every_epoch@160+beside"] == pytest.approx(
        (80 * 0.3 * 0.02 + 6 * 0.03 + 0.4) / whole, abs=0.01
    )
    assert bench["matched"]["same_work"]
    assert all("beside" not in each["evaluation"] for each in bench["recommendations"])
    assert "Inside training, beside it, or afterwards" in (tmp_path / "out/report.md").read_text()


@pytest.mark.slow
def test_arms_beside_and_afterwards_match_the_arm_that_evaluates_nothing(
    write_spec: Callable[..., Path], tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    spec = write_spec(
        replace={
            "job": {
                "kind": "transformers",
                "model": {"config": "tiny-llama"},
                "data": {"train_samples": 40, "length": 16},
                "epochs": 2,
                "train_batch": 4,
                "threads": 1,
            },
            "arms": [
                {"schedule": "every_epoch", "evaluation_samples": 20},
                {"schedule": "every_epoch", "evaluation_samples": 20, "where": "beside"},
                {"schedule": "every_epoch", "evaluation_samples": 20, "where": "afterwards"},
            ],
            "measure": ["time"],
            "design": {"looks": [2], "repeats": 0},
        },
    )
    result = evalskip("bench", spec, "--out", tmp_path / "out")
    assert result.returncode == 0, result.stderr
    bench = json.loads((tmp_path / "out" / "summary.json").read_text())["bench"]
    assert bench["matched"]["same_work"]
    assert bench["matched"]["same_result"]
    assert bench["matched"]["blocks"] == 2
    for where in ("beside", "afterwards"):
        own = bench["arms"][f"every_epoch@20+{where}"]["beside"]
        assert (own["evaluated"], own["unseen"], own["restarts"]) == (4, 0, 0)
        assert own["peak_bytes"] > 0


@pytest.mark.nightly
@pytest.mark.slow
@pytest.mark.parametrize("seed", range(67))
def test_kills_at_random_leave_nothing_and_double_no_metric(
    seed: int, script: Callable[..., Any], tmp_path: Path
) -> None:
    """Two of the worker and one of the trainer in each: 201 in all."""
    source = random.Random(seed)
    inline = dict(losses(ended(script("inline", arguments={"max_steps": 60}))[0]))
    process = script(beside={"keep": "all"}, step_s=0.25, arguments={"max_steps": 60})
    folder = tmp_path / "out" / "beside"
    for _ in range(2):
        wait_for(lambda: workers_of(folder) or process.poll() is not None)
        time.sleep(source.uniform(0, 6))
        for worker in workers_of(folder):
            os.kill(worker, signal.SIGKILL)
    if source.random() < 0.5:
        told, _ = ended(process)
        steps = [step for step, _ in losses(told)]
        assert len(steps) == len(set(steps))
        assert all(inline[step] == value for step, value in losses(told))
    else:
        time.sleep(source.uniform(0, 3))
        process.send_signal(source.choice([signal.SIGKILL, signal.SIGTERM]))
        process.communicate(timeout=60)
    wait_for(lambda: not workers_of(folder) and not folder.exists())


def test_a_callback_that_is_added_later_evaluates_beside_as_well(
    script: Callable[..., Any],
) -> None:
    told, said = ended(script(beside={"keep": "all"}, added_later=True))
    assert [step for step, _ in losses(told)] == [5, 10, 15, 20]
    assert said.count("4 evaluations beside training") == 1
