"""What schedules would cost, from a pilot: true where costs are known, and told in full."""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalskip.analysis.prediction import predict, total_seconds, workload
from evalskip.analysis.recommendation import EvaluationShares, densest
from evalskip.jobs.llamafactory.settings import PYTHON
from evalskip.jobs.llamafactory.tiny import make_tiny, tiny_settings
from evalskip.notes import note
from evalskip.probe.layout import pilot_layout, pilot_samples, pilot_steps
from evalskip.records import RecordStore
from evalskip.report.markdown import markdown
from evalskip.schedules import EveryEpoch, EveryNSteps, EveryNthEpoch
from evalskip.summary import CostModel, Interval, JobSize, PieceCosts, Summary, read_summary
from test_training import TINY

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from evalskip.probe.measured import Timeline

COSTS: dict[str, float] = {
    "before_loop": 0.5,
    "step": 0.01,
    "train_token": 2e-5,
    "evaluation_loader": 0.02,
    "evaluation_batch": 0.004,
    "evaluation_token": 6e-6,
    "aggregation": 0.005,
    "first_evaluation": 0.03,
    "after_evaluation": 0.02,
    "save": 0.2,
    "log": 0.001,
    "after_loop": 0.1,
}
JOB: dict[str, Any] = {
    "epochs": 6,
    "steps_in_epoch": 40,
    "samples": 100,
    "train_batch": 4,
    "evaluation_batch": 8,
    "save_steps": 60,
    "costs": COSTS,
}
ARMS = [
    {"schedule": "every_epoch", "evaluation_samples": [20, 61, 100]},
    {"schedule": "every_n_epochs", "n": 4, "evaluation_samples": 61},
    {"schedule": "every_n_steps", "n": 27, "evaluation_samples": 100},
    {"schedule": "final_only", "evaluation_samples": 100},
]


@pytest.fixture
def told(
    write_spec: Callable[..., Path], tmp_path: Path, evalskip: Callable[..., Any]
) -> Callable[..., Summary]:
    """What ``evalskip predict`` says of a synthetic job."""

    def call(
        *options: str, name: str = "told", arms: Any = ARMS, seed: int = 0, **job: Any
    ) -> Summary:
        spec = write_spec(job={**JOB, **job}, arms=arms, design={"seed": seed})
        ended = evalskip("predict", spec, "--out", tmp_path / name, *options)
        assert ended.returncode == 0, ended.stderr
        return read_summary(tmp_path / name)

    return call


