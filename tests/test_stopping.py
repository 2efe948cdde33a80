"""Training that stops by what evaluations say: how often it should evaluate until then."""

from __future__ import annotations

import json
import math
import random
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalskip import audit
from evalskip.analysis.curves import LossCurve
from evalskip.analysis.recommendation import recommend_spacing
from evalskip.analysis.stopping import (
    StoppedRun,
    Stretch,
    Work,
    reached_step,
    spacing_of,
    sparser,
    with_spacing,
)
from evalskip.jobs import Keeping
from evalskip.notes import note
from evalskip.spacing import SpacingLaw
from evalskip.summary import StopCondition, Stopping, read_summary
from evalskip.targets import Target

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def stopped_s(law: SpacingLaw, spacing: float, begin: float, fall: float, rise: float) -> float:
    """A training step by step, until it stops: its loss falls up to the work, then rises."""
    place, count, best, waited = begin, 0, math.inf, 0
    while True:
        count += 1
        away = place - law.work
        if law.patience is None:
            if away >= 0:
                break
        else:
            loss = rise * away if away > 0 else -fall * away
            best, waited = (loss, 0) if loss < best else (best, waited + 1)
            if waited >= law.patience:
                break
        place += spacing
    return law.step_s * place + law.evaluation_s * count


def mean_s(law: SpacingLaw, spacing: float, fall: float = 1.0, rise: float = 1.0) -> float:
    """The same, wherever evaluations fall."""
    begins = [(number + 0.5) / 40 * spacing for number in range(40)]
    return sum(stopped_s(law, spacing, begin, fall, rise) for begin in begins) / len(begins)


@given(
    st.floats(200, 1e5),
    st.floats(0.01, 10),
    st.floats(1, 60),
    st.sampled_from([None, 1, 2, 3, 5]),
    st.floats(0.3, 3),
)
def test_the_spacing_of_the_law_costs_about_the_least(
    work: float, step_s: float, steps_per_evaluation: float, patience: int | None, skew: float
) -> None:
    law = SpacingLaw(work, step_s, steps_per_evaluation * step_s, patience)
    if law.best > work / (3 * (patience or 1)):  # a handful of evaluations; see below
        return
    least = min(mean_s(law, law.best * 1.1**power, rise=skew) for power in range(-12, 13))
    assert mean_s(law, law.best, rise=skew) <= 1.02 * least


@pytest.mark.parametrize(("patience", "seen"), [(1, 450), (3, 250)])
def test_what_was_seen_to_cost_least_lies_where_it_is_flat(patience: int, seen: float) -> None:
    law = SpacingLaw(work=5000, step_s=1.0, evaluation_s=30.0, patience=patience)
    low, high = law.near()
    assert low <= seen <= high
    assert mean_s(law, seen) <= 1.01 * mean_s(law, law.best)


def test_around_the_best_it_is_as_flat_as_it_says() -> None:
    law = SpacingLaw(work=5000, step_s=1.0, evaluation_s=30.0)
    low, high = law.near(0.01)
    assert law.best == pytest.approx(math.sqrt(2 * 5000 * 30))
    assert low < 400 < 750 < high
    for spacing in (low, high):
        assert law.seconds(spacing) == pytest.approx(1.01 * law.seconds(law.best))
        assert mean_s(law, spacing) == pytest.approx(law.seconds(spacing), rel=0.02)


@given(st.integers(1, 400), st.data())
def test_a_replay_is_the_run_itself_seen_less_often(length: int, data: Any) -> None:
    source = random.Random(length)
    stretches = [Stretch(source.uniform(1, 9), source.uniform(0.1, 3)) for _ in range(length)]
    readings = [source.random() for _ in range(length)]
    target = data.draw(st.sampled_from(readings))
    run = StoppedRun(stretches, readings, target=target)
    every = data.draw(st.integers(1, length))
    begin = data.draw(st.integers(0, every - 1))
    seconds, count, beyond = run.seconds(every, begin)
    met = [n for n in range(begin, length, every) if readings[n] <= target]
    assert beyond == (not met)
    if met:
        trained = sum(each.train_s for each in stretches[: met[0] + 1])
        made = range(begin, met[0] + 1, every)
        assert count == len(made)
        assert seconds == pytest.approx(trained + sum(stretches[n].evaluation_s for n in made))
    else:
        whole = sum(each.train_s for each in stretches)
        assert seconds > whole


