"""Faults at random moments: nothing finished is lost or counted twice, nothing is left behind."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import traceback
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

# what a forked harness would import, imported once
import evalskip.engines.local
import evalskip.experiments.bench
import evalskip.report.markdown
import evalskip.report.terminal
from evalskip.cli import main
from evalskip.records import RecordStore, RunRecord, whole_attempts
from evalskip.summary import read_summary
from support import descendants_marked, run_evalskip

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.slow

ARMS, BLOCKS = 3, 2
# a run sleeps for some 50 ms; moments are drawn, and EVALSKIP_SEED draws others
SPEC = {
    "job": {
        "kind": "synthetic",
        "clock": "real",
        "epochs": 2,
        "steps_in_epoch": 3,
        "costs": {"step": 0.008},
    },
    "arms": [{"schedule": "every_epoch", "evaluation_samples": 8}],
    "design": {"looks": [BLOCKS], "repeats": 0},
    "measure": ["time"],
}


SEED = os.environ.get("EVALSKIP_SEED", "faults")


@pytest.fixture
def source() -> random.Random:
    return random.Random(SEED)


@pytest.fixture
def spec(write_spec: Callable[..., Path]) -> Path:
    return write_spec(replace=SPEC)


class Harness:
    """``evalskip bench --resume`` in a fork of this process, which has imported all it needs."""

    def __init__(self, spec: Path, out: Path) -> None:
        self.mark = f"fault-{os.getpid()}-{random.getrandbits(32)}"
        self.said = spec.with_suffix(".said")
        self.pid = os.fork()
        if self.pid == 0:
            try:
                signal.signal(signal.SIGINT, signal.default_int_handler)
                # where its descendants show it
                os.environ["EVALSKIP_TEST"] = self.mark
                os.setsid()
                os.dup2(os.open(self.said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
                os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
                sys.argv = ["evalskip", "bench", str(spec), "--out", str(out), "--resume"]
                sys.stdout, sys.stderr = open(1, "w"), open(2, "w")  # noqa: SIM115
                main()
            except SystemExit as ended:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(ended.code if isinstance(ended.code, int) else 1)
            finally:
                os._exit(70)

    def victim(self, kind: str) -> int | None:
        """The harness, a block's parent or a run, if there is one just now."""
        if kind == "harness":
            return self.pid
        try:
            parents = psutil.Process(self.pid).children()
            found = parents if kind == "parent" else [c for p in parents for c in p.children()]
        except psutil.NoSuchProcess:
            return None
        return found[0].pid if found else None

    def wait(self) -> int:
        """Its exit code, or less the signal; nothing that it started is left."""
        _, status = os.waitpid(self.pid, 0)
        deadline = time.monotonic() + 10
        while descendants_marked(self.mark) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert descendants_marked(self.mark) == []
        return os.waitstatus_to_exitcode(status)

    @property
    def complaint(self) -> str:
        return self.said.read_text()


def checked(out: Path, before: list[RunRecord]) -> list[RunRecord]:
    """The records there are; all that there were, none twice, and no block finished twice."""
    records = RecordStore(out).read()
    assert records[: len(before)] == before
    keys = [record.request.id for record in records]
    assert len(set(keys)) == len(keys)
    blocks = [each.block for each in whole_attempts(records, ARMS)]
    assert len(set(blocks)) == len(blocks)
    return records


def completed(spec: Path, out: Path, before: list[RunRecord]) -> None:
    """What is missing is run, and no more than that."""
    harness = Harness(spec, out)
    assert harness.wait() == 0, harness.complaint
    records = checked(out, before)
    finished = {each.block for each in whole_attempts(before, ARMS)}
    # the pilot once, if it is not there yet
    pilots = not any(record.request.id.purpose == "duration" for record in before)
    assert len(records) - len(before) == ARMS * (BLOCKS - len(finished)) + pilots
    assert {each.block for each in whole_attempts(records, ARMS)} == set(range(1, BLOCKS + 1))
    assert read_summary(out).bench.effort.runs == ARMS * BLOCKS


@pytest.mark.nightly
def test_two_hundred_kills_lose_nothing_and_double_nothing(spec: Path, tmp_path: Path) -> None:
    workers = []
    for number in (1, 2):
        folder = tmp_path / str(number)
        folder.mkdir()
        own = Path(shutil.copy(spec, folder))
        worker = os.fork()
        if worker == 0:
            try:
                killed_at_random(100, random.Random(f"{SEED} {number}"), own, folder)
                os._exit(0)
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(1)
        workers.append(worker)
    assert [os.waitpid(worker, 0)[1] for worker in workers] == [0, 0]


def killed_at_random(count: int, source: random.Random, spec: Path, folder: Path) -> None:
    """Kill the harness, a block's parent or a run so many times; resume until all is done."""
    kills = number = 0
    while kills < count:
        out = folder / f"out-{number}"
        number += 1
        before: list[RunRecord] = []
        for _ in range(source.randint(1, 8)):
            harness = Harness(spec, out)
            time.sleep(source.uniform(0.02, 0.6))
            victim = harness.victim(source.choice(["harness", "parent", "run"]))
            if victim is not None:
                os.kill(victim, signal.SIGKILL)
                kills += 1
            code = harness.wait()
            # of a run that is killed, the block goes on; without its parent it cannot
            assert code in (0, 4, -signal.SIGKILL), harness.complaint
            before = checked(out, before) if out.exists() else before
            if code == 0:
                break
        completed(spec, out, before)