@pytest.mark.parametrize("shortest", [128, 16], ids=["fixed", "varying"])
def test_without_noise_it_is_what_whole_runs_take(
    shortest: int, told: Callable[..., Summary], tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    job = {"lengths": {"shortest": shortest, "longest": 128}}
    found = told(**job)
    ended = evalskip("bench", tmp_path / "spec.yaml", "--out", tmp_path / "whole")
    assert ended.returncode == 0, ended.stderr
    whole = read_summary(tmp_path / "whole")
    predicted = {each.arm: each for each in found.prediction.schedules}
    for name, arm in whole.bench.arms.items():
        if name == "off_again":
            continue
        each = predicted[name]
        assert each.wall_s.estimate == pytest.approx(arm.wall_s, rel=1e-3), name
        # a smaller set's last batch is told from a whole one, whose longest sample is longer
        close = 3e-3 if shortest == 128 or arm.evaluation_samples == 100 else 0.03
        assert each.share.estimate == pytest.approx(arm.share, rel=close), name
        assert each.evaluations == arm.evaluations
        assert each.evaluation_load == pytest.approx(arm.evaluation_load, rel=close)
        gain = arm.wall_s / whole.bench.arms["off"].wall_s - 1
        assert each.throughput_gain.estimate == pytest.approx(gain, rel=2 * close, abs=1e-5)


def timelines_of(out: Path) -> list[Timeline]:
    """Of each process of a pilot, in order."""
    store = RecordStore(out)
    steps = [store.steps_of(record) for record in store.read()]
    return [each.timeline for each in steps if each]


def test_the_pilot_sees_a_tenth_at_most(told: Callable[..., Summary]) -> None:
    for epochs in (1, 2, 6, 40):
        pilot = told(name=f"of-{epochs}", epochs=epochs, arms=ARMS[:1]).prediction.pilot
        assert pilot is not None
        assert pilot.of_steps == 40 * epochs
        assert pilot.steps <= 0.1 * pilot.of_steps


def test_the_budget_holds_where_evaluation_is_long(
    write_spec: Callable[..., Path], tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    costs = {**COSTS, "before_loop": 0.0, "evaluation_batch": 0.2}
    spec = write_spec(job={**JOB, "clock": "real", "costs": costs}, arms=ARMS[:1])
    ended = evalskip("predict", spec, "--budget", "4s", "--out", tmp_path / "out")
    assert ended.returncode == 0, ended.stderr
    walls = [timeline.wall_ns / 1e9 for timeline in timelines_of(tmp_path / "out")]
    assert len(walls) > 1
    assert sum(walls[1:]) <= 4


def test_every_schedule_has_a_sample(told: Callable[..., Summary]) -> None:
    found = told(
        "--every", "16", arms=[{"schedule": "every_n_epochs", "n": 3, "evaluation_samples": 61}]
    )
    samples = {each.arm: each.evaluations for each in found.prediction.schedules}
    # which is every 3 epochs, and has no sample of its own
    assert found.prediction.recommendations[0].every_steps == 120
    # nor has every 10 epochs, of 6
    assert samples == {
        "off": 0,
        "final_only@61": 1,
        "every_epoch@61": 6,
        "every_n_epochs:2@61": 3,
        "every_n_epochs:3@61": 2,
        "every_n_epochs:5@61": 1,
        "every_n_steps:16@61": 15,
    }


def test_intervals_grow_with_what_is_not_known(told: Callable[..., Summary]) -> None:
    noise = [{"kind": "autocorrelation", "sigma": 0.3, "memory": 0.3}]
    quiet, loud = told(name="quiet"), told(name="loud", noise=noise)
    by_arm = {each.arm: each for each in loud.prediction.schedules}
    for one in quiet.prediction.schedules:
        other = by_arm.get(one.arm)
        if other and one.evaluations:
            assert one.share.low < one.share.estimate < one.share.high
            assert one.share.high - one.share.low < other.share.high - other.share.low


@pytest.mark.parametrize("within", ["1%", "5%", "20%"])
def test_the_recommended_schedule_is_the_densest_within_the_share(
    within: str, told: Callable[..., Summary]
) -> None:
    found = told("--share", within, arms=ARMS[:1])
    limit = float(within.rstrip("%")) / 100
    for model, each in zip(
        found.prediction.cost_models, found.prediction.recommendations, strict=True
    ):
        assert each.within == limit
        assert each.share.high is not None
        assert each.share.high <= limit
        # one evaluation more would be too many, but for a number of steps that people write
        most = densest(EvaluationShares.from_model(model), limit)
        assert each.evaluations <= most
        if each.every_steps:
            assert each.every_steps <= math.ceil(240 / most) * 1.1 + 1
            assert each.lines["llamafactory_yaml"] == [
                "eval_strategy: steps",
                f"eval_steps: {each.every_steps}",
            ]


def test_a_share_that_holds_no_evaluation_is_said(
    told: Callable[..., Summary], tmp_path: Path
) -> None:
    found = told("--share", "0.05%", arms=ARMS[:1])
    largest = found.prediction.recommendations[-1]
    assert largest.every_steps is None
    assert largest.evaluations == 0
    assert largest.advice.code == "do_not_evaluate"
    assert "do not evaluate" in (tmp_path / "told" / "report.md").read_text()


def test_it_prints_what_is_asked(
    write_spec: Callable[..., Path], tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    spec = write_spec(job=JOB, arms=ARMS[:1])
    ended = evalskip("predict", spec, "--out", tmp_path / "out")
    assert re.search(r"every epoch +61 +6 .*\d+\.\d \[\d+\.\d, \d+\.\d\]", ended.stdout)
    assert "61 samples: evaluate every" in ended.stdout
    assert "eval_strategy: steps" in ended.stdout
    assert 'eval_strategy="steps",' in ended.stdout
    assert "What every schedule would cost" in (tmp_path / "out" / "report.md").read_text()
    assert all(record.status == "ok" for record in RecordStore(tmp_path / "out").read())


def test_it_joins_what_bench_has_found(
    write_spec: Callable[..., Path], tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    spec, out = write_spec(job=JOB, arms=ARMS[:1]), tmp_path / "out"
    assert evalskip("bench", spec, "--out", out).returncode == 0
    measured = read_summary(out)
    assert evalskip("predict", spec, "--out", out, "--resume").returncode == 0
    both = read_summary(out)
    assert both.bench.arms == measured.bench.arms
    assert both.prediction
    assert evalskip("report", out).returncode == 0


@pytest.mark.parametrize(
    ("options", "job", "said"),
    [
        (["--share", "0"], {}, "--share: expected a share"),
        (["--share", "110%"], {}, "--share: expected a share"),
        (["--share", "1.2"], {}, "--share: expected a share"),
        (["--share", "nan"], {}, "--share: expected a share"),
        (["--budget", "soon"], {}, "--budget: expected a duration"),
        (["--every", "0"], {}, "--every"),
        ([], {"epochs": 1, "steps_in_epoch": 39}, "the job has 39 optimizer steps"),
        ([], {"epochs": 1, "steps_in_epoch": 3}, "the job has 3 optimizer steps"),
    ],
)
def test_bad_input_is_one_line(
    options: list[str],
    job: dict[str, Any],
    said: str,
    write_spec: Callable[..., Path],
    tmp_path: Path,
    evalskip: Callable[..., Any],
) -> None:
    spec = write_spec(job={**JOB, **job}, arms=ARMS[:1])
    ended = evalskip("predict", spec, "--out", tmp_path / "out", *options)
    assert ended.returncode == 2, ended.stderr
    assert ended.stderr.count("\n") == 1
    assert said in ended.stderr
    # how long a job is only a process of it can tell, and that is kept
    assert (tmp_path / "out").exists() == bool(job)


@pytest.mark.parametrize("ending", ["raise", "out_of_memory"])
def test_a_pilot_that_does_not_end_well_is_one_line(
    ending: str, write_spec: Callable[..., Path], tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    fault = {"arm": "every_epoch@100", "ending": ending, "step": 2}
    spec = write_spec(job={**JOB, "faults": [fault]}, arms=ARMS[:1])
    ended = evalskip("predict", spec, "--out", tmp_path / "out")
    assert ended.returncode == 4
    assert ended.stderr.count("\n") == 1
    expected = "failed" if ending == "raise" else "out_of_memory"
    assert f"the pilot ended {expected}" in ended.stderr


@given(st.integers(1, 10**5), st.integers(1, 300), st.integers(1, 64))
def test_a_pilot_evaluates_whole_batches_and_a_smaller_one(
    there: int, batches: int, batch: int
) -> None:
    samples = list(pilot_samples(there, min(there, batches * batch), batch))
    assert samples
    assert len(set(samples)) == len(samples)
    assert max(samples) < there
    for place in range(0, len(samples) - batch + 1, batch):
        own = samples[place : place + batch]
        assert own == list(range(own[0], own[0] + batch))
        assert own[0] % batch == 0


@given(st.integers(40, 10**6), st.integers(0, 4))
def test_a_pilots_layout(steps: int, saves: int) -> None:
    count = pilot_steps(8, steps, 0.1, 4)
    assert 4 <= count <= steps // 10
    found = pilot_layout(count, saves, logs=3)
    assert len(found.evaluate) >= 2
    assert max(found.evaluate) == count
    assert not found.evaluate & (found.save | found.log)
    assert len(found.save) == min(saves, 2, min(found.evaluate) - 1)


@given(st.integers(1, 300), st.integers(1, 60), st.integers(1, 12))
def test_schedules_of_jobs_whose_last_epoch_is_cut_short(
    steps: int, steps_per_epoch: int, n: int
) -> None:
    by_epoch = EveryEpoch().evaluated_within(steps, steps_per_epoch)
    assert by_epoch[-1] == steps
    assert len(by_epoch) == math.ceil(steps / steps_per_epoch)
    counted = EveryNthEpoch(n=n).evaluated_within(steps, steps_per_epoch)
    assert counted == [s for s in by_epoch if s % (n * steps_per_epoch) == 0]
    assert len(EveryNSteps(n=n).evaluated_within(steps, steps_per_epoch)) == math.ceil(steps / n)


def model_of(**changes: Any) -> CostModel:
    zero = dict.fromkeys(PieceCosts.model_fields, 0.0)
    costs = PieceCosts(**{**zero, "step_s": 1.0, "batch_s": 0.5, **changes})
    size = JobSize(
        steps=1000,
        epochs=10,
        train_samples=800,
        train_batch=8,
        accumulation=1,
        drop_last=False,
        train_tokens_per_sample=10,
        evaluation_sets=[80],
        evaluation_batch=8,
        evaluation_tokens_per_sample=10,
    )
    return CostModel(
        evaluation=[],
        size=size,
        costs=costs,
        level=0.95,
        sampled_half_width=0.02,
        evaluation_half_width=0.02,
        event_half_width=0.03,
        pace_half_width=0.1,
        after_effect_half_width_s=0.01,
    )


def test_what_a_cost_model_adds_up_to() -> None:
    model = model_of(first_evaluation_s=2.0, after_effect_s=0.1, fixed_s=3.0)
    wall, evaluated = total_seconds(model.costs, workload(model.size, 10, 9))
    assert evaluated == pytest.approx(10 * 5 + 2)
    assert wall == pytest.approx(1000 + 3 + 52 + 0.9)
    found = predict(
        model, workload(model.size, 10, 9), arm="a", schedule=note("off"), evaluation_samples=None
    )
    assert found.share.estimate == pytest.approx(52 / wall)
    assert found.throughput_gain.estimate == pytest.approx(wall / 1003 - 1)
    # a share of evaluation that costs nearly all stays one
    heavy = predict(
        model_of(batch_s=1e6),
        workload(model.size, 10, 9),
        arm="a",
        schedule=note("off"),
        evaluation_samples=None,
    )
    assert 0.99 < heavy.share.low < heavy.share.high < 1


@given(st.floats(0.001, 0.9))
def test_one_evaluation_more_than_the_densest_is_too_many(within: float) -> None:
    model = model_of()
    most = densest(EvaluationShares.from_model(model), within)

    def upper(count: int) -> float:
        of = workload(model.size, count, max(0, count - 1))
        share = predict(model, of, arm="", schedule=note("off"), evaluation_samples=None).share
        assert share.high is not None
        return share.high

    assert upper(most) <= within
    assert most == model.size.steps or upper(most + 1) > within


def test_a_real_job(
    write_spec: Callable[..., Path], tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    job = {
        **TINY,
        "epochs": 20,
        "data": {"text": "python-docs", "train_samples": 40, "length": 32, "shortest": 8},
        "train_batch": 4,
        "gradient_accumulation": 2,
    }
    arms = [
        {"schedule": "every_epoch", "evaluation_samples": 21},
        {
            "schedule": "every_epoch",
            "evaluation_samples": 21,
            "evaluation": {"evaluation_batch": 1},
        },
    ]
    spec = write_spec(replace={"job": job}, arms=arms, measure=["time", "memory"])
    ended = evalskip("predict", spec, "--out", tmp_path / "out")
    assert ended.returncode == 0, ended.stderr
    found = read_summary(tmp_path / "out")
    assert found.prediction.pilot is not None
    assert found.prediction.pilot.of_steps == 100
    assert found.prediction.pilot.steps <= 10
    assert len(found.prediction.cost_models) == 2
    one_by_one = next(
        m for m in found.prediction.cost_models if "evaluation_batch=1" in m.evaluation
    )
    assert one_by_one.size.evaluation_batch == 1
    # samples of a batch are padded to the longest
    ours = next(m for m in found.prediction.cost_models if m is not one_by_one)
    assert ours.size.evaluation_tokens_per_sample > one_by_one.size.evaluation_tokens_per_sample
    assert 8 <= one_by_one.size.evaluation_tokens_per_sample <= 32
    assert ours.operations_ratio is not None
    assert ours.operations_ratio == pytest.approx(1 / 3, abs=0.01)
    arm = next(each for each in found.prediction.schedules if each.arm == "every_epoch@21")
    assert arm.evaluations == 20
    assert 0 < arm.share.low < arm.share.high < 1


def test_a_loss_that_is_no_number(
    write_spec: Callable[..., Path], tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    data = {"text": "python-docs", "train_samples": 200, "length": 32}
    job = {**TINY, "epochs": 5, "data": data, "train_batch": 4, "learning_rate": 1e30}
    spec = write_spec(
        replace={"job": job}, arms=[{"schedule": "every_epoch", "evaluation_samples": 20}]
    )
    ended = evalskip("predict", spec, "--out", tmp_path / "out")
    assert ended.returncode == 4
    assert ended.stderr.count("\n") == 1
    assert "the pilot's loss is not a number" in ended.stderr


SCRIPT = """
import sys, tempfile
from datasets import Dataset
from transformers import LlamaConfig, LlamaForCausalLM, Trainer, TrainingArguments
from evalskip.callbacks import EvalCost

samples = Dataset.from_dict({"input_ids": [[1, 2, 3, 4]] * 64, "labels": [[1, 2, 3, 4]] * 64})
config = LlamaConfig(
    vocab_size=8, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1
)
with tempfile.TemporaryDirectory() as folder:
    arguments = TrainingArguments(
        folder, num_train_epochs=10, per_device_train_batch_size=8, eval_strategy=sys.argv[1],
        eval_steps=int(sys.argv[2]), save_strategy="no", report_to=[], use_cpu=True,
    )
    Trainer(
        LlamaForCausalLM(config), arguments, train_dataset=samples,
        eval_dataset=samples.select(range(20)),
        callbacks=[EvalCost()],
    ).train()
"""
STREAMS = (
    SCRIPT.replace("samples.select(range(20))", "samples.select(range(20)).to_iterable_dataset()")
    .replace("train_dataset=samples", "train_dataset=samples.to_iterable_dataset()")
    .replace("num_train_epochs=10", "max_steps=80, eval_on_start=True, eval_delay=30")
)
LOOP = """
from evalskip import phase

with phase("train"):
    for step in range(60):
        with phase("step", tokens=10):
            pass
    with phase("evaluate", samples=4, tokens=20):
        pass
"""


@pytest.fixture
def command(write_spec: Callable[..., Path], tmp_path: Path) -> Callable[..., Path]:
    def write(script: str, arguments: str) -> Path:
        (tmp_path / "script.py").write_text(script)
        words = f"{sys.executable} {tmp_path / 'script.py'} {arguments}"
        job = {"kind": "command", "command": words, "epochs": 10}
        arms = [{"schedule": "every_epoch"}, {"schedule": "every_n_steps", "n": 25}]
        return write_spec(replace={"job": job, "arms": arms, "measure": ["time"]})

    return write


@pytest.mark.slow
def test_a_script_of_the_users(
    command: Callable[..., Path], tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    spec = command(SCRIPT, "{eval_strategy} {eval_steps}")
    ended = evalskip("predict", spec, "--out", tmp_path / "out")
    assert ended.returncode == 0, ended.stderr
    found = read_summary(tmp_path / "out")
    assert found.prediction.pilot is not None
    assert (found.prediction.pilot.of_steps, found.prediction.pilot.steps) == (80, 8)
    samples = {each.arm: each.evaluations for each in found.prediction.schedules}
    assert samples["every_epoch"] == 10
    assert samples["every_n_steps:25"] == 4


@pytest.mark.slow
def test_streams_and_an_evaluation_before_training(
    command: Callable[..., Path], tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    spec = command(STREAMS, "{eval_strategy} {eval_steps}")
    ended = evalskip("predict", spec, "--out", tmp_path / "out")
    assert ended.returncode == 0, ended.stderr
    found = read_summary(tmp_path / "out")
    size = found.prediction.cost_models[0].size
    assert size.train_samples is None
    assert size.evaluation_sets == [20]
    assert size.train_tokens_per_sample == size.evaluation_tokens_per_sample == 4
    samples = {each.arm: each for each in found.prediction.schedules}
    # before the first step, then after 50, 75 and 80: 25 comes too early
    assert samples["every_n_steps:25"].evaluations == 4
    assert samples["every_n_steps:25"].evaluation_load == pytest.approx(4 * 20 * 4 / (80 * 8 * 4))
    assert 0.01 < samples["every_n_steps:25"].share.estimate < 0.6


@pytest.mark.slow
def test_a_loop_written_by_hand_cannot_be_cut_short(
    command: Callable[..., Path], tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    ended = evalskip("predict", command(LOOP, "{schedule}"), "--out", tmp_path / "out")
    assert ended.returncode == 4
    said, below = ended.stderr.splitlines()
    assert said == "evalskip: the pilot ended failed: exit code 1"
    assert "cannot be cut short" in below


@pytest.mark.slow
@pytest.mark.skipif(not PYTHON.exists(), reason="needs make llamafactory")
def test_llamafactory_as_written(
    write_spec: Callable[..., Path], tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    make_tiny(tmp_path)
    settings = {
        **tiny_settings(tmp_path),
        "max_samples": 100,
        "num_train_epochs": 5,
        "eval_strategy": "steps",
        "eval_steps": 30,
        "gradient_accumulation_steps": 2,
        "load_best_model_at_end": False,
    }
    spec = tmp_path / "users.yaml"
    spec.write_text(json.dumps(settings))
    ended = evalskip("predict", spec, "--out", tmp_path / "out")
    assert ended.returncode == 0, ended.stderr
    found = read_summary(tmp_path / "out")
    samples = {each.arm: each for each in found.prediction.schedules}
    # 80 samples, 8 a step: at steps 30 and 50, and once more after training, as LLaMA-Factory does
    assert found.prediction.pilot is not None
    assert found.prediction.pilot.of_steps == 50
    assert samples["as_written"].evaluations == 3
    assert samples["every_epoch"].evaluations == 6
    (model,) = found.prediction.cost_models
    assert model.size.evaluation_sets == [20]
    assert 0 < model.size.evaluation_tokens_per_sample <= 64
    assert model.operations_ratio is not None
    # of LoRA a step is cheaper than of full fine-tuning
    assert model.operations_ratio > 0.35
    assert found.prediction.closing_evaluations == 1
    (remedies,) = found.prediction.remedies
    assert remedies.arm == "as_written"
    assert remedies.share == samples["as_written"].share
    names = {each.name.partition(":")[0] for each in remedies.remedies}
    left_out = {each.remedy.code for each in remedies.left_out}
    assert names | left_out
    assert "LLaMA-Factory itself evaluates once more after training: that is counted" in " ".join(
        ended.stdout.split()
    )


def test_slow_evaluations_belong_to_what_evaluation_costs(told: Callable[..., Summary]) -> None:
    """Each is three times as slow with probability 1/4: the mean is half more, and so is told."""
    long, slow = {"steps_in_epoch": 200}, {"probability": 0.25, "factor": 3.0}
    usual = _every_epoch(told(**long))
    shares = [
        _every_epoch(told(seed=seed, slow_evaluations=slow, **long)).estimate for seed in range(12)
    ]
    found = np.array(shares) / (1 - np.array(shares))
    assert found.mean() / (usual.estimate / (1 - usual.estimate)) == pytest.approx(1.5, rel=0.12)


def test_of_a_short_job_slow_evaluations_are_seen(
    told: Callable[..., Summary], tmp_path: Path
) -> None:
    """A tenth of 100 steps has room for two evaluations; some are made that follow others."""
    short, slow = {"epochs": 4, "steps_in_epoch": 25}, {"probability": 0.25, "factor": 3.0}
    share = _every_epoch(told(**short)).estimate
    true = 1.5 * share / (1 + 0.5 * share)
    covered = 0
    for seed in range(16):
        found = told(seed=seed, slow_evaluations=slow, **short)
        (timeline,) = timelines_of(tmp_path / "told")
        assert len(timeline.steps_ns) == 10
        assert len(timeline.evaluations) == 12
        own = _every_epoch(found)
        covered += (own.low or 0) <= true <= (own.high or 0)
    assert covered >= 13


def test_a_gain_fits_its_share_and_is_never_negative(told: Callable[..., Summary]) -> None:
    noise = [{"kind": "bursts", "every_s": 1, "length_s": 0.3, "factor": 3}]
    costs = {**COSTS, "after_evaluation": 0.0}
    for seed in range(10):
        for found in told(seed=seed, noise=noise, costs=costs).prediction.schedules:
            if found.evaluations:
                own = found.share.estimate / (1 - found.share.estimate)
                gain = found.throughput_gain
                # what the logs of evaluation and after-effects add
                assert own <= gain.estimate + 1e-9
                assert gain.estimate <= 1.2 * own + 0.01
                assert (gain.low or 0) >= 0


def _every_epoch(summary: Summary) -> Interval:
    return next(
        each.share for each in summary.prediction.schedules if each.arm == "every_epoch@100"
    )


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.nightly
def test_pilots_beside_busy_processes_do_not_contradict_each_other(
    write_spec: Callable[..., Path], tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    """Ten pilots of one job on a machine whose every core has a process that never rests."""
    job = {**TINY, "epochs": 60}
    arms = [{"schedule": "every_epoch", "evaluation_samples": 24}]
    spec = write_spec(replace={"job": job, "arms": arms})
    busy = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"])
        for _ in range(os.cpu_count() or 1)
    ]
    try:
        for number in range(10):
            out = tmp_path / f"pilot-{number}"
            ended = evalskip("predict", spec, "--budget", "5s", "--out", out)
            assert ended.returncode == 0, ended.stderr
    finally:
        for process in busy:
            process.kill()
            process.wait()
    found = [read_summary(tmp_path / f"pilot-{number}") for number in range(10)]
    gains = [
        next(
            each.throughput_gain
            for each in one.prediction.schedules
            if each.arm == "every_epoch@24"
        )
        for one in found
    ]
    apart = [
        (one, other)
        for one, other in combinations(gains, 2)
        if one.high < other.low or other.high < one.low
    ]
    assert len(apart) <= 1, gains
    # and where others disturbed it, the answer begins with that
    for one in found:
        if one.prediction.pilot and one.prediction.pilot.disturbed:
            assert "of the pilot's" in markdown([one]).split("\n")[2]
