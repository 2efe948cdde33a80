"""The answer card: a figure that an expert would sign, what to do, and what makes it less sure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from evalskip.gate.judge import Change, GateResult
from evalskip.notes import note
from evalskip.report.answers import card_of
from evalskip.report.answers.gate import gate_card
from evalskip.report.digits import interval
from evalskip.report.gate import workflow_commands
from evalskip.report.words import ENGLISH
from evalskip.summary import Interval, Summary, read_summary
from support import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LORA = ROOT / "results" / "reference" / "llamafactory-lora-h200"


def with_gain(estimate: float, low: float | None, high: float | None, blocks: int = 6) -> Summary:
    """The result of one arm that is judged, with another gain."""
    summary = read_summary(LORA)
    gain = Interval(estimate=estimate, low=low, high=high, level=0.95)
    for comparison in summary.bench.comparisons:
        comparison.throughput_gain, comparison.blocks = gain, blocks
    summary.bench.recommendations = []
    return summary


@pytest.mark.parametrize(
    ("gain", "answer", "advice"),
    [
        ((0.25, None, None, 4), "Too few blocks to tell what evaluation every epoch", "6 blocks"),
        ((0.247, -0.953, 32.0), "Too noisy to tell what evaluation every epoch", "more blocks"),
        ((0.01, -0.03, 0.04), "No measurable difference: without evaluation", "more blocks"),
        ((0.05, -0.032, 0.12), "Not settled: without evaluation", "more blocks"),
        ((0.06, 0.047, 0.074), "This training is 6.0% faster without evaluation", "more blocks"),
        ((-0.06, -0.074, -0.047), "This training is 6.0% slower without evaluation", "more blocks"),
    ],
)
def test_an_answer_says_no_more_than_is_known(gain: Any, answer: str, advice: str) -> None:
    card = card_of(with_gain(*gain), ENGLISH)
    assert card.answer.startswith(answer)
    assert advice in card.advice
    assert "3204" not in card.answer
    assert "2026-11-27 with evalskip" in card.made


def test_limits_of_noise_are_not_printed() -> None:
    assert (
        interval(Interval(estimate=0.247, low=-0.953, high=32.0, level=0.95)) == "25 [<-50, >200]"
    )
    assert interval(Interval(estimate=4.5, low=4.4, high=4.6, level=0.95)) == "450.0 [440.0, 460.0]"


def test_what_whole_runs_do_not_confirm_and_others_disturbed_is_on_the_card() -> None:
    summary = read_summary(LORA)
    assert any("does not confirm this" in each for each in card_of(summary, ENGLISH).cautions)
    wall_clock = summary.bench.compared("every_epoch", "wall_clock")
    wall_clock.throughput_gain = Interval(estimate=0.07, low=0.01, high=0.12, level=0.95)
    assert card_of(summary, ENGLISH).cautions == []
    summary.bench.warnings = [note("blocks_disturbed", part=2, whole=6)]
    assert card_of(summary, ENGLISH).cautions[0].startswith("disturbed blocks: 2 of 6")


def test_bench_recommends_what_a_job_can_afford(
    write_spec: Callable[..., Path], tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    spec = write_spec(design={"looks": [6], "repeats": 0}, replace={"claimed_gain": None})
    assert evalskip("bench", spec, "--out", tmp_path / "out").returncode == 0
    bench = read_summary(tmp_path / "out").bench
    for recommended, arm in zip(
        bench.recommendations, ("every_epoch@16", "every_epoch@64"), strict=True
    ):
        gain = bench.headline(arm).throughput_gain
        each = gain.high / bench.arms[arm].evaluations
        most = recommended.evaluations * each
        # within the share, the upper limit included, and one evaluation more would not be
        assert most / (1 + most) <= 0.05
        if recommended.every_steps:
            assert recommended.lines["llamafactory_yaml"][0] == "eval_strategy: steps"


def gated(outcome: str, against: str = "baseline") -> GateResult:
    change = Change(
        kind="evaluation_share",
        subject="every_epoch",
        against=against,
        before=0.1,
        today=0.13,
        change=0.03,
        low=0.02,
        high=0.04,
        outcome=outcome,
    )
    made = read_summary(LORA).made
    return GateResult(name="day", made=made, level=0.99, sessions=2, changes=[change])


@pytest.mark.parametrize(
    ("result", "answer", "commands"),
    [
        (gated("unchanged"), "No regression: of 1 figure compared, none", []),
        (gated("regressed"), "Regression: evaluation share, every_epoch: 10.0% before", ["error"]),
        (
            gated("over_budget", "budget"),
            "Over budget: evaluation share, every_epoch: a",
            ["error"],
        ),
        (gated("inconclusive"), "Noise hides the answer: evaluation share", ["warning"]),
    ],
)
def test_a_gate_has_a_card_and_annotates_what_is_worse(
    result: GateResult, answer: str, commands: list[str]
) -> None:
    assert gate_card(result, ENGLISH).answer.startswith(answer)
    found = workflow_commands(result, ENGLISH)
    assert [each.split(" ")[0] for each in found] == [f"::{command}" for command in commands]
    # a bare per cent sign would begin an escape
    assert all("%25" in each and "% " not in each for each in found)
