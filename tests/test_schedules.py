"""When each schedule evaluates, against its definition and against the real Trainer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalskip.callbacks import made_of
from evalskip.notes import note
from evalskip.schedules import ANY_SCHEDULE, EveryEpoch, EveryNSteps, EveryNthEpoch, FinalOnly, Off
from evalskip.summary import read_summary
from support import run_inside

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

epochs = st.integers(1, 20)
steps = st.integers(1, 50)
every = st.integers(1, 60)


@given(epochs, steps)
def test_every_epoch_evaluates_once_per_epoch(epochs: int, steps: int) -> None:
    assert EveryEpoch().evaluated_steps(epochs, steps) == [
        steps * epoch for epoch in range(1, epochs + 1)
    ]


@given(epochs, steps, every)
def test_every_n_epochs_leaves_out_a_last_epoch_that_is_no_multiple(
    epochs: int, steps: int, n: int
) -> None:
    evaluated = EveryNthEpoch(n=n).evaluated_steps(epochs, steps)
    assert len(evaluated) == epochs // n
    assert (epochs * steps in evaluated) == (epochs % n == 0)


@given(st.integers(1, 10), st.integers(1, 10), steps)
def test_halving_n_doubles_the_evaluations(half: int, times: int, steps: int) -> None:
    epochs = 2 * half * times
    dense = EveryNthEpoch(n=half).evaluated_steps(epochs, steps)
    sparse = EveryNthEpoch(n=2 * half).evaluated_steps(epochs, steps)
    assert len(dense) == 2 * len(sparse)
    assert set(sparse) < set(dense)


@given(epochs, steps, every)
def test_every_n_steps_ends_with_the_last_step(epochs: int, steps: int, n: int) -> None:
    last = epochs * steps
    evaluated = EveryNSteps(n=n).evaluated_steps(epochs, steps)
    assert evaluated[-1] == last
    assert all(step % n == 0 for step in evaluated[:-1])
    assert len(evaluated) == -(-last // n)


def test_off_and_final_only() -> None:
    assert Off().evaluated_steps(3, 7) == []
    assert FinalOnly().evaluated_steps(3, 7) == [21]
    assert FinalOnly().after_training


@pytest.mark.parametrize(
    "schedule",
    [Off(), EveryEpoch(), EveryNthEpoch(n=5), EveryNSteps(n=50), FinalOnly()],
    ids=lambda schedule: schedule.label,
)
def test_a_schedule_survives_its_own_json(schedule: object) -> None:
    assert ANY_SCHEDULE.validate_json(ANY_SCHEDULE.dump_json(schedule)) == schedule


def test_where_the_clock_decides_whole_runs_alone_are_compared(
    write_spec: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(EveryNSteps, "decides_by_the_clock", True)
    arms = [
        {"schedule": "every_epoch", "evaluation_samples": 64},
        {"schedule": "every_n_steps", "n": 4, "evaluation_samples": 64},
    ]
    spec = write_spec(arms=arms, design={"looks": [6]})
    ended = run_inside("bench", spec, "--out", tmp_path / "out")
    assert ended.returncode == 0, ended.stderr
    bench = read_summary(tmp_path / "out").bench
    assert bench
    by_arm: dict[str, set[str]] = {}
    for each in bench.comparisons:
        by_arm.setdefault(each.arm, set()).add(each.estimator)
    assert "matched" in by_arm["every_epoch@64"]
    assert by_arm["every_n_steps:4@64"] == {"wall_clock", "attributed"}
    assert note("clock_decides", arm="every_n_steps:4@64") in bench.warnings
    assert bench.matched.blocks == 6


def test_a_job_that_has_to_know_refuses_what_only_a_run_knows(
    write_spec: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(EveryNSteps, "evaluated_steps", lambda *_: None)
    spec = write_spec(arms=[{"schedule": "every_n_steps", "n": 4, "evaluation_samples": 64}])
    ended = run_inside("bench", spec, "--out", tmp_path / "out")
    assert ended.returncode == 2
    assert "arms.0.schedule: expected one whose steps are known beforehand" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_a_callback_is_found_by_the_file_of_its_name() -> None:
    names = ["AtTheLastStep", "EveryNEpochs", "EvalBudget", "EvalCost", "RanksAgree"]
    arguments: list[list[Any]] = [[], [2], [0.05], [], []]
    made = made_of(zip(names, arguments, strict=True))
    assert [type(each).__name__ for each in made] == names
