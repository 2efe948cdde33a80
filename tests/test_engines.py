"""Blocks on other machines: real Ray clusters of several nodes, and real Slurm, on this one."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from evalskip.analysis.nodes import in_own_pace
from evalskip.analysis.pieces import Pieces
from evalskip.engines.base import BlockLost
from evalskip.engines.remote import RemoteEngine
from evalskip.errors import MeasurementError
from evalskip.plan import plan
from evalskip.records import Attempt, whole_attempts
from evalskip.spec import load_spec
from evalskip.summary import read_summary
from support import ROOT, block_runs, run_evalskip

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
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
    "arms": [{"schedule": "every_epoch", "evaluation_samples": 8}],
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


class OneNode(RemoteEngine[int]):
    """Runs no block, and says what a node says of it."""

    room = 1
    says: ClassVar[dict[str, Any]] = {}

    def _submit(self, wanted: dict[str, Any]) -> int:
        return 0

    def _first_ended(self, handles: Sequence[int]) -> int:
        return handles[0]

    def _result(self, handle: int) -> dict[str, Any]:
        return self.says

    def _cancel(self, handle: int) -> None: ...


def test_a_block_whose_processes_are_killed_is_lost_and_no_other_error_is(
    write_spec: Callable[..., Path], tmp_path: Path
) -> None:
    spec = load_spec(write_spec())
    engine = OneNode(spec, tmp_path, lambda prepared: None)
    block = plan(spec)[0]
    engine.says = {"error": "Killed", "says": "a block's parent ended (-15): it printed nothing"}
    engine.begin(block, 1.0)
    assert engine.next() == BlockLost(block, engine.says["says"])
    engine.says = {"error": "MeasurementError", "says": "no more disk"}
    engine.begin(block, 1.0)
    with pytest.raises(MeasurementError, match="no more disk"):
        engine.next()


def test_what_belongs_to_another_engine_is_refused(
    write_spec: Callable[..., Path],
    evalskip: Callable[..., subprocess.CompletedProcess[str]],
    tmp_path: Path,
) -> None:
    for options, said in (
        (["--engine", "kubernetes"], "expected one of local, ray, slurm"),
        (["-E", "address=auto"], "--engine-option address: unknown with --engine local"),
        (["-E", "partition=a", "--engine", "ray"], "expected address, gpus"),
        (["-E", "partition", "--engine", "slurm"], "expected key=value"),
        (["-E", "gpus=-1", "--engine", "slurm"], "--engine-option gpus: Input should be"),
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
        address = ["-E", f"address={self.cluster.address}"]
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
    records = block_runs(out)
    attempts = whole_attempts(records, ARMS)
    assert sorted(attempts) == [Attempt("time", block, 0) for block in range(1, 7)]
    used = [{run.node.name for run in runs} for runs in attempts.values()]
    assert all(len(names) == 1 for names in used)
    assert len(set.union(*used)) == 2
    assert all(run.node.cores > 0 for run in records)
    summary = read_summary(out)
    assert summary.bench.effort.nodes == 2
    assert summary.made.machine.cores > 0
    assert "on 2 nodes" in ended.stdout
    # what is there already is not run again
    assert nodes.bench(sleeping, out, "--resume").returncode == 0
    assert len(block_runs(out)) == len(records)


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
    while not block_runs(out) and time.monotonic() < deadline:
        time.sleep(0.2)
    nodes.cluster.remove_node(victim, allow_graceful=False)
    said, complained = harness.communicate(timeout=120)
    assert harness.returncode == 0, complained
    assert "was lost, and is run again" in said
    attempts = whole_attempts(block_runs(out), ARMS)
    assert sorted({each.block for each in attempts}) == [1, 2, 3, 4, 5, 6]
    assert len(attempts) == 6
    assert max(each.attempt for each in attempts) >= 1


@pytest.mark.slow
def test_what_no_node_has_is_an_error_at_once(nodes: Nodes, sleeping: Path, tmp_path: Path) -> None:
    nodes.cluster.add_node(num_cpus=1)
    began = time.monotonic()
    ended = nodes.bench(sleeping, tmp_path / "out", "-E", "gpus=2")
    assert ended.returncode == 2
    assert ended.stderr == (
        "evalskip: --engine ray: a block needs 1 CPU and 2 GPU of one node; expected a cluster "
        "with such a node, got at most 1 CPU and 0 GPU\n"
    )
    assert time.monotonic() - began < 30
    ended = run_evalskip(
        "bench", sleeping, "--engine", "ray", "-E", "address=127.0.0.1:1", timeout=120
    )
    assert ended.returncode == 2
    assert "127.0.0.1:1: no Ray cluster" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


@pytest.mark.alone
@pytest.mark.slow
@pytest.mark.nightly
def test_two_nodes_take_at_most_three_fifths_of_the_time_of_one(
    nodes: Nodes, write_spec: Callable[..., Path], tmp_path: Path
) -> None:
    # so long that the start of an interpreter on each node is little
    job = {**SLEEPING["job"], "costs": {"step": 0.06}}
    spec = write_spec(replace={**SLEEPING, "job": job, "design": {"looks": [16], "repeats": 0}})
    nodes.cluster.add_node(num_cpus=1)
    took = []
    for number in (1, 2):
        out = tmp_path / f"on-{number}"
        ended = nodes.bench(spec, out)
        assert ended.returncode == 0, ended.stderr
        took.append(json.loads((out / "summary.json").read_text())["effort"]["seconds"])
        nodes.cluster.add_node(num_cpus=1)
    assert took[1] <= 0.6 * took[0]


@pytest.mark.alone
@pytest.mark.slow
@pytest.mark.nightly
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


CONFIGURATION = """
ClusterName=test
SlurmctldHost={host}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
SlurmUser=root
SlurmdUser=root
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
SwitchType=switch/none
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
SlurmctldPort={ports[0]}
NodeName=one NodeHostname={host} Port={ports[1]} CPUs=2
NodeName=two NodeHostname={host} Port={ports[2]} CPUs=2
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("", 0))
    found = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return found


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Slurm's own daemons, as root, for two nodes on this machine."""
    needed = ("munged", "slurmctld", "slurmd")
    if os.geteuid() or not all(map(shutil.which, needed)):
        pytest.skip("needs root, and Debian's slurm-wlm and munge")
    folder = tmp_path / "slurm"
    folder.mkdir()
    place = folder / "slurm.conf"
    place.write_text(
        CONFIGURATION.format(host=socket.gethostname(), folder=folder, ports=free_ports(3))
    )
    monkeypatch.setenv("SLURM_CONF", str(place))
    key = folder / "munge.key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o600)
    files = [f"--{name}-file={folder}/munge.{name}" for name in ("key", "pid", "log", "seed")]
    daemons = [
        ["munged", "--force", "--foreground", f"--socket={folder}/munge.socket", *files],
        ["slurmctld", "-D"],
        ["slurmd", "-D", "-N", "one"],
        ["slurmd", "-D", "-N", "two"],
    ]
    started = []
    for words in daemons:
        started.append(subprocess.Popen(words, stderr=subprocess.DEVNULL, start_new_session=True))
        time.sleep(0.5)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        told = subprocess.run(["sinfo", "-h", "-o", "%D %T"], capture_output=True, text=True)
        if told.stdout.split() == ["2", "idle"]:
            break
        time.sleep(0.5)
    else:
        pytest.fail(f"Slurm did not start: {told.stdout} {told.stderr}")
    yield
    for daemon in reversed(started):
        daemon.terminate()
    for daemon in started:
        daemon.wait(timeout=30)


