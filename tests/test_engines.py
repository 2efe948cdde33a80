"""Blocks on other machines: real Ray clusters of several nodes, and real Slurm, on this one."""

from __future__ import annotations

import json
import re
import resource
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from evalskip.analysis.nodes import in_own_pace
from evalskip.analysis.pieces import Pieces
from evalskip.records import RecordStore, whole_attempts
from evalskip.summary import read_summary
from support import ROOT, run_evalskip

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ray = pytest.importorskip("ray")

# each run sleeps; a block takes about half a second
SLEEPING = {
    "job": {
        "kind": "synthetic",
        "clock": "real",
        "epochs": 2,
        "steps_in_epoch": 4,
        "costs": {"step": 0.02},
    },
    "arms": [{"schedule": "every_epoch", "evaluation_rows": 8}],
    "design": {"looks": [6], "repeats": 0},
    "measure": ["time"],
}
ARMS = 3


def test_a_node_of_another_pace_leaves_the_ratios_as_they_are() -> None:
    import numpy as np

    def pieces(step: float) -> Pieces:
        # blocks 1 and 3 ran on a node that is half as fast
        own = np.array([[step, step]] * 4) * np.array([[2], [1], [2], [1]])
        return Pieces((1, 2, 3, 4), own, own[:, :0], own[:, :1], (2,))

    nodes = {1: "slow", 2: "fast", 3: "slow", 4: "fast"}
    found = in_own_pace({"off": pieces(1.0), "on": pieces(1.5)}, nodes)
    assert np.ptp(found["off"].steps) == np.ptp(found["on"].steps) == 0
    assert (found["on"].steps / found["off"].steps == 1.5).all()
    alone = {"off": pieces(1.0)}
    assert in_own_pace(alone, dict.fromkeys(nodes, "one")) == alone


def test_what_belongs_to_another_engine_is_refused(
    write_spec: Callable[..., Path],
    evalskip: Callable[..., subprocess.CompletedProcess[str]],
    tmp_path: Path,
) -> None:
    for options, said in (
        (["--engine", "kubernetes"], "expected one of local, ray, slurm"),
        (["--address", "auto"], "expected --engine ray"),
        (["--slurm", "partition=a"], "expected --engine slurm"),
        (["--slurm", "partition", "--engine", "slurm"], "expected key=value"),
        (["--gpus", "1"], "expected --engine ray or slurm"),
    ):
        ended = evalskip("bench", write_spec(), "--out", tmp_path / "out", *options)
        assert ended.returncode == 2
        assert said in ended.stderr
        assert len(ended.stderr.splitlines()) == 1


class Nodes:
    """A Ray cluster whose head runs nothing."""

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster

        self.cluster: Any = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})

    def bench(self, spec: Path, out: Path, *more: str) -> subprocess.CompletedProcess[str]:
        return run_evalskip(*self.words(spec, out, *more), timeout=180)

    def words(self, spec: Path, out: Path, *more: str) -> list[Any]:
        address = ["--address", self.cluster.address]
        return ["bench", spec, "--out", out, "--engine", "ray", *address, *more]


@pytest.fixture
def nodes() -> Iterator[Nodes]:
    made = Nodes()
    yield made
    made.cluster.shutdown()


@pytest.fixture
def sleeping(write_spec: Callable[..., Path]) -> Path:
    return write_spec(replace=SLEEPING)


@pytest.mark.slow
def test_blocks_run_whole_on_the_nodes_of_a_ray_cluster(
    nodes: Nodes, sleeping: Path, tmp_path: Path
) -> None:
    for _ in range(2):
        nodes.cluster.add_node(num_cpus=1)
    out = tmp_path / "out"
    ended = nodes.bench(sleeping, out)
    assert ended.returncode == 0, ended.stderr
    records = RecordStore(out).read()
    attempts = whole_attempts(records, ARMS)
    assert sorted(attempts) == [(block, 0) for block in range(1, 7)]
    used = [{run.node["name"] for run in runs} for runs in attempts.values()]
    assert all(len(names) == 1 for names in used)
    assert len(set.union(*used)) == 2
    assert all(run.node["cores"] > 0 for run in records)
    summary = read_summary(out)
    assert summary.effort.nodes == 2
    assert summary.machine["cores"] > 0
    assert "on 2 nodes" in ended.stdout
    # what is there already is not run again
    assert nodes.bench(sleeping, out, "--resume").returncode == 0
    assert len(RecordStore(out).read()) == len(records)


