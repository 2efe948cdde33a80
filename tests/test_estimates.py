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

from evalskip.analysis.interim import simultaneous_level
from evalskip.analysis.intervals import jackknife_t, mean_interval, moderated, replicates
from evalskip.analysis.pieces import Pieces, pieces_of
from evalskip.analysis.places import places_of
from evalskip.analysis.step_estimates import LEAST_HALF_WIDTH, compared, replicated
from evalskip.analysis.verdicts import (
    blocks_to_settle,
    judge,
    overall,
    unseen_probability,
    with_verdicts,
)
from evalskip.probe.measured import Evaluation, Timeline
from evalskip.records import Steps
from evalskip.summary import Comparison, Interval, headline_of
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


def test_levels_hold_over_looks_and_questions() -> None:
    assert simultaneous_level(0.95, [6], 0) == pytest.approx(0.95)
    assert simultaneous_level(0.95, [6], 4) == pytest.approx(1 - 0.05 / 4)
    # Pocock's constants for evenly spaced looks: 2.178, 2.289 and 2.413
    for looks, constant in (([1, 2], 2.178), ([1, 2, 3], 2.289), ([1, 2, 3, 4, 5], 2.413)):
        each = 2 * stats.norm.sf(constant)
        assert 1 - simultaneous_level(0.95, looks, 1) == pytest.approx(each, rel=0.005)


@pytest.mark.parametrize("looks", [(6, 9, 12), (2, 100), (3, 4, 5, 6)])
def test_looks_at_nothing_mislead_as_often_as_the_level_says(looks: tuple[int, ...]) -> None:
    walks = np.random.default_rng(0).normal(size=(20_000, looks[-1])).cumsum(axis=1)
    ends = walks[:, [look - 1 for look in looks]] / np.sqrt(looks)
    bound = stats.norm.isf((1 - simultaneous_level(0.95, looks, 1)) / 2)
    assert (np.abs(ends) > bound).any(axis=1).mean() == pytest.approx(0.05, abs=0.006)


def test_what_varies_within_runs_steadies_a_variance_that_agrees_with_it() -> None:
    assert moderated(1.0, 5, 1.0) == (1.0, 9.0)
    # never below what blocks show, and not believed where runs differ as a whole
    assert moderated(1.0, 5, 0.7)[0] == 1.0
    assert moderated(9.0, 5, 1.0) == pytest.approx((9.0, 5.0), abs=0.01)
    assert moderated(0.0, 5, 1.0) == (0.0, 5)


def test_what_few_blocks_cannot_have_seen() -> None:
    assert unseen_probability(6) == pytest.approx(0.393, abs=0.001)
    assert (1 - unseen_probability(12)) ** 12 == pytest.approx(0.05)


def test_what_it_would_take_grows_towards_the_edge_and_is_nothing_on_it() -> None:
    near = blocks_to_settle(gain(0.16, 0.12, 0.20), RANGE, 6)
    far = blocks_to_settle(gain(0.18, 0.14, 0.22), RANGE, 6)
    assert near > far > 6
    assert blocks_to_settle(gain(0.15, 0.11, 0.19), RANGE, 6) is None


STEPS = 20


def pieces(
    *,
    evaluation: float = 0.05,
    hidden: float = 0.0,
    seed: int = 0,
    blocks: int = 6,
    each: float = 0,
) -> dict[str, Pieces]:
    """An arm that evaluates every 5 of 20 steps of 10 ms, and two that do not.

    Runs differ in speed as a whole, which is all the noise there is but for ``each``.
    """
    source = np.random.default_rng(seed)

    def made(evaluated: tuple[int, ...]) -> Pieces:
        steps = np.full(STEPS, 0.01)
        steps[[step for step in evaluated if step < STEPS]] += hidden
        work = np.concatenate([steps, np.full(len(evaluated), evaluation), [0.02]])
        samples = np.tile(work, (blocks, 1)) * (1 + source.exponential(0.3, (blocks, 1)))
        samples *= 1 + source.exponential(each, samples.shape) if each else 1.0
        return Pieces(
            blocks=tuple(range(blocks)),
            steps=samples[:, :STEPS],
            evaluations=samples[:, STEPS:-1],
            remainders=samples[:, -1:],
            evaluated_after=evaluated,
        )

    return {"on": made((5, 10, 15, 20)), "off": made(()), "off_again": made(())}