def test_sparser_looks_of_a_run_by_hand() -> None:
    # ten seconds of training before each evaluation of one; the best is the third, patience 2
    run = StoppedRun([Stretch(10, 1)] * 5, [3, 2, 1, 2, 3], patience=2)
    assert run.seconds(1, 0) == (55, 5, False)
    second, third, *_ = sparser(run)
    # 1, 3, 5, 7: 70 + 4; 2, 4, 6: 60 + 3
    assert (second.longer_most, second.longer_least) == (
        pytest.approx(74 / 55 - 1),
        pytest.approx(63 / 55 - 1),
    )
    assert second.beyond
    assert second.longer == pytest.approx((74 + 63) / 2 / 55 - 1)
    # 1, 4, 7, 10; 2, 5, 8; 3, 6, 9
    assert third.evaluations == pytest.approx((4 + 3 + 3) / 3)


@pytest.mark.parametrize(
    ("text", "metric", "value", "greater"),
    [
        ("eval_loss=0.925", "eval_loss", 0.925, False),
        ("loss=1e-2", "eval_loss", 0.01, False),
        ("eval_accuracy = 0.9", "eval_accuracy", 0.9, True),
        ("gain>=3", "eval_gain", 3.0, True),
        ("eval_Macro F1=0.9", "eval_Macro F1", 0.9, True),
        ("eval_accuracy<=0.1", "eval_accuracy", 0.1, False),
    ],
)
def test_targets_are_read(text: str, metric: str, value: float, greater: bool) -> None:
    target = Target.from_text(text)
    assert target == Target(metric, value, greater)
    assert target.is_met({metric: value})
    assert not target.is_met({metric: value - 1 if greater else value + 1})
    assert not target.is_met({metric: math.nan})
    assert not target.is_met({})


@pytest.mark.parametrize("text", ["", "eval_loss", "=3", "eval_loss=", "loss=nan", "loss=one two"])
def test_what_is_no_target_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected METRIC=VALUE such as eval_loss=0\.925"):
        Target.from_text(text)


@given(
    st.floats(0.5, 1e5),
    st.floats(1e-3, 1e4),
    st.sampled_from([None, 1, 3]),
)
def test_every_law_has_a_spacing_that_is_told_of(
    work: float, steps: float, patience: int | None
) -> None:
    stopping = with_spacing(
        Stopping(condition=StopCondition(patience=patience)),
        Work(work, note("work_of_user")),
        step_s=1.0,
        evaluation_s=steps,
    )
    found = stopping.spacing
    if found is None:
        assert stopping.why_none is not None
        return
    assert found.near_low <= found.every_steps <= found.near_high
    (own,) = [each for each in found.costs if each.every_steps == found.every_steps]
    assert own.longer <= min(each.longer for each in found.costs) + 1e-9
    assert recommend_spacing(found, 0.05, [], Keeping()).every_steps == found.every_steps


@pytest.mark.parametrize("patience", [3, 10**12])
def test_a_patience_that_never_ends_takes_no_time(patience: int) -> None:
    run = StoppedRun([Stretch(10, 1)] * 5, [3, 2, 1, 2, 3], patience=patience)
    seconds, count, beyond = run.seconds(2, 0)
    # 1, 3, 5, and what patience is left
    assert count == 3 + (patience - 1)
    assert beyond
    assert seconds == 11 * count + 10 * (count - 1)


def test_what_is_hardly_better_uses_up_patience() -> None:
    readings = [3.0, 2.0, 1.995, 1.99, 1.5]
    run = StoppedRun([Stretch(10, 1)] * 5, readings, patience=2, threshold=0.01)
    assert run.seconds(1, 0) == (44, 4, False)
    curve = LossCurve(0, (10, 20, 30, 40, 50), np.array(readings), 50)
    assert reached_step(curve, None, 0.01) == 50
    assert reached_step(curve, 2.0) == 15
    assert reached_step(curve, 3.0) == 5
    assert reached_step(curve, 1.0) is None
    nothing = LossCurve(0, (10, 20), np.array([np.inf, np.inf]), 20)
    assert reached_step(nothing, None) is None


@pytest.mark.parametrize(
    ("after", "every"),
    [([50, 100, 150], 50), ([50, 100, 130], 50), ([], None), ([9], None), ([5, 20, 25, 60], None)],
)
def test_the_spacing_of_a_job(after: list[int], every: float | None) -> None:
    assert spacing_of(after) == every


COSTS = {"step": 0.01, "train_token": 0.0, "evaluation_loader": 0.2, "evaluation_batch": 1e-9}
JOB: dict[str, Any] = {
    "epochs": 60,
    "steps_in_epoch": 40,
    "samples": 100,
    "train_batch": 4,
    "evaluation_batch": 8,
    "costs": COSTS,
}


