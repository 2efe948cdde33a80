"""What only a CUDA device can show; skipped where there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from evalskip.machine.devices import cuda_is_usable
from evalskip.summary import read_summary
from support import block_runs, trials_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.skipif(not cuda_is_usable(), reason="needs a CUDA device")

MIB = 2**20
JOB: dict[str, Any] = {
    "kind": "transformers",
    "model": {"config": "small-llama", "dtype": "bfloat16"},
    "data": {"train_samples": 32, "length": 64},
    "epochs": 2,
    "train_batch": 4,
    "evaluation_batch": 4,
    "save_steps": 5,
    "device": "cuda",
}


def test_steps_last_as_long_as_their_kernels_though_nothing_waits_for_them() -> None:
    import torch

    from evalskip.probe.clocks import CudaClock
    from evalskip.probe.phases import PhaseRecorder

    recorder = PhaseRecorder(CudaClock(torch.cuda))
    torch.cuda._sleep(1000)
    recorder.start()
    recorder.enter_loop()
    cycles = [20_000_000, 40_000_000, 60_000_000]
    for count in cycles:
        torch.cuda._sleep(count)
        recorder.step_done()
    with recorder.phase("evaluate"):
        recorder.loader_ready()
        recorder.batch_begins(1, 1)
        torch.cuda._sleep(cycles[0])
        recorder.batch_done()
    timeline = recorder.stop()
    first, second, third = timeline.steps_ns
    assert second == pytest.approx(2 * first, rel=0.1)
    assert third == pytest.approx(3 * first, rel=0.1)
    assert timeline.evaluations[0].batches_ns[0] == pytest.approx(first, rel=0.1)
    assert sum(timeline.phases_ns().values()) == timeline.wall_ns


def test_peaks_belong_to_the_phase_that_allocates() -> None:
    import torch

    from evalskip.probe.clocks import CudaClock
    from evalskip.probe.memory import CudaMeter, peak_per_phase
    from evalskip.probe.phases import PhaseRecorder

    recorder = PhaseRecorder(CudaClock(torch.cuda), CudaMeter(torch.cuda))
    recorder.start()
    recorder.enter_loop()
    held = torch.empty(64 * MIB, dtype=torch.uint8, device="cuda")
    with recorder.phase("evaluate"):
        more = torch.empty(256 * MIB, dtype=torch.uint8, device="cuda")
        del more
    recorder.stop()
    peaks = peak_per_phase(recorder.timeline.peaks)
    before = torch.cuda.memory_allocated() - held.numel()
    assert peaks["train"]["allocated"] == before + 64 * MIB
    assert peaks["evaluate"]["allocated"] == before + 320 * MIB
    assert peaks["evaluate"]["reserved"] >= 320 * MIB


def test_what_evaluation_draws_on_the_device_is_restored() -> None:
    import torch

    from evalskip.probe.random_state import random_state_preserved

    torch.manual_seed(1)
    expected = torch.rand(4, device="cuda")
    torch.manual_seed(1)
    with random_state_preserved():
        torch.rand(7, device="cuda")
    assert torch.equal(torch.rand(4, device="cuda"), expected)


def test_a_share_of_the_device_is_a_limit_that_is_run_into() -> None:
    import torch

    from evalskip.probe.limits import CudaShare

    torch.cuda.empty_cache()
    share = CudaShare(torch.cuda)
    with share.within(share.usage() + 128 * MIB):
        fits = torch.empty(64 * MIB, dtype=torch.uint8, device="cuda")
        with pytest.raises(torch.cuda.OutOfMemoryError):
            torch.empty(256 * MIB, dtype=torch.uint8, device="cuda")
    assert share.peak() >= fits.numel()
    torch.empty(256 * MIB, dtype=torch.uint8, device="cuda")


@pytest.mark.parametrize("finetuning", ["full", "lora"])
def test_arms_match_and_every_phase_has_time_and_memory(
    finetuning: str,
    write_spec: Callable[..., Path],
    tmp_path: Path,
    evalskip: Callable[..., Any],
) -> None:
    spec = write_spec(
        replace={"job": {**JOB, "finetuning": finetuning}, "measure": ["time", "memory"]},
        arms=[{"schedule": "every_epoch", "evaluation_samples": [8, 24]}],
        design={"looks": [2], "full": True, "repeats": 0},
    )
    ended = evalskip("bench", spec, "--out", tmp_path / "out")
    assert ended.returncode == 0, ended.stderr
    summary = read_summary(tmp_path / "out")
    assert summary.bench.matched.blocks == 2
    records = block_runs(tmp_path / "out")
    assert {record.status for record in records} == {"ok"}
    for record in records:
        assert sum(record.phases_ns.values()) == record.wall_ns
        assert record.peak_bytes["train"]["allocated"] > 0
        assert ("evaluate" in record.peak_bytes) == (not record.arm.startswith("off"))
    assert len({record.work_digest for record in records if record.block == 1}) == 1


def test_the_largest_batch_fits_and_one_more_sample_does_not(
    write_spec: Callable[..., Path], tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    spec = write_spec(
        replace={"job": {**JOB, "data": {"train_samples": 32, "length": 512}}},
        arms=[{"schedule": "every_epoch", "evaluation_samples": 8}],
        limits={"memory": "2GiB"},
    )
    ended = evalskip("headroom", spec, "--out", tmp_path / "out", "--no-timing")
    assert ended.returncode == 0, ended.stderr
    trials = trials_of(tmp_path / "out")
    found = read_summary(tmp_path / "out").headroom.arms
    assert found
    for headroom in found:
        tried = {t["batch"]: t["fits"] for t in trials if t["evaluates"] == (headroom.arm != "off")}
        assert tried[headroom.max_batch]
        assert not tried[headroom.max_batch + 1]


def test_a_pilot_foretells_what_a_whole_run_takes(
    write_spec: Callable[..., Path], tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    job = {**JOB, "data": {"train_samples": 320, "length": 64}, "save_steps": 0}
    arms = [{"schedule": "every_epoch", "evaluation_samples": 160}]
    spec = write_spec(replace={"job": job}, arms=arms, design={"looks": [2], "repeats": 0})
    ended = evalskip("predict", spec, "--out", tmp_path / "pilot")
    assert ended.returncode == 0, ended.stderr
    foretold = {
        found.arm: found.share for found in read_summary(tmp_path / "pilot").prediction.schedules
    }
    ended = evalskip("bench", spec, "--out", tmp_path / "whole", "--full")
    assert ended.returncode == 0, ended.stderr
    share = read_summary(tmp_path / "whole").bench.arms["every_epoch@160"].share
    bounds = foretold["every_epoch@160"]
    assert share is not None
    assert bounds.low - 0.02 < share < bounds.high + 0.02
