"""When each schedule evaluates, against its definition and against the real Trainer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalskip.schedules import ANY_SCHEDULE, EveryEpoch, EveryNSteps, EveryNthEpoch, FinalOnly, Off

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
