"""Slices of jobs too long to be run whole: what is told of the whole must be true of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from datasets import Dataset
from hypothesis import given
from hypothesis import strategies as st
from transformers import EarlyStoppingCallback, TrainerCallback

from evalskip.notes import note
from evalskip.probe.measured import Evaluation, FullRun, Measured, Timeline, Training, parsed
from evalskip.probe.trainer import TrainerProbe
from evalskip.slices import extrapolated, fewest_steps, sets_of, weights
from evalskip.summary import read_summary
from support import block_runs
from test_training import TINY

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from transformers import Trainer

    from evalskip.records import RunRecord

LONG: dict[str, Any] = {
    "kind": "synthetic",
    "epochs": 5,
    "steps_in_epoch": 400,
    "samples": 5000,
    "save_steps": 300,
    "logging_steps": 7,
    "costs": {
        "before_loop": 1.5,
        "step": 0.25,
        "evaluation_loader": 0.4,
        "evaluation_batch": 0.1,
        "aggregation": 0.3,
        "save": 2.0,
        "log": 0.01,
        "after_loop": 0.7,
        "after_evaluation": 0.6,
    },
}
ARMS = [
    {"schedule": "every_epoch", "evaluation_samples": [800, 4000]},
    {"schedule": "every_n_epochs", "n": 2, "evaluation_samples": 800},
    {"schedule": "every_n_epochs", "n": 9, "evaluation_samples": 800},
    {"schedule": "every_n_steps", "n": 3, "evaluation_samples": 80},
    {"schedule": "every_n_steps", "n": 900, "evaluation_samples": 800},
    {"schedule": "final_only", "evaluation_samples": 4000},
]


@pytest.fixture
def both(
    write_spec: Callable[..., Path], tmp_path: Path, evalskip: Callable[..., Any]
) -> Callable[..., tuple[dict[str, RunRecord], dict[str, RunRecord]]]:
    """Runs one block of a job whole and one in a slice; gives the records of both by arm."""

    def make(job: dict[str, Any], arms: list[dict[str, Any]], **design: Any) -> Any:
        found = []
        for name, cut in (("whole", {"full": True}), ("slice", {"sliced": design})):
            path = write_spec(
                arms=arms,
                design={"looks": [2], "budget": "1s", **cut},
                measure=["time"],
                replace={"job": job},
            )
            ended = evalskip("bench", path, "--out", tmp_path / name)
            assert ended.returncode == 0, ended.stderr
            records = [r for r in block_runs(tmp_path / name) if r.block == 1]
            assert all(record.status == "ok" for record in records), records
            found.append({record.arm: record for record in records})
        return tuple(found)

    return make


def test_without_noise_a_slice_tells_the_whole_exactly(both: Callable[..., Any]) -> None:
    full_run, cut = both(LONG, ARMS, steps=60, evaluation_batches=5)
    assert len(full_run) == 9
    for arm, record in full_run.items():
        assert cut[arm].extrapolated.steps == 60
        assert record.extrapolated is None
        for field in ("steps", "evaluated_after", "evaluation_samples", "evaluation_tokens"):
            assert getattr(cut[arm], field) == getattr(record, field), (arm, field)
        assert cut[arm].train_tokens == record.train_tokens
        assert cut[arm].phases_ns == pytest.approx(record.phases_ns, rel=1e-6), arm


def test_the_gain_of_the_whole_is_found_under_noise(
    write_spec: Callable[..., Path], tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    noise = [{"kind": "autocorrelation", "sigma": 0.05, "memory": 0.5}]
    gains = {}
    for name, cut, kinds in (
        ("whole", {}, []),
        ("slice", {"sliced": {"steps": 90, "evaluation_batches": 10}}, noise),
    ):
        path = write_spec(
            arms=ARMS[:3],
            design={"looks": [8], "budget": "10m", **cut},
            measure=["time"],
            replace={"job": {**LONG, "noise": kinds}},
        )
        ended = evalskip("bench", path, "--out", tmp_path / name)
        assert ended.returncode == 0, ended.stderr
        gains[name] = {
            c.arm: c.throughput_gain
            for c in read_summary(tmp_path / name).bench.comparisons
            if c.estimator == "matched"
        }
    for arm, truth in gains["whole"].items():
        assert gains["slice"][arm].estimate == pytest.approx(truth.estimate, abs=0.005), arm
    summary = read_summary(tmp_path / "slice")
    assert (summary.bench.extrapolated.steps, summary.bench.extrapolated.of_steps) == (90, 2000)
    assert "extrapolated: 90 of 2,000 steps were run" in ended.stdout
    assert note("samples_not_run") in summary.bench.warnings


def test_a_real_training_foresees_what_its_whole_does(both: Callable[..., Any]) -> None:
    job = {
        **TINY,
        "data": {"train_samples": 90, "length": 32},
        "epochs": 3,
        "gradient_accumulation": 2,
        "save_steps": 11,
        "logging_steps": 5,
    }
    arms = [
        {"schedule": "every_epoch", "evaluation_samples": 30},
        {"schedule": "every_n_epochs", "n": 2, "evaluation_samples": 30},
        {"schedule": "every_n_steps", "n": 10, "evaluation_samples": 13},
        {"schedule": "final_only", "evaluation_samples": 30},
    ]
    full_run, cut = both(job, arms, steps=24, evaluation_batches=2)
    assert full_run["off"].steps == 36
    for arm, record in full_run.items():
        for field in ("steps", "evaluated_after", "evaluation_samples", "train_tokens"):
            assert getattr(cut[arm], field) == getattr(record, field), (arm, field)
        assert (cut[arm].phases_ns["save"] > 0) == (record.phases_ns["save"] > 0)
        # a batch that is not full counts for what it holds
        tokens = record.evaluation_tokens
        assert cut[arm].evaluation_tokens == pytest.approx(tokens, rel=0.01)


def test_a_run_longer_than_the_budget_is_cut_unless_full_is_asked_for(
    write_spec: Callable[..., Path], tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    costs = {"step": 0.01, "evaluation_batch": 0.005}
    job = {"kind": "synthetic", "epochs": 2, "steps_in_epoch": 250, "clock": "real", "costs": costs}
    path = write_spec(
        arms=[{"schedule": "every_epoch", "evaluation_samples": 64}],
        design={"looks": [2], "budget": "4s"},
        measure=["time"],
        replace={"job": job},
    )
    ended = evalskip("bench", path, "--out", tmp_path / "cut")
    assert ended.returncode == 0, ended.stderr
    first, second, *_ = ended.stdout.splitlines()
    assert first.startswith("a run takes at most about 5 s; 2 blocks of all arms take ")
    assert second.startswith("since one run exceeds the budget of 4 s, ")
    assert "of 500 steps are run" in second
    assert "--full runs it whole" in second
    summary = read_summary(tmp_path / "cut")
    assert summary.bench.extrapolated.of_steps == 500
    assert summary.bench.arms["off"].wall_s == pytest.approx(5, rel=0.15)
    again = evalskip("bench", path, "--out", tmp_path / "cut", "--resume", "--budget", "1h")
    assert again.returncode == 0, again.stderr
    cuts = {record.extrapolated.steps for record in block_runs(tmp_path / "cut")}
    assert len(cuts) == 1
    ended = evalskip("bench", path, "--out", tmp_path / "full", "--full", "--budget", "1s")
    assert ended.returncode == 0, ended.stderr
    assert "the budget of 1 s is too short for the 6 blocks" in ended.stdout
    assert read_summary(tmp_path / "full").bench.extrapolated is None


@pytest.mark.parametrize(
    ("cut", "error"),
    [
        ({"steps": 12, "evaluation_batches": 2}, "sliced.steps: expected at least 24"),
        ({"steps": 24, "evaluation_batches": 1}, "sliced.evaluation_batches"),
        ({"steps": 24}, "sliced.evaluation_batches: missing"),
    ],
)
def test_a_slice_too_short_to_tell_anything_is_refused(
    write_spec: Callable[..., Path], evalskip: Callable[..., Any], cut: dict[str, Any], error: str
) -> None:
    ended = evalskip("bench", write_spec(design={"sliced": cut}))
    assert ended.returncode == 2
    assert error in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


@given(
    steps=st.integers(100, 5000),
    every=st.integers(1, 700),
    window=st.integers(0, 12),
    samples=st.integers(20, 4000),
)
def test_weights_sum_to_the_whole(steps: int, every: int, window: int, samples: int) -> None:
    count = fewest_steps(window)
    after = list(range(every, steps + 1, every))
    places = {0: [], 1: [count // 2]}.get(len(after), [count // 3, 2 * (count // 3)])
    timeline = Timeline(
        steps_ns=[1] * count,
        saves_ns=[(count // 3 - 1, 1)],
        logs_ns=[(count // 3 - 2, 1), (count, 1)],
        evaluations=[
            Evaluation(after_step=step, cut=True, batches_ns=[1] * 4, aggregation_ns=1)
            for step in [0, *places]
        ],
    )
    training = Training(steps=steps, evaluated_after=[0, *after], saves=3, logs=5)
    found = weights(
        timeline, FullRun(training=training, sets={"": (samples, 20)}, gathers=True), window
    )
    assert sum(found.steps) == pytest.approx(steps)
    assert min(found.steps) >= 0
    # the slow first steps stand for themselves, evaluated before them or not
    assert after == [*range(1, steps + 1)] or found.steps[0] == 1
    # those that the slice places stand for all, what training ends with for itself
    assert found.saves == [3]
    assert found.logs == [5, 1]
    first, *inside = found.evaluations
    assert sum(first[1:-2]) == pytest.approx(samples / 5)
    assert first[-2] == samples / 20
    assert sum(parts[0] for parts in inside) == pytest.approx(len(after))
    batches = sum(sum(parts[1:-2]) for parts in inside)
    assert batches == pytest.approx(len(after) * samples / 5)


SETS = {"small": (3, 2), "large": (41, 5)}
"""Samples of each evaluation set, and tokens in a row."""


def evaluation_sets() -> dict[str, Dataset]:
    return {
        name: Dataset.from_dict({key: [[1] * tokens] * samples for key in ("input_ids", "labels")})
        for name, (samples, tokens) in SETS.items()
    }


def trained(trainer: Trainer, steps: int | None) -> tuple[Timeline, dict[str, Any]]:
    """What a run tells: its own timeline, and the record's fields for the whole of it."""
    cut = {"steps": steps, "evaluation_batches": 4} if steps else None
    probe = TrainerProbe(trainer, "time", restore_random_state=False, prove=False, sliced=cut)
    trainer.train()
    other = Dataset.from_dict({"input_ids": [[1, 2]] * 30, "labels": [[1, 2]] * 30})
    trainer.evaluate(other)
    measured = parsed(Measured, probe.finish())
    timeline = measured.timeline
    full_run = measured.full_run or FullRun(training=None, sets={}, gathers=False)
    sets = {name: found["samples"] for name, found in sets_of(timeline, full_run, 4).items()}
    return timeline, {**extrapolated(timeline, full_run, 4), "sets": sets, "full_run": full_run}