@pytest.mark.slow
def test_a_block_whose_node_is_killed_is_run_elsewhere(
    nodes: Nodes, sleeping: Path, tmp_path: Path
) -> None:
    victim = nodes.cluster.add_node(num_cpus=1)
    nodes.cluster.add_node(num_cpus=1)
    out = tmp_path / "out"
    slow = ["--set", "job.costs.step=0.15"]
    harness = subprocess.Popen(
        [sys.executable, "-m", "evalskip", *map(str, nodes.words(sleeping, out, *slow))],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not RecordStore(out).read() and time.monotonic() < deadline:
        time.sleep(0.2)
    nodes.cluster.remove_node(victim, allow_graceful=False)
    said, complained = harness.communicate(timeout=120)
    assert harness.returncode == 0, complained
    assert "was lost, and is run again" in said
    attempts = whole_attempts(RecordStore(out).read(), ARMS)
    assert sorted({block for block, _ in attempts}) == [1, 2, 3, 4, 5, 6]
    assert len(attempts) == 6
    assert max(attempt for _, attempt in attempts) == 1


@pytest.mark.slow
def test_what_no_node_has_is_an_error_at_once(nodes: Nodes, sleeping: Path, tmp_path: Path) -> None:
    nodes.cluster.add_node(num_cpus=1)
    began = time.monotonic()
    ended = nodes.bench(sleeping, tmp_path / "out", "--gpus", "2")
    assert ended.returncode == 2
    assert ended.stderr == (
        "evalskip: --engine ray: a block needs 1 CPU and 2 GPU of one node; expected a cluster "
        "with such a node, got at most 1 CPU and 0 GPU\n"
    )
    assert time.monotonic() - began < 30
    ended = run_evalskip(
        "bench", sleeping, "--engine", "ray", "--address", "127.0.0.1:1", timeout=120
    )
    assert ended.returncode == 2
    assert "127.0.0.1:1: no Ray cluster" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


@pytest.mark.slow
def test_two_nodes_take_at_most_three_fifths_of_the_time_of_one(
    nodes: Nodes, write_spec: Callable[..., Path], tmp_path: Path
) -> None:
    # so long that the start of an interpreter on each node is little
    job = {**SLEEPING["job"], "costs": {"step": 0.05}}
    spec = write_spec(replace={**SLEEPING, "job": job, "design": {"looks": [24], "repeats": 0}})
    nodes.cluster.add_node(num_cpus=1)
    took = []
    for number in (1, 2):
        out = tmp_path / f"on-{number}"
        ended = nodes.bench(spec, out)
        assert ended.returncode == 0, ended.stderr
        took.append(json.loads((out / "summary.json").read_text())["effort"]["seconds"])
        nodes.cluster.add_node(num_cpus=1)
    assert took[1] <= 0.6 * took[0]


@pytest.mark.slow
def test_ten_thousand_blocks_take_less_than_a_minute_and_a_gibibyte(
    write_spec: Callable[..., Path], tmp_path: Path
) -> None:
    spec = write_spec(design={"looks": [10_000], "repeats": 0, "budget": "1h"}, measure=["time"])
    out = tmp_path / "out"
    began = time.monotonic()
    for words in (["bench", spec, "--out", out], ["report", out]):
        ended = run_evalskip(*words, timeout=600)
        assert ended.returncode == 0, ended.stderr
    assert time.monotonic() - began < 60
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < 2**20
    assert re.search(
        r"10000 blocks timed, [0-9]+ runs", ended.stdout + (out / "report.md").read_text()
    )
