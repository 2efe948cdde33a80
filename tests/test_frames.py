"""Results as frames: what they hold is what the summary says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from evalskip import frames
from evalskip.errors import InputError
from evalskip.summary import read_summary
from support import ROOT

if TYPE_CHECKING:
    from pathlib import Path

QUICK = ROOT / "results" / "reference" / "quick-cpu"


def test_runs_and_steps_add_up_to_what_the_summary_says() -> None:
    bench = read_summary(QUICK).bench
    assert bench
    runs = frames.runs(QUICK)
    timed = runs[(runs["measure"] == "time") & (runs["status"] == "ok")]
    for name, wall_s in timed.groupby("arm")["wall_s"].mean().items():
        assert bench.arms[str(name)].wall_s == pytest.approx(wall_s)
    steps = frames.steps(QUICK)
    steps = steps[steps["purpose"] == "time"]
    per_run = steps.groupby(["arm", "block", "attempt"])[["seconds", "evaluation_s"]].sum()
    for name, sums in per_run.groupby("arm").mean().iterrows():
        phases = bench.arms[str(name)].phases_s
        assert sums["seconds"] == pytest.approx(phases["train"], rel=0.05)
        assert sums["evaluation_s"] == pytest.approx(phases["evaluate"], rel=0.02, abs=1e-9)
    evaluations = steps[steps["evaluation_s"] > 0].groupby(["arm", "block"]).size()
    for (name, _), count in evaluations.items():
        assert count == bench.arms[name].evaluations


def test_arms_and_comparisons_are_those_of_the_summary() -> None:
    bench = read_summary(QUICK).bench
    assert bench
    arms = frames.arms(QUICK)
    assert list(arms.index) == list(bench.arms)
    assert arms.loc["every_epoch@56", "share"] == bench.arms["every_epoch@56"].share
    comparisons = frames.comparisons(QUICK).set_index(["arm", "estimator"])
    assert len(comparisons) == len(bench.comparisons)
    gain = bench.compared("every_epoch@56", "matched")
    assert gain
    sample = comparisons.loc[("every_epoch@56", "matched")]
    assert sample["throughput_gain_low"] == gain.throughput_gain.low
    assert sample["verdict"] == "supported"


def test_where_there_is_no_result_one_line_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no runs\.jsonl"):
        frames.runs(tmp_path)
    with pytest.raises(InputError, match="no matched runs"):
        frames.comparisons(ROOT / "results" / "reference" / "overfit-cpu")