def test_each_evaluation_set_is_told_by_its_own_samples(
    make_trainer: Callable[..., Trainer],
) -> None:
    settings = {
        "num_train_epochs": 20,
        "eval_strategy": "epoch",
        "eval_on_start": True,
        "logging_steps": 5,
    }
    _, full_run = trained(make_trainer(evaluation=evaluation_sets(), **settings), None)
    timeline, cut = trained(make_trainer(evaluation=evaluation_sets(), **settings), 24)
    assert len(timeline.steps_ns) == 24
    assert len(timeline.evaluations[0].batches_ns) < 10
    assert full_run["evaluated_after"] == [0, *range(2, 41, 2), 40]
    for field in ("steps", "evaluated_after", "evaluation_samples", "evaluation_tokens", "sets"):
        assert cut[field] == full_run[field], field
    assert cut["sets"] == {name: samples for name, (samples, _) in SETS.items()}
    # evaluated after training, on samples that are not the Trainer's own: not cut, and marked so
    assert timeline.evaluations[-1].samples == 30


def test_what_ends_training_early_is_not_taken_for_its_end(
    make_trainer: Callable[..., Trainer],
) -> None:
    stops = {
        "eval_strategy": "epoch",
        "save_strategy": "epoch",
        "load_best_model_at_end": True,
        "learning_rate": 0.0,
        "num_train_epochs": 20,
    }
    _, full_run = trained(make_trainer(EarlyStoppingCallback(1), **stops), 40)
    assert (full_run["steps"], full_run["evaluated_after"]) == (4, [2, 4, 4])
    assert full_run["full_run"].training is None
    _, cut = trained(make_trainer(EarlyStoppingCallback(1), **stops), 24)
    assert (cut["steps"], cut["full_run"].may_stop_early) == (40, True)
    assert len(cut["evaluated_after"]) == 21