@pytest.fixture
def predicted(
    write_spec: Callable[..., Path], tmp_path: Path, evalskip: Callable[..., Any]
) -> Callable[..., Any]:
    def call(*options: str) -> Any:
        arms = [{"schedule": "every_epoch", "evaluation_samples": 100}]
        spec = write_spec(job=JOB, arms=arms)
        ended = evalskip("predict", spec, "--out", tmp_path / "out", *options)
        assert ended.returncode == 0, ended.stderr
        return read_summary(tmp_path / "out").prediction, " ".join(ended.stdout.split())

    return call


def test_a_job_of_a_fixed_number_of_steps_is_said_to_be_one(predicted: Callable[..., Any]) -> None:
    section, told = predicted()
    assert section.stopping == []
    assert "it trains all its 2,400 steps whatever evaluations show." in told


def test_when_it_could_end_says_nothing_of_a_job_that_does_not_stop(
    predicted: Callable[..., Any],
) -> None:
    section, told = predicted("--expected-steps", "100")
    assert section.stopping == []
    assert "--expected-steps and --past are not used: nothing ends this training" in told


def test_a_target_brings_the_spacing_that_costs_least(predicted: Callable[..., Any]) -> None:
    section, told = predicted("--target", "eval_loss=0.9", "--expected-steps", "1000")
    (stopping,) = section.stopping
    (model,) = section.cost_models
    # an evaluation is 20 steps: its loader alone costs anything
    assert stopping.spacing.evaluation_s / stopping.spacing.step_s == pytest.approx(20, rel=0.01)
    assert stopping.spacing.every_steps == pytest.approx(math.sqrt(2 * 1000 * 20), rel=0.05)
    assert section.recommendations[0].stops
    assert section.recommendations[0].lines["llamafactory_yaml"] == [
        "eval_strategy: steps",
        f"eval_steps: {stopping.spacing.every_steps}",
    ]
    assert "But it stops at eval_loss 0.9, so it needs evaluation" in told
    assert "at step 1,000 (as you say)" in told
    assert model.size.steps == 2400


def test_without_a_known_end_the_plan_is_taken_and_that_is_said(
    predicted: Callable[..., Any],
) -> None:
    section, told = predicted("--target", "eval_loss=0.9")
    found = section.stopping[0].spacing
    assert (found.work_low, found.work_steps, found.work_high) == (600, 1200, 2400)
    assert 0 < found.at_most_longer < 0.05
    assert "at step 1,200 (half of the plan, since nobody says)" in told


def test_where_the_law_does_not_apply_it_is_said(predicted: Callable[..., Any]) -> None:
    section, told = predicted("--target", "eval_loss=0.9", "--expected-steps", "2390")
    assert section.stopping[0].spacing is None
    assert "To stop soonest: evaluations at the spacing that costs least would stop it at" in told
    assert section.recommendations[0].lines == {}
    section, told = predicted("--target", "eval_loss=0.9", "--expected-steps", "30")
    assert "none should come before step 30" in told


def state_of(losses: list[float], every: int, **more: Any) -> dict[str, Any]:
    """What a Trainer leaves; a second a step, five an evaluation."""
    history: list[dict[str, Any]] = [
        {"step": n * every, "epoch": n, "eval_loss": loss, "eval_runtime": 5.0}
        for n, loss in enumerate(losses, start=1)
    ]
    steps = len(losses) * every
    history.append(
        {"step": steps, "epoch": len(losses), "train_runtime": steps + 5.0 * len(losses)}
    )
    return {
        "log_history": history,
        "global_step": steps,
        "max_steps": 2 * steps,
        "epoch": float(len(losses)),
        **more,
    }


PATIENCE = {
    "stateful_callbacks": {
        "EarlyStoppingCallback": {"args": {"early_stopping_patience": 3}, "attributes": {}}
    }
}