def begun(spec: Path, out: Path, setting: str) -> list[str]:
    words = ["bench", spec, "--out", out, "--engine", "slurm", "--set", setting]
    return [sys.executable, "-m", "evalskip", *map(str, words)]


def running_jobs() -> set[str]:
    queue = subprocess.run(["squeue", "-h", "-t", "R", "-o", "%A"], capture_output=True, text=True)
    return set(queue.stdout.split())


@pytest.mark.xdist_group("slurm")
@pytest.mark.slow
@pytest.mark.usefixtures("slurm")
def test_blocks_are_jobs_of_slurm(sleeping: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    harness = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "evalskip",
            "bench",
            sleeping,
            "--out",
            out,
            "--engine",
            "slurm",
            "--set",
            "job.costs.step=0.15",
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    before: set[str] = set()
    while not block_runs(out) and time.monotonic() < deadline:
        time.sleep(0.2)
        before |= running_jobs()
    while not (new := running_jobs() - before) and time.monotonic() < deadline:
        time.sleep(0.1)
    newest = max(new, key=int)  # one that is not about to end
    subprocess.run(["scancel", "--signal=KILL", "--full", newest], check=True)
    said, complained = harness.communicate(timeout=120)
    assert harness.returncode == 0, complained
    assert "was lost, and is run again" in said
    attempts = whole_attempts(block_runs(out), ARMS)
    assert sorted({each.block for each in attempts}) == [1, 2, 3, 4, 5, 6]
    assert len(attempts) == 6
    assert {run.node.name for runs in attempts.values() for run in runs} == {"one", "two"}
    ended = run_evalskip(
        "bench",
        sleeping,
        "--out",
        tmp_path / "none",
        "--engine",
        "slurm",
        "-E",
        "gpus=3",
        timeout=60,
    )
    assert ended.returncode == 2
    assert ended.stderr.startswith("evalskip: --engine slurm: sbatch: ")
    assert len(ended.stderr.splitlines()) == 1


@pytest.mark.xdist_group("slurm")
@pytest.mark.slow
@pytest.mark.usefixtures("slurm")
def test_what_slurm_runs_ends_with_an_interrupted_harness(sleeping: Path, tmp_path: Path) -> None:
    harness = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "evalskip",
            "bench",
            sleeping,
            "--out",
            tmp_path / "out",
            "--engine",
            "slurm",
            "--set",
            "job.costs.step=5",
        ],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )

    def queued() -> list[str]:
        told = subprocess.run(["squeue", "-h", "-o", "%A"], capture_output=True, text=True)
        return told.stdout.split()

    deadline = time.monotonic() + 60
    while not queued() and time.monotonic() < deadline:
        time.sleep(0.2)
    assert queued()
    harness.send_signal(signal.SIGINT)
    assert harness.wait(timeout=60) == 130
    deadline = time.monotonic() + 60
    while queued() and time.monotonic() < deadline:
        time.sleep(0.5)
    assert not queued()