def comparisons(
    arms: dict[str, Pieces], window: int = 2, level: float = 0.95
) -> dict[str, Comparison]:
    on = {name: arm for name, arm in arms.items() if not name.startswith("off")}
    (gains,) = replicated(on, [arms["off"], arms["off_again"]], window)
    found = compared(gains, level=level, level_of_check=0.99)
    return {each.estimator: each for each in found}


def gains(arms: dict[str, Pieces], window: int = 2) -> dict[str, float]:
    found = comparisons(arms, window)
    return {name: each.throughput_gain.estimate for name, each in found.items()}


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.floats(0.01, 1.0))
def test_what_slows_whole_runs_alike_cancels(seed: int, share: float) -> None:
    found = gains(pieces(evaluation=share * 0.22 / 4, seed=seed))
    for estimator in ("matched", "whole_span"):
        assert found[estimator] == pytest.approx(share, rel=1e-3), estimator
    assert found["after_effect"] == pytest.approx(0, abs=1e-3)


def test_an_after_effect_is_what_the_window_adds() -> None:
    found = gains(pieces(evaluation=0.2 * 0.22 / 4, hidden=0.003))
    assert found["matched"] == pytest.approx(0.2 + 3 * 0.003 / 0.22, rel=1e-3)
    assert found["after_effect"] == pytest.approx(3 * 0.003 / (1.2 * 0.22), rel=1e-2)
    assert found["whole_span"] == pytest.approx(found["matched"], rel=1e-3)


def test_every_part_of_the_cost_is_in_the_mean() -> None:
    """One evaluation of a run that takes ten times as long counts with what it took."""
    arms = pieces(evaluation=0.2 * 0.22 / 4)
    arms["on"].evaluations[1, 2] *= 10
    added = 9 * 0.2 * 0.22 / 4 / 6
    for estimator in ("matched", "whole_span"):
        found = gains(arms)[estimator]
        assert found == pytest.approx(0.2 + added / 0.22, rel=1e-2), estimator


def test_a_burst_around_an_evaluation_moves_what_is_measured_against_it_little() -> None:
    arms = pieces(evaluation=0.2 * 0.22 / 4, blocks=12, each=0.02)
    calm = gains(arms)["matched"]
    for arm in arms.values():
        arm.steps[1, 2:13] *= 7
    arms["on"].evaluations[1, :2] *= 7
    assert gains(arms)["matched"] == pytest.approx(calm, abs=0.01)


@pytest.mark.parametrize(
    ("evaluated", "window", "usable"),
    [
        ((5, 10, 15, 20), 2, True),
        ((5, 10, 15, 20), 5, True),  # the steps before the first evaluation are outside
        (tuple(range(1, 21)), 2, False),
        ((0, 2, 4, 6, 8, 10, 12, 14, 16, 18), 2, False),
    ],
)
def test_evaluations_are_measured_against_steps_beside_them_where_there_are_some(
    evaluated: tuple[int, ...], window: int, usable: bool
) -> None:
    arms = pieces()
    every = np.full((6, len(evaluated)), 0.01)
    arms["on"] = replace(arms["on"], evaluations=every, evaluated_after=evaluated)
    places = places_of(arms["on"], window)
    assert places.has_outside is usable
    found = comparisons(arms, window)
    assert ("matched" in found) is usable
    headline = headline_of(list(found.values()), "on")
    assert headline.estimator == ("matched" if usable else "whole_span")
    if usable:
        assert (places.beside.sum(axis=1) == pytest.approx(1)) is not False
        assert not (places.beside > 0)[:, places.windows.sum(axis=0) > 0].any()


