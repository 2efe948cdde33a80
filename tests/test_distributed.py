"""Several ranks: what they measure together, and what becomes of those that do not agree."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from evalskip.callbacks import RanksAgree
from evalskip.callbacks.ranks_agree import differences
from evalskip.jobs import RunId, RunRequest
from evalskip.jobs.transformers import TransformersJob
from evalskip.launch import launcher_for
from evalskip.launch.ranks import merged
from evalskip.launch.torchrun import said_by_rank, torchrun
from evalskip.probe.measured import EvaluatedTimes, Evaluation, Measured, Timeline
from evalskip.schedules import EveryEpoch
from evalskip.summary import read_summary
from support import ROOT, block_runs, descendants_marked, run_evalskip

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from transformers import Trainer

TINY = {
    "kind": "transformers",
    "model": {"config": "tiny-llama"},
    "data": {"text": "python-docs", "train_samples": 44, "length": 32},
    "epochs": 2,
    "train_batch": 4,
    "evaluation_batch": 4,
    "device": "cpu",
    "processes": 2,
}
DEEPSPEED = ROOT / ".deepspeed"
# each rank takes every second of 11 batches
STEPS = 6


def measured(wall_ns: int, tokens: int = 30, **other: Any) -> Measured:
    evaluation = Evaluation(after_step=1, samples=5, tokens=tokens)
    known: dict[str, Any] = {
        "timeline": Timeline(wall_ns=wall_ns, evaluations=[evaluation]),
        "phases_ns": {"train": wall_ns},
        "peak_bytes": {"train": {"resident": wall_ns}},
        "losses": [1.0],
        "batch_digests": ["a"],
        "train_tokens": 10,
        "work_digest": "w",
        "losses_digest": "l",
        "weights_digest": "x",
        "weights_sketch": [1.0],
        "setup_ns": {"imports": wall_ns},
        **other,
    }
    return Measured(**known)


def test_ranks_are_told_of_as_one_run_as_long_as_its_slowest() -> None:
    one = merged([measured(5), measured(9, train_tokens=7), measured(7, tokens=60)])
    assert one.timeline.wall_ns == one.phases_ns["train"] == 9
    assert one.peak_bytes == {"train": {"resident": 9}}
    assert one.train_tokens == 27
    assert one.evaluated_times == EvaluatedTimes(samples=3, tokens=4)
    assert [rank.wall_ns for rank in one.ranks] == [5, 9, 7]


@pytest.mark.parametrize("proof", ["work_digest", "losses_digest", "weights_digest"])
def test_every_ranks_shard_counts_in_the_proof(proof: str) -> None:
    alike, other = (
        merged([measured(5), measured(6)]),
        merged([measured(5), measured(6, **{proof: "y"})]),
    )
    swapped = merged([measured(5, **{proof: "y"}), measured(6)])
    assert len({getattr(each, proof) for each in (alike, other, swapped)}) == 3
    assert getattr(merged([measured(5), measured(6, **{proof: None})]), proof) is None


def test_differences_name_the_field_and_the_ranks() -> None:
    assert differences([{"a": 1, "b": 2}] * 4) == []
    found = [{"steps": 5, "samples": 9}, {"steps": 5, "samples": 9}, {"steps": 7, "samples": 9}]
    assert differences(found) == ["steps: 5 on ranks 0-1; 7 on rank 2"]
    assert differences([*found, {"steps": 5, "samples": 8}]) == [
        "steps: 5 on ranks 0-1, 3; 7 on rank 2",
        "samples: 9 on ranks 0-2; 8 on rank 3",
    ]


def test_a_training_on_one_process_agrees_with_itself(
    make_trainer: Callable[..., Trainer],
) -> None:
    trainer = make_trainer(RanksAgree(), eval_strategy="epoch")
    trainer.train()
    assert trainer.state.global_step == trainer.state.max_steps


def test_the_error_of_a_rank_is_found_among_what_torchrun_prints(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(
        "[rank1]: Traceback (most recent call last):\n"
        '[rank1]:   File "script.py", line 3\n'
        "[rank1]: my.own.ShapeError: expected 3 samples\n"
        "torch.distributed.elastic.multiprocessing.errors.ChildFailedError: \n"
        "  traceback : To enable traceback see: somewhere\n"
    )
    assert said_by_rank(log) == "my.own.ShapeError: expected 3 samples"
    log.write_text("Killed\n")
    assert said_by_rank(log) is None


@pytest.mark.parametrize(
    ("job", "said"),
    [
        ({**TINY, "processes": None, "fsdp": "full_shard"}, "expected processes as well"),
        ({**TINY, "fsdp": "full_shard"}, "on CPUs the Trainer shards nothing"),
        ({**TINY, "fsdp_config": {"min_num_params": 1}}, "expected fsdp as well"),
        ({**TINY, "deepspeed": "no-such.json"}, "expected a file of JSON"),
        ({**TINY, "nodes": 2}, "Slurm allocation"),
        ({**TINY, "processes": 0}, "processes"),
        (
            {"kind": "command", "command": "torchrun x.py {schedule}", "processes": 2},
            "a command that begins with {python}",
        ),
    ],
)
def test_what_cannot_be_spread_is_refused_in_one_line(
    write_spec: Callable[..., Path],
    evalskip: Callable[..., subprocess.CompletedProcess[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    job: dict[str, Any],
    said: str,
) -> None:
    monkeypatch.delenv("SLURM_JOB_NUM_NODES", raising=False)
    arms = [{"schedule": "every_epoch"} | ({"evaluation_samples": 8} if "data" in job else {})]
    path = write_spec(replace={"job": job, "arms": arms})
    ended = evalskip("bench", path, "--out", tmp_path / "out")
    assert ended.returncode == 2
    assert said in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


@pytest.mark.slow
@pytest.mark.nightly
def test_a_job_of_ours_trains_on_two_ranks(
    write_spec: Callable[..., Path],
    evalskip: Callable[..., subprocess.CompletedProcess[str]],
    tmp_path: Path,
) -> None:
    spec = write_spec(
        replace={
            "job": TINY,
            "arms": [{"schedule": "every_epoch", "evaluation_samples": 20}],
            "measure": ["time"],
            "design": {"looks": [2], "repeats": 0},
        }
    )
    out = tmp_path / "out"
    ended = evalskip("bench", spec, "--out", out)
    assert ended.returncode == 0, ended.stderr
    summary = read_summary(out)
    assert summary.bench.matched.same_work
    assert summary.bench.matched.same_result
    for record in block_runs(out):
        assert record.steps == 2 * STEPS
        assert record.evaluated_after == ([STEPS, 2 * STEPS] if "epoch" in record.arm else [])
        assert [rank.rank for rank in record.ranks] == [0, 1]
        assert record.wall_ns == max(rank.wall_ns for rank in record.ranks)
        for rank in record.ranks:
            assert sum(rank.phases_ns.values()) == rank.wall_ns
        assert sum(record.phases_ns.values()) == record.wall_ns
        # 20 samples are 5 batches: the loader gives each rank 3 whole ones
        assert record.evaluation_samples in (None, 20, 24)
    arm = summary.bench.arms["every_epoch@20"]
    assert [rank.rank for rank in arm.ranks] == [0, 1]
    assert "### Every rank" in (out / "report.md").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("stage", [2, 3])
@pytest.mark.skipif(not DEEPSPEED.exists(), reason="needs make deepspeed")
@pytest.mark.nightly
def test_deepspeed_trains_by_its_configuration_and_shards_are_proven(
    stage: int, write_spec: Callable[..., Path], tmp_path: Path
) -> None:
    configuration = ROOT / "bench" / "deepspeed" / f"zero{stage}.json"
    spec = write_spec(
        replace={
            "job": {**TINY, "deepspeed": str(configuration)},
            "arms": [{"schedule": "every_epoch", "evaluation_samples": 8}],
            "measure": ["time"],
            "design": {"looks": [2], "budget": "1s", "full": True, "repeats": 0},
        }
    )
    paths = [str(DEEPSPEED), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "DS_ACCELERATOR": "cpu",
    }
    out = tmp_path / "out"
    ended = run_evalskip("bench", spec, "--out", out, env=environment)
    assert ended.returncode == 0, ended.stderr
    summary = read_summary(out)
    assert summary.bench.matched.same_work
    assert summary.bench.matched.same_result
    records = block_runs(out)
    assert len({record.weights_digest for record in records}) == 1
    assert all(len(record.ranks) == 2 for record in records)
    said = "".join(log.read_text() for log in (out / "logs").glob("*.log"))
    assert "DeepSpeed" in said


SHARDED = """
import os, pathlib, sys
import torch
import torch.distributed as dist
from torch.distributed.fsdp import fully_shard
from evalskip.probe.digests import weights_digest, weights_sketch