@pytest.mark.xdist_group("slurm")
@pytest.mark.slow
@pytest.mark.usefixtures("slurm")
@pytest.mark.nightly
def test_one_training_spans_two_nodes_of_slurm(
    write_spec: Callable[..., Path], tmp_path: Path
) -> None:
    script = tmp_path / "loop.py"
    script.write_text(
        "import sys, time\n"
        "import torch.distributed as dist\n"
        "from evalskip import phase\n"
        "dist.init_process_group('gloo')\n"
        "with phase('train'):\n"
        "    for step in range(4):\n"
        "        with phase('step', tokens=8):\n"
        "            time.sleep(0.02)\n"
        "    if sys.argv[1] == 'every_epoch':\n"
        "        with phase('evaluate'):\n"
        "            dist.barrier()\n"
        "dist.barrier()\n"
        "dist.destroy_process_group()\n"
    )
    job = {"kind": "command", "command": f"{{python}} {script} {{schedule}}", "nodes": 2}
    design = {"looks": [2], "repeats": 0}
    spec = write_spec(
        replace={
            "job": {**job, "threads": 1},
            "arms": [{"schedule": "every_epoch"}],
            "measure": ["time"],
            "design": design,
        }
    )
    out = tmp_path / "out"
    ended = run_evalskip("bench", spec, "--out", out, "--engine", "slurm", timeout=300)
    assert ended.returncode == 0, ended.stderr
    records = block_runs(out)
    assert len(records) == 6
    assert all([rank.rank for rank in record.ranks] == [0, 1] for record in records)
    ended = run_evalskip("bench", spec, "--out", tmp_path / "here", timeout=60)
    assert ended.returncode == 2
    assert "expected at most 1, which is what this Slurm allocation has" in ended.stderr
