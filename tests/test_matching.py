"""The judgement whether arms match, bit for bit on a CPU and by distance on a GPU."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from evalskip.analysis.matching import match, matched_attempts
from support import run_record

if TYPE_CHECKING:
    from evalskip.records import Attempt, RunRecord

EXPECTED = {"off": [], "off_again": [], "on": [4]}


def run(arm: str, block: int = 1, **fields: Any) -> RunRecord:
    defaults = {
        "evaluated_after": EXPECTED[arm],
        "work_digest": "w",
        "losses_digest": "l",
        "weights_digest": "x",
    }
    return run_record(arm=arm, block=block, **{**defaults, **fields})


def judge(*runs: RunRecord, losses: dict[tuple[int, str], list[float]] | None = None) -> Any:
    attempts: dict[Attempt, list[RunRecord]] = {}
    for each in runs:
        attempts.setdefault(each.group, []).append(each)
    matched = match(attempts, EXPECTED, lambda r: (losses or {}).get((r.block, r.arm), []))
    return matched, [each.block for each in matched_attempts(matched, attempts)]


def test_equal_runs_match() -> None:
    matched, usable = judge(run("off"), run("off_again"), run("on"))
    assert (matched.same_work, matched.same_result, matched.blocks) == (True, True, 1)
    assert usable == [1]


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"work_digest": "other"}, "work"),
        ({"losses_digest": "other"}, "result"),
        ({"weights_digest": "other"}, "result"),
        ({"evaluated_after": [3]}, "evaluations"),
    ],
)
def test_a_run_that_differs_takes_its_block_out(fields: dict[str, Any], what: str) -> None:
    good = [run(arm, block=2) for arm in EXPECTED]
    matched, usable = judge(run("off"), run("off_again"), run("on", **fields), *good)
    assert [(d.block, d.arm, d.what) for d in matched.differing] == [(1, "on", what)]
    assert usable == [2]


def test_blocks_must_do_the_same_work_as_each_other() -> None:
    other = [run(arm, block=2, work_digest="v") for arm in EXPECTED]
    matched, usable = judge(*[run(arm) for arm in EXPECTED], *other)
    assert not matched.same_work
    assert usable == [1]


def test_a_block_without_a_good_off_run_is_not_usable() -> None:
    matched, usable = judge(run("off", status="failed"), run("off_again"), run("on"))
    assert (matched.blocks, usable) == (0, [])


def test_a_failed_arm_leaves_its_block_to_the_others() -> None:
    matched, usable = judge(run("off"), run("off_again"), run("on", status="timed_out"))
    assert (matched.blocks, usable) == (1, [1])


def gpu_blocks(
    on: float, again: float
) -> tuple[list[RunRecord], dict[tuple[int, str], list[float]]]:
    runs, losses = [], {}
    for block in (1, 2, 3):
        for arm, apart in (("off", 0.0), ("off_again", again), ("on", on)):
            runs.append(
                run(
                    arm,
                    block,
                    environment={"gpu": "card"},
                    losses_digest=f"{block}{arm}",
                    weights_digest=f"{block}{arm}",
                    weights_sketch=[1.0 + apart, 2.0],
                )
            )
            losses[block, arm] = [2.0, 1.0 + apart]
    return runs, losses


def test_on_a_gpu_arms_may_be_as_far_apart_as_two_runs_of_off() -> None:
    runs, losses = gpu_blocks(on=1e-6, again=2e-6)
    matched, usable = judge(*runs, losses=losses)
    assert matched.same_result
    assert usable == [1, 2, 3]


def test_on_a_gpu_arms_that_are_further_apart_do_not_match() -> None:
    runs, losses = gpu_blocks(on=1e-3, again=2e-6)
    matched, usable = judge(*runs, losses=losses)
    assert not matched.same_result
    assert {d.arm for d in matched.differing} == {"on"}
    assert usable == []


def test_on_a_gpu_a_bit_exact_pair_of_off_runs_asks_the_same_of_the_arms() -> None:
    runs, losses = gpu_blocks(on=1e-6, again=0.0)
    runs = [
        r.model_copy(update={"losses_digest": "l", "weights_digest": "x"}) if r.arm != "on" else r
        for r in runs
    ]
    assert not judge(*runs, losses=losses)[0].same_result