class Stops(TrainerCallback):
    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        control.should_training_stop = state.global_step == 5


def test_a_job_that_ends_itself_cannot_be_cut(make_trainer: Callable[..., Trainer]) -> None:
    with pytest.raises(RuntimeError, match="ended its training itself, at step 5 of the 24"):
        trained(make_trainer(Stops(), num_train_epochs=20), 24)


def test_evaluation_sets_without_a_length_are_not_cut(make_trainer: Callable[..., Trainer]) -> None:
    streams = {name: samples.to_iterable_dataset() for name, samples in evaluation_sets().items()}
    settings = {"num_train_epochs": 20, "eval_strategy": "epoch"}
    _, cut = trained(make_trainer(evaluation=streams, **settings), 24)
    assert cut["evaluation_samples"] == 44
    assert cut["steps"] == 40


def test_the_pilot_evaluates_where_any_arm_does(
    write_spec: Callable[..., Path], tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    costs = {"step": 0.01, "evaluation_batch": 0.02}
    job = {"kind": "synthetic", "epochs": 2, "steps_in_epoch": 12, "clock": "real", "costs": costs}
    path = write_spec(
        arms=[
            {"schedule": "every_epoch", "evaluation_samples": 160},
            # more samples, and never evaluated
            {"schedule": "every_n_epochs", "n": 5, "evaluation_samples": 800},
        ],
        design={"looks": [2], "budget": "1s"},
        measure=["time"],
        replace={"job": job},
    )
    ended = evalskip("bench", path, "--full", "--out", tmp_path / "out")
    assert ended.returncode == 0, ended.stderr
    # 24 steps of 10 ms, two evaluations of 20 batches of 20 ms, and what lies beyond T
    told = re.match(r"a run takes at most about (\S+) s", ended.stdout)
    assert told, ended.stdout
    assert float(told[1]) == pytest.approx(1.1, abs=0.3)