def test_the_whole_span_and_matched_disagree_where_an_effect_outlasts_its_window() -> None:
    arms = pieces(evaluation=0.2 * 0.22 / 4, each=0.005)
    agreeing = with_verdicts(list(comparisons(arms).values()), ["on"], RANGE)
    assert headline_of(agreeing, "on").verdict == "supported"
    # steps after the first evaluation are slower by 10%, within windows and beyond
    arms["on"].steps[:, 5:] *= 1.1
    found = comparisons(arms)
    agreement = found["matched"].agreement
    assert not agreement.agrees
    assert agreement.difference.low > agreement.allowed
    judged = headline_of(with_verdicts(list(found.values()), ["on"], RANGE), "on")
    assert judged.estimator == "whole_span"
    assert (judged.verdict, judged.verdict_time_saved) == ("inconclusive", "inconclusive")
    assert judged.throughput_gain.estimate == pytest.approx(0.2 + 15 * 0.001 / 0.22, rel=0.02)


def test_one_interval_gives_a_verdict_in_both_readings() -> None:
    arms = pieces(evaluation=0.16 * 0.22 / 4)
    judged = headline_of(with_verdicts(list(comparisons(arms).values()), ["on"], RANGE), "on")
    # 16% of gain is 13.8% of time saved
    assert (judged.verdict, judged.verdict_time_saved) == ("supported", "refuted")


def test_no_interval_is_narrower_than_the_floor_and_below_six_blocks_there_is_none() -> None:
    found = comparisons(pieces())["matched"].throughput_gain
    half = (found.high - found.low) / 2
    assert half == pytest.approx(LEAST_HALF_WIDTH * found.estimate, rel=0.05)
    for blocks in (1, 2, 5):
        for each in comparisons(pieces(blocks=blocks)).values():
            assert each.throughput_gain.low is None
            assert each.throughput_gain.high is None


def timeline(steps: int = 3, **changes: Any) -> Steps:
    evaluation = Evaluation(
        after_step=1, loader_ns=1, batches_ns=[5, 5], aggregation_ns=1, log_ns=2
    )
    made: dict[str, Any] = {
        "steps_ns": [10] * steps,
        "evaluations": [evaluation],
        "before_loop_ns": 4,
        "after_loop_ns": 2,
        "saves_ns": [(3, 6)],
        "logs_ns": [(3, 1)],
        **changes,
    }
    return Steps(timeline=Timeline(**made), losses=[], batch_digests=[], activity=[])


def test_pieces_of_a_run_sum_to_t() -> None:
    record = run("on", wall_ns=57)
    found, warnings = pieces_of({1: record}, lambda _: timeline(), 4)
    assert warnings == []
    total = found.steps.sum() + found.evaluations.sum() + found.remainders.sum()
    assert total * 1e9 == pytest.approx(57)


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        (None, "times_are_missing"),
        (timeline(2), "other_pieces"),
        (timeline(steps_ns=[10, -10, 30]), "clock_went_backwards"),
        (timeline(before_loop_ns=5), "times_do_not_sum"),
        (timeline(evaluations=[]), "other_pieces"),
    ],
)
def test_a_broken_run_is_left_out_by_name(broken: Steps | None, why: str) -> None:
    runs = {
        block: run("on", block, wall_ns=57 if block < 3 else _total(broken) or 57)
        for block in (1, 2, 3)
    }
    if why == "times_do_not_sum":
        runs[3] = run("on", 3, wall_ns=57)
    found, warnings = pieces_of(runs, lambda r: broken if r.block == 3 else timeline(), 4)
    (warning,) = warnings
    assert (warning.code, warning.parameters["block"]) == (why, 3)
    assert found.blocks == (1, 2)


def _total(made: Steps | None) -> int:
    return sum(made.timeline.phases_ns().values()) if made else 0