dist.init_process_group("gloo")
torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Linear(8, 8), torch.nn.Linear(8, 2))
whole = weights_digest(model)
fully_shard(model, mesh=dist.init_device_mesh("cpu", (2,)))
model(torch.ones(3, 8)).sum().backward()
torch.optim.SGD(model.parameters(), 0.1).step()
told = f"{whole} {weights_digest(model)} {len(weights_sketch(model))}"
pathlib.Path(sys.argv[1], os.environ["RANK"]).write_text(told)
dist.barrier()
dist.destroy_process_group()
"""


@pytest.mark.slow
def test_weights_are_proven_by_the_shards_that_a_rank_holds(tmp_path: Path) -> None:
    script = tmp_path / "sharded.py"
    script.write_text(SHARDED)

    def proofs() -> list[list[str]]:
        ended = subprocess.run(
            [*torchrun(sys.executable, 2, 1), str(script), str(tmp_path)],
            env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert ended.returncode == 0, ended.stderr
        return [(tmp_path / rank).read_text().split() for rank in ("0", "1")]

    one, again = proofs(), proofs()
    assert one == again
    (whole, first, norms), (same, second, _) = one
    assert whole == same
    assert len({whole, first, second}) == 3
    assert norms == "4"


@pytest.mark.slow
@pytest.mark.nightly
def test_ranks_that_do_not_agree_hang_and_the_check_ends_that(tmp_path: Path) -> None:
    request = RunRequest(
        id=RunId(purpose="observation", block=1),
        arm="every_epoch",
        schedule=EveryEpoch(),
        evaluation_samples=8,
        measure="time",
        seed=0,
        arguments={"eval_strategy": "epoch"},
        by_rank={1: {"eval_strategy": "no"}},
    )
    job = TransformersJob.model_validate(TINY)
    with closing(launcher_for(job, "time", [8], tmp_path, 120)) as launcher:
        unchecked = launcher.run(request, 25)
        assert unchecked.status != "ok"
        checked = launcher.run(request.model_copy(update={"callbacks": [("RanksAgree", [])]}), 120)
    assert checked.status == "failed"
    assert checked.error is not None
    assert "eval_strategy: epoch on rank 0; no on rank 1" in checked.error


LOOP = """
import sys, time
import torch.distributed as dist
from evalskip import phase

