"""``bench --remedies``: what predict proposes, beside the job as it is, and matched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from evalskip.records import RecordStore
from evalskip.summary import read_summary

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

JOB: dict[str, Any] = {
    "kind": "transformers",
    "model": {"config": "tiny-llama"},
    "data": {"train_samples": 320, "length": 96, "shortest": 8},
    "epochs": 1,
    "train_batch": 8,
    "evaluation_batch": 1,
}


@pytest.mark.slow
def test_what_is_proposed_is_run_beside_the_job_as_it_is(
    write_spec: Callable[..., Path], tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    arms = [{"schedule": "every_epoch", "evaluation_samples": 120}]
    spec = write_spec(
        replace={"job": JOB, "arms": arms, "measure": ["time"], "design": {"looks": [2]}}
    )
    ended = evalskip("bench", spec, "--remedies", "--out", tmp_path / "out", timeout=400)
    assert ended.returncode == 0, ended.stderr
    found = read_summary(tmp_path / "out").bench
    assert found is not None
    assert found.matched.same_work
    assert found.matched.same_result
    (proven, *_) = found.proven
    assert proven.arm == "every_epoch@120"
    assert "per_device_eval_batch_size" in proven.remedied
    assert proven.remedied_share < proven.share
    assert proven.predicted_share is not None
    assert proven.sample_means is not None
    assert abs(proven.sample_means.change) < 1e-4
    assert proven.samples == (120, 120)
    # one block tells losses, and of arms that evaluate alone
    told = [each for each in RecordStore(tmp_path / "out").read() if each.evaluation_losses]
    assert {each.block for each in told} == {1}
    assert "off" not in {each.arm for each in told}
    report = (tmp_path / "out" / "report.md").read_text()
    assert "What the remedies did" in report


def test_a_spec_may_name_remedies_itself(
    write_spec: Callable[..., Path], tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    arms = [
        {"schedule": "every_epoch", "evaluation_samples": 12},
        {
            "schedule": "every_epoch",
            "evaluation_samples": 12,
            "remedies": {
                "arguments": {"per_device_eval_batch_size": 4},
                "by_length": True,
                "samples": 6,
            },
        },
    ]
    job = {**JOB, "data": {"train_samples": 32, "length": 32, "shortest": 8}}
    spec = write_spec(
        replace={"job": job, "arms": arms, "measure": ["time"], "design": {"looks": [2]}}
    )
    ended = evalskip("bench", spec, "--out", tmp_path / "out", timeout=300)
    assert ended.returncode == 0, ended.stderr
    name = "every_epoch@12+per_device_eval_batch_size=4+by_length+subset=6"
    records = {each.arm: each for each in RecordStore(tmp_path / "out").read()}
    assert records[name].evaluation_samples == 6
    assert records[name].work_digest == records["off"].work_digest
    assert records[name].weights_digest == records["off"].weights_digest
    bench = read_summary(tmp_path / "out").bench
    assert bench is not None
    (proven,) = bench.proven
    assert proven.samples == (12, 6)
    # a claimed range is judged at the job as it is
    assert bench.arms[name].settings == ["per_device_eval_batch_size=4", "by_length", "subset=6"]


def test_where_nothing_is_found_nothing_is_run(
    write_spec: Callable[..., Path], tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    spec = write_spec(job={"epochs": 10, "steps_in_epoch": 20})
    ended = evalskip("bench", spec, "--remedies", "--out", tmp_path / "out")
    assert ended.returncode == 2
    assert ended.stderr.startswith("evalskip: --remedies: expected a remedy that saves time")
