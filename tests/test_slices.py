"""Slices of jobs too long to be run whole: what is told of the whole must be true of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalskip.records import RecordStore
from evalskip.slices import Whole, fewest_steps, weights
from evalskip.summary import read_summary
from test_training import TINY

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from evalskip.records import RunRecord

LONG: dict[str, Any] = {
    "kind": "synthetic",
    "epochs": 5,
    "steps_in_epoch": 400,
    "rows": 5000,
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
    {"schedule": "every_epoch", "evaluation_rows": [800, 4000]},
    {"schedule": "every_n_epochs", "n": 2, "evaluation_rows": 800},
    {"schedule": "every_n_epochs", "n": 9, "evaluation_rows": 800},
    {"schedule": "every_n_steps", "n": 3, "evaluation_rows": 80},
    {"schedule": "every_n_steps", "n": 900, "evaluation_rows": 800},
    {"schedule": "final_only", "evaluation_rows": 4000},
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
            records = [r for r in RecordStore(tmp_path / name).read() if r.block == 1]
            assert all(record.status == "ok" for record in records), records
            found.append({record.arm: record for record in records})
        return tuple(found)

    return make


def test_without_noise_a_slice_tells_the_whole_exactly(both: Callable[..., Any]) -> None:
    whole, cut = both(LONG, ARMS, steps=60, evaluation_batches=5)
    assert len(whole) == 9
    for arm, record in whole.items():
        assert cut[arm].extrapolated.steps == 60
        assert record.extrapolated is None
        for field in ("steps", "evaluated_after", "evaluation_rows", "evaluation_tokens"):
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
            for c in read_summary(tmp_path / name).comparisons
            if c.estimator == "matched_steps_plus_hidden_cost"
        }
    for arm, truth in gains["whole"].items():
        assert gains["slice"][arm].estimate == pytest.approx(truth.estimate, abs=0.005), arm
    summary = read_summary(tmp_path / "slice")
    assert (summary.extrapolated.steps, summary.extrapolated.of_steps) == (90, 2000)
    assert "extrapolated: 90 of 2,000 steps were run" in ended.stdout
    assert any("intervals do not hold" in warning for warning in summary.warnings)
    assert "extrapolated from 90 steps" in summary.claims[0].scope


def test_a_real_training_foresees_what_its_whole_does(both: Callable[..., Any]) -> None:
    job = {
        **TINY,
        "data": {"train_rows": 90, "length": 32},
        "epochs": 3,
        "gradient_accumulation": 2,
        "save_steps": 11,
        "logging_steps": 5,
    }
    arms = [
        {"schedule": "every_epoch", "evaluation_rows": 30},
        {"schedule": "every_n_epochs", "n": 2, "evaluation_rows": 30},
        {"schedule": "every_n_steps", "n": 10, "evaluation_rows": 13},
        {"schedule": "final_only", "evaluation_rows": 30},
    ]
    whole, cut = both(job, arms, steps=24, evaluation_batches=2)
    assert whole["off"].steps == 36
    for arm, record in whole.items():
        for field in ("steps", "evaluated_after", "evaluation_rows", "train_tokens"):
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
        arms=[{"schedule": "every_epoch", "evaluation_rows": 64}],
        design={"looks": [2], "budget": "4s"},
        measure=["time"],
        replace={"job": job},
    )
    ended = evalskip("bench", path, "--out", tmp_path / "cut")
    assert ended.returncode == 0, ended.stderr
    first, second, *_ = ended.stdout.splitlines()
    assert first.startswith("a whole run takes about 5 s at most; 2 to 2 blocks of all arms, ")
    assert second.startswith("since one run exceeds the budget of 4 s, ")
    assert "of 500 steps are run" in second
    assert "--full runs it whole" in second
    summary = read_summary(tmp_path / "cut")
    assert summary.extrapolated.of_steps == 500
    assert summary.arms["off"].wall_s == pytest.approx(5, rel=0.15)
    again = evalskip("bench", path, "--out", tmp_path / "cut", "--resume", "--budget", "1h")
    assert again.returncode == 0, again.stderr
    cuts = {record.extrapolated.steps for record in RecordStore(tmp_path / "cut").read()}
    assert len(cuts) == 1
    ended = evalskip("bench", path, "--out", tmp_path / "full", "--full", "--budget", "1s")
    assert ended.returncode == 0, ended.stderr
    assert "the budget of 1 s is too short for the 2 blocks" in ended.stdout
    assert read_summary(tmp_path / "full").extrapolated is None


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
    rows=st.integers(20, 4000),
)
def test_weights_sum_to_the_whole(steps: int, every: int, window: int, rows: int) -> None:
    count = fewest_steps(window)
    after = list(range(every, steps + 1, every))
    places = {0: [], 1: [count // 2]}.get(len(after), [count // 3, 2 * (count // 3)])
    timeline = {
        "steps_ns": [1] * count,
        "saves_ns": [(1, 1)],
        "logs_ns": [(1, 1), (2, 1)],
        "evaluations": [
            {"after_step": step, "after_training": False, "batches_ns": [1] * 4, "rows": 20}
            for step in places
        ],
    }
    whole = Whole(steps=steps, evaluated_after=after, saves=3, logs=5, rows=rows, gathers=False)
    found = weights(timeline, whole, window)
    assert sum(found.steps) == pytest.approx(steps)
    assert min(found.steps) >= 0
    assert (found.saves, found.logs) == (3, 2.5)
    assert sum(parts[0] for parts in found.evaluations) == pytest.approx(len(after))
    batches = sum(sum(parts[1:-2]) for parts in found.evaluations)
    assert batches == pytest.approx(len(after) * rows / 5)