@pytest.mark.nightly
def test_interrupts_at_random_moments_end_cleanly(
    source: random.Random, spec: Path, tmp_path: Path
) -> None:
    for number in range(15):
        out = tmp_path / f"out-{number}"
        before: list[RunRecord] = []
        for sent in source.choices([signal.SIGINT, signal.SIGTERM], k=2):
            harness = Harness(spec, out)
            time.sleep(source.uniform(0.1, 0.8))
            os.kill(harness.pid, sent)
            code = harness.wait()
            assert code in (0, 130), harness.complaint
            # one line, and below it how to go on, if anything is begun
            assert len(harness.complaint.splitlines()) in ((1, 2) if code else (0,))
            before = checked(out, before) if out.exists() else before
        completed(spec, out, before)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """Gives a file system of so many KiB in memory."""
    place = tmp_path / "disk"
    place.mkdir()

    def sized(kibibytes: int) -> Path:
        again = ["-o", f"remount,size={kibibytes}k"] if place.is_mount() else []
        options = again or ["-o", f"size={kibibytes}k"]
        ended = subprocess.run(["mount", "-t", "tmpfs", *options, "tmpfs", place])
        if ended.returncode:
            pytest.skip("needs the right to mount")
        return place

    yield sized
    if place.is_mount():
        subprocess.run(["umount", place], check=True)


def test_a_full_disk_is_said_in_one_line_and_loses_nothing(
    source: random.Random, small_disk: Callable[[int], Path], spec: Path
) -> None:
    full = 0
    for _ in range(8):
        disk = small_disk(source.randint(8, 200))
        out = disk / "out"
        harness = Harness(spec, out)
        code = harness.wait()
        complaint = harness.complaint
        before = checked(out, []) if (out / "runs.jsonl").exists() else []
        small_disk(100_000)
        if code:
            full += 1
            assert code in (2, 4)
            assert len(complaint.splitlines()) <= 1
            completed(spec, out, before)
        shutil.rmtree(out)
    assert full


def test_a_wall_clock_that_jumps_moves_no_figure(
    source: random.Random, spec: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Jumping(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime.now(tz) + timedelta(days=source.randint(-400, 400))

    real = time.time
    monkeypatch.setattr(evalskip.engines.local, "datetime", Jumping)
    monkeypatch.setattr(time, "time", lambda: real() + 86400 * source.randint(-400, 400))
    out = tmp_path / "out"
    harness = Harness(spec, out)
    assert harness.wait() == 0, harness.complaint
    records = checked(out, [])
    assert len({record.started_at[:10] for record in records}) > 1
    for record in records:
        assert record.wall_ns is not None
        # six steps of 8 ms, and what it evaluates
        assert 0.048e9 <= record.wall_ns < 1e9
    assert 0 < read_summary(out).bench.effort.seconds < 60


LOOP = """
import sys, time
import torch.distributed as dist
from evalskip import phase

dist.init_process_group("gloo")
with phase("train"):
    for step in range(40):
        with phase("step", tokens=8):
            time.sleep(0.02)
            dist.barrier()
dist.destroy_process_group()
"""


@pytest.mark.nightly
def test_a_rank_that_is_killed_ends_its_run_and_no_other(
    source: random.Random, write_spec: Callable[..., Path], tmp_path: Path
) -> None:
    script = tmp_path / "loop.py"
    script.write_text(LOOP)
    job = {"kind": "command", "command": f"{{python}} {script} {{schedule}}", "processes": 2}
    spec = write_spec(
        replace={
            "job": job,
            "arms": [{"schedule": "every_epoch"}],
            "measure": ["time"],
            "design": {"looks": [2], "repeats": 0},
        }
    )
    out = tmp_path / "out"
    harness = Harness(spec, out)
    killed = 0
    while killed < 3:
        time.sleep(source.uniform(0.5, 2))
        if os.waitid(os.P_PID, harness.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            break
        ranks = [
            process
            for process in psutil.Process(harness.pid).children(recursive=True)
            if str(script) in process.cmdline() and "torch.distributed.run" not in process.cmdline()
        ]
        if ranks:
            source.choice(ranks).kill()
            killed += 1
            time.sleep(1)
    assert harness.wait() in (0, 4), harness.complaint
    records = checked(out, [])
    assert len(records) == 2 * ARMS
    failed = [record for record in records if record.status == "failed"]
    assert 1 <= len(failed) <= killed
    assert all(record.error for record in failed)
    ended = run_evalskip("bench", spec, "--out", out, "--resume")
    assert len(RecordStore(out).read()) == len(records), ended.stderr
    assert json.loads((out / "summary.json").read_text())["effort"]["runs"] == 2 * ARMS


def test_a_second_harness_is_refused_at_any_moment(
    source: random.Random, spec: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    first = Harness(spec, out)
    refused = 0
    for _ in range(8):
        time.sleep(source.uniform(0.05, 0.25))
        second = Harness(spec, out)
        code = second.wait()
        if code == 2:
            assert "in use by another evalskip" in second.complaint
            refused += 1
    assert refused
    assert first.wait() == 0
    checked(out, [])
