"""Intervals, matched steps and verdicts, on pieces whose truth is known."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from evalskip.analysis.intervals import jackknife_t, mean_interval, replicates
from evalskip.analysis.matched_steps import LogGains, locate, log_gains
from evalskip.analysis.pieces import Pieces, pieces_of
from evalskip.analysis.verdicts import blocks_to_settle, judge, overall, simultaneous_level
from evalskip.summary import Interval
from test_matching import run

RANGE = (0.15, 0.30)


def gain(estimate: float, low: float | None, high: float | None) -> Interval:
    return Interval(estimate=estimate, low=low, high=high, level=0.95)


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=12), st.sampled_from([0.9, 0.95, 0.99]))
def test_the_jackknife_of_a_mean_is_students_interval(ratios: list[float], level: float) -> None:
    interval = mean_interval(ratios, level)
    error = np.std(ratios, ddof=1) / math.sqrt(len(ratios))
    reach = stats.t.ppf((1 + level) / 2, len(ratios) - 1) * error
    assert interval.estimate == pytest.approx(np.mean(ratios), abs=1e-12)
    assert interval.high - interval.estimate == pytest.approx(reach, abs=1e-9)


def test_many_blocks_are_left_out_in_groups() -> None:
    source = np.random.default_rng(0)
    ratios = list(source.normal(0.2, 0.1, 4000))
    kept = replicates(range(4000))
    assert len(kept) == 41
    assert {len(blocks) for blocks in kept[1:]} == {3900}
    interval = mean_interval(ratios, 0.95)
    error = np.std(ratios, ddof=1) / math.sqrt(4000)
    reach = interval.high - interval.estimate
    assert reach == pytest.approx(stats.t.ppf(0.975, 39) * error, rel=0.25)


def test_one_block_gives_an_estimate_and_no_interval() -> None:
    interval = jackknife_t([1.0], 0.95)
    assert (interval.estimate, interval.low, interval.high) == (1.0, None, None)


@pytest.mark.parametrize(
    ("interval", "blocks", "verdict"),
    [
        (gain(0.20, 0.16, 0.24), 6, "supported"),
        (gain(0.20, 0.15, 0.30), 6, "supported"),
        (gain(0.10, 0.06, 0.14), 6, "refuted"),
        (gain(0.40, 0.31, 0.50), 6, "refuted"),
        (gain(0.16, 0.14, 0.18), 6, "inconclusive"),
        (gain(0.20, 0.10, 0.40), 6, "inconclusive"),
        (gain(0.20, 0.16, 0.24), 5, "inconclusive"),
        (gain(0.20, None, None), 6, "inconclusive"),
    ],
)
def test_verdicts_come_from_the_whole_interval(
    interval: Interval, blocks: int, verdict: str
) -> None:
    assert judge(interval, RANGE, blocks) == verdict


@pytest.mark.parametrize(
    ("verdicts", "one"),
    [
        ([], "not_run"),
        (["supported", "supported"], "supported"),
        (["refuted", "refuted"], "refuted"),
        (["refuted", "supported", "inconclusive"], "conditional"),
        (["refuted", "inconclusive"], "inconclusive"),
    ],
)
def test_several_points_make_one_verdict(verdicts: list[Any], one: str) -> None:
    assert overall(verdicts) == one


def test_the_level_is_paid_for_by_looks_and_questions() -> None:
    assert simultaneous_level(0.95, 3, 3) == pytest.approx(1 - 0.05 / 9)
    assert simultaneous_level(0.95, 1, 0) == pytest.approx(0.95)


def test_what_it_would_take_grows_towards_the_edge_and_is_nothing_on_it() -> None:
    near = blocks_to_settle(gain(0.16, 0.12, 0.20), RANGE, 6)
    far = blocks_to_settle(gain(0.18, 0.14, 0.22), RANGE, 6)
    assert near > far > 6
    assert blocks_to_settle(gain(0.15, 0.11, 0.19), RANGE, 6) is None


def pieces(blocks: int = 6, evaluation: float = 0.2, **noise: Any) -> tuple[Pieces, list[Pieces]]:
    """An arm that evaluates every 5 of 20 steps, and two that do not, under noise."""
    source = np.random.default_rng(noise.get("seed", 0))

    def arm(seconds: np.ndarray) -> np.ndarray:
        slow = 1 + source.exponential(noise.get("runs", 0.3), (blocks, 1))
        return seconds * slow * (1 + source.exponential(noise.get("each", 0.05), (blocks, 1)))

    def made(per_evaluation: float, evaluated: tuple[int, ...], hidden: float = 0.0) -> Pieces:
        steps = np.full(20, 0.01)
        steps[[step for step in evaluated if step < 20]] += hidden
        every = np.concatenate([steps, np.full(len(evaluated), per_evaluation), [0.02]])
        rows = arm(np.tile(every, (blocks, 1)))
        return Pieces(
            blocks=tuple(range(blocks)),
            steps=rows[:, :20],
            evaluations=rows[:, 20:-1],
            remainders=rows[:, -1:],
            evaluated_after=evaluated,
        )

    on = made(evaluation * 0.22 / 4, (5, 10, 15, 20), noise.get("hidden", 0.0))
    return on, [made(0.0, ()), made(0.0, ())]


def gains(on: Pieces, offs: list[Pieces], window: int = 2) -> LogGains:
    inside = on.window(window)
    return log_gains(locate(on, inside), [locate(off, inside) for off in offs])


@settings(max_examples=30)
@given(st.integers(0, 1000), st.floats(0.01, 1.0))
def test_what_slows_whole_runs_alike_cancels(seed: int, share: float) -> None:
    on, offs = pieces(evaluation=share, seed=seed)
    found = gains(on, offs)
    assert math.expm1(found.matched_steps) == pytest.approx(share, rel=1e-9)
    assert found.hidden_cost == pytest.approx(0, abs=1e-9)


def test_hidden_cost_is_what_the_window_adds() -> None:
    on, offs = pieces(evaluation=0.2, hidden=0.003)
    found = gains(on, offs)
    assert math.expm1(found.matched_steps) == pytest.approx(0.2, rel=1e-9)
    both = math.expm1(found.matched_steps + found.hidden_cost)
    assert both == pytest.approx(0.2 + 3 * 0.003 / 0.22, rel=1e-9)


def test_a_constant_on_every_step_of_every_arm_changes_no_hidden_cost() -> None:
    on, offs = pieces(evaluation=0.2, hidden=0.003, runs=0.0, each=0.0)
    before = gains(on, offs)
    slower = replace(on, steps=on.steps + 0.01)
    slower_offs = [replace(off, steps=off.steps + 0.01) for off in offs]
    after = gains(slower, slower_offs)
    base = 0.02 + 20 * 0.01
    seconds = [
        math.exp(found.matched_steps) * math.expm1(found.hidden_cost) * t
        for found, t in ((before, base), (after, base + 20 * 0.01))
    ]
    assert seconds[0] == pytest.approx(3 * 0.003, rel=1e-9)
    assert seconds[1] == pytest.approx(seconds[0], rel=1e-9)


def test_a_burst_in_a_run_moves_nothing() -> None:
    on, offs = pieces(evaluation=0.2, hidden=0.003)
    calm = gains(on, offs)
    for arm in (on, *offs):
        arm.steps[1, 3:15] *= 7
        arm.evaluations[1, 1:2] *= 7
    assert gains(on, offs) == calm


def test_an_evaluation_after_every_step_leaves_no_hidden_cost_to_tell() -> None:
    on, offs = pieces(evaluation=0.2)
    everywhere = replace(on, evaluated_after=tuple(range(20)))
    assert gains(everywhere, offs).hidden_cost == 0.0


def timeline(steps: int = 3, **changes: Any) -> dict[str, Any]:
    made = {
        "steps_ns": [10] * steps,
        "evaluations": [
            {
                "after_step": 1,
                "loader_ns": 1,
                "batches_ns": [5, 5],
                "aggregation_ns": 1,
                "log_ns": 2,
            }
        ],
        "before_loop_ns": 4,
        "after_loop_ns": 2,
        "saves_ns": [[3, 6]],
        "logs_ns": [[3, 1]],
    }
    return {**made, **changes}


def test_pieces_of_a_run_sum_to_t() -> None:
    record = run("on", wall_ns=57)
    found, warnings = pieces_of({1: record}, lambda _: {"timeline": timeline()}, 4)
    assert warnings == []
    total = found.steps.sum() + found.evaluations.sum() + found.remainders.sum()
    assert total * 1e9 == pytest.approx(57)


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        ({}, "its times per step are missing"),
        (timeline(2), "2 steps and 5 pieces of evaluation, expected 3 and 5"),
        (timeline(steps_ns=[10, -10, 30]), "its clock went backwards"),
        (timeline(before_loop_ns=5), "its times do not sum to T"),
        (timeline(evaluations=[]), "3 steps and 0 pieces of evaluation, expected 3 and 5"),
    ],
)
def test_a_broken_run_is_left_out_by_name(broken: dict[str, Any], why: str) -> None:
    runs = {
        block: run("on", block, wall_ns=57 if block < 3 else _total(broken) or 57)
        for block in (1, 2, 3)
    }
    if why == "its times do not sum to T":
        runs[3] = run("on", 3, wall_ns=57)
    found, warnings = pieces_of(
        runs, lambda r: {"timeline": broken if r.block == 3 else timeline()}, 4
    )
    assert warnings == [f"on, block 3: left out: {why}"]
    assert found.blocks == (1, 2)


def _total(made: dict[str, Any]) -> int:
    if not made:
        return 0
    evaluations = sum(
        e["loader_ns"] + sum(e["batches_ns"]) + e["aggregation_ns"] + e["log_ns"]
        for e in made["evaluations"]
    )
    lists = [ns for _, ns in made["saves_ns"] + made["logs_ns"]]
    edges = made["before_loop_ns"] + made["after_loop_ns"]
    return sum(made["steps_ns"]) + evaluations + edges + sum(lists)