def test_earlier_runs_say_when_it_could_end(
    predicted: Callable[..., Any], tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    for number, met in enumerate((8, 10, 14)):
        losses = [2.0 - n / met for n in range(1, 20)]
        (tmp_path / f"run{number}").mkdir()
        log = tmp_path / f"run{number}" / "trainer_state.json"
        log.write_text(json.dumps(state_of(losses, 100)))
    section, told = predicted("--target", "eval_loss=1.0001", "--past", str(tmp_path))
    found = section.stopping[0].spacing
    # each met it somewhere in the 100 steps before it was seen to
    assert (found.work_low, found.work_steps, found.work_high) == (750, 950, 1350)
    assert "(the median of 3 earlier runs)" in told
    ended = evalskip(
        "predict", tmp_path / "spec.yaml", "--target", "eval_loss=-3", "--past", tmp_path
    )
    assert ended.returncode == 2
    assert "no run reached eval_loss -3" in ended.stderr


def test_a_run_that_stopped_early_is_told_what_sparser_evaluation_does(tmp_path: Path) -> None:
    losses = [1 + abs(n - 10) / 20 for n in range(1, 14)]
    path = tmp_path / "trainer_state.json"
    path.write_text(json.dumps(state_of(losses, 50, **PATIENCE)))
    (run,) = audit(path).runs
    assert run.stopping is not None
    assert run.stopping.condition.patience == 3
    assert run.stopping.reached_step == 500
    law = SpacingLaw(work=500, step_s=1.0, evaluation_s=5.0, patience=3)
    assert run.stopping.spacing is not None
    assert run.stopping.spacing.every_steps == pytest.approx(law.best, abs=1)
    assert run.stopping.gain == pytest.approx(law.seconds(50) / law.seconds(law.best) - 1, abs=2e-3)
    second = run.stopping.sparser[0]
    assert second.longer > 0.1
    assert second.beyond
    assert run.recommendation is not None
    assert run.recommendation.stops
    row = audit(path).frame().iloc[0]
    assert (row["patience"], row["reached_step"]) == (3, 500)
    assert row["eval_steps"] == run.stopping.spacing.every_steps


def test_a_run_that_trained_all_its_steps_has_no_replays_of_stopping(tmp_path: Path) -> None:
    losses = [2 - n / 20 for n in range(1, 14)]
    path = tmp_path / "trainer_state.json"
    path.write_text(json.dumps(state_of(losses, 50, **PATIENCE)))
    (run,) = audit(path).runs
    assert run.stopping is not None
    assert run.stopping.sparser == []
    assert run.stopping.spacing is None
    # so it was a training of a fixed number of steps
    assert run.recommendation is not None
    assert not run.recommendation.stops
    path.write_text(json.dumps(state_of(losses, 50)))
    (run,) = audit(path).runs
    assert run.stopping is None


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("eval_loss=0.1", "It never met the target."),
        ("eval_bleu=30", "The log has no evaluation with the metric that ends training."),
    ],
)
def test_a_target_that_was_not_met_is_told_of(
    target: str, told: str, tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    path = tmp_path / "trainer_state.json"
    path.write_text(json.dumps(state_of([2.0, 1.5, 1.2], 50)))
    ended = evalskip("audit", path, "--target", target)
    assert ended.returncode == 0, ended.stderr
    assert told in " ".join(ended.stdout.split())


def test_a_folder_of_runs_that_stop_is_not_held_to_a_share(
    tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    losses = [1 + abs(n - 10) / 20 for n in range(1, 14)]
    for name, more in (("one", PATIENCE), ("two", PATIENCE)):
        (tmp_path / name).mkdir()
        state = state_of(losses, 50, **more)
        state["log_history"][0]["eval_runtime"] = 5.0 if name == "one" else 40.0
        (tmp_path / name / "trainer_state.json").write_text(json.dumps(state))
    ended = evalskip("audit", tmp_path)
    assert ended.returncode == 0, ended.stderr
    told = " ".join(ended.stdout.split())
    assert "Of the runs that evaluations do not stop, none whose share is known" in told
    # without what they name, a target says nothing of them
    ended = evalskip("audit", tmp_path, "--target", "eval_bleu=3")
    assert "2 runs spent more than 5% on it" in " ".join(ended.stdout.split())


def test_earlier_runs_that_cannot_be_read_are_told_of(
    tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    ended = evalskip("predict", "--target", "eval_loss=1", "--past", tmp_path / "nothing.json")
    assert ended.returncode == 2
    assert "nothing.json" in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_an_option_that_says_nothing_is_refused(
    tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    path = tmp_path / "trainer_state.json"
    path.write_text(json.dumps(state_of([2.0, 1.5], 50)))
    ended = evalskip("audit", path, "--target", "eval_gap=3")
    assert ended.returncode == 2
    assert "expected eval_gap>=3 or eval_gap<=3" in ended.stderr
    ended = evalskip("predict", "--expected-steps", "9", "--past", path)
    assert ended.returncode == 2
    assert "--expected-steps and --past: expected one of them" in ended.stderr