schedule = sys.argv[1]
dist.init_process_group("gloo")
batches = 4 if dist.get_rank() == 0 else 1
with phase("train"):
    for step in range(4):
        with phase("step", samples=2, tokens=8):
            time.sleep(0.02)
        if schedule == "every_epoch" and step % 2:
            with phase("evaluate", samples=batches, tokens=batches):
                time.sleep(0.1 * batches)
                dist.barrier()
if schedule == "final_only":
    raise ValueError("no rank likes this")
"""


@pytest.mark.slow
@pytest.mark.nightly
def test_a_rank_with_fewer_samples_waits_for_the_others(
    write_spec: Callable[..., Path],
    evalskip: Callable[..., subprocess.CompletedProcess[str]],
    tmp_path: Path,
) -> None:
    script = tmp_path / "loop.py"
    script.write_text(LOOP)
    spec = write_spec(
        replace={
            "job": {
                "kind": "command",
                "command": f"{{python}} {script} {{schedule}}",
                "processes": 2,
            },
            "arms": [{"schedule": "every_epoch"}, {"schedule": "final_only"}],
            "measure": ["time"],
            "design": {"looks": [2], "repeats": 0},
        }
    )
    out = tmp_path / "out"
    ended = evalskip("bench", spec, "--out", out)
    assert ended.returncode == 0, ended.stderr
    records = [r for r in block_runs(out) if r.arm == "every_epoch"]
    for record in records:
        busy, waiting = record.ranks
        # of each of two evaluations, three batches of 0.1 s
        assert waiting.phases_ns["wait"] > 0.5e9
        assert waiting.phases_ns["evaluate"] < 0.4e9
        assert busy.phases_ns["evaluate"] > 0.7e9
        assert busy.phases_ns["wait"] < 0.3e9
    # what an evaluation waits for is part of what it costs, on whichever rank
    assert read_summary(out).bench.arms["every_epoch"].share > 0.7
    failed = next(r for r in block_runs(out) if r.arm == "final_only")
    assert failed.status == "failed"
    assert failed.error == "ValueError: no rank likes this"


@pytest.mark.slow
def test_no_rank_outlives_a_harness_that_is_killed(
    write_spec: Callable[..., Path], tmp_path: Path
) -> None:
    script = tmp_path / "loop.py"
    script.write_text(LOOP.replace("time.sleep(0.02)", "time.sleep(20)"))
    spec = write_spec(
        replace={
            "job": {
                "kind": "command",
                "command": f"{{python}} {script} {{schedule}}",
                "processes": 2,
            },
            "arms": [{"schedule": "every_epoch"}],
            "measure": ["time"],
        }
    )
    mark = f"ranks-{os.getpid()}"
    harness = subprocess.Popen(
        [sys.executable, "-m", "evalskip", "bench", spec, "--out", tmp_path / "out"],
        cwd=ROOT,
        env={**os.environ, "EVALSKIP_TEST": mark},
        stdout=subprocess.DEVNULL,
    )
    # the harness, torchrun and two ranks
    deadline = time.monotonic() + 60
    while len(descendants_marked(mark)) < 4 and time.monotonic() < deadline:
        time.sleep(0.2)
    assert len(descendants_marked(mark)) >= 4
    harness.send_signal(signal.SIGKILL)
    harness.wait()
    deadline = time.monotonic() + 10
    while descendants_marked(mark) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert descendants_marked(mark) == []
