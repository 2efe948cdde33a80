"""Noise is judged from what others cost, blind to arm and duration."""

from __future__ import annotations

import itertools
import json
import multiprocessing
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from evalskip.engines import recording
from evalskip.machine.activity import FIELDS, ActivitySampler
from evalskip.machine.disturbance import Disturbance, disturbance_of, is_disturbed
from evalskip.machine.steadying import steadying
from support import block_runs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def samples(others: list[float], steal: float = 0.0) -> list[list[float]]:
    return [[second + 1.0, 1.9, steal, 1.9 - busy, 0.5] for second, busy in enumerate(others)]


@pytest.mark.parametrize(
    ("samples", "disturbed_s"),
    [
        ([], None),
        ([[0.05, 1.0, 0.0, 0.0, 0.0]], None),  # too short to judge: rounding
        (samples([0.01] * 10), 0),
        (samples([0.9] * 10), 10),
        (samples([0.0] * 8 + [0.9] * 2), 2),
        (samples([0.0] * 5, steal=0.3), 5),
    ],
)
def test_each_second_of_a_run_is_judged(samples: Any, disturbed_s: float | None) -> None:
    found = disturbance_of(samples)
    assert (found and found.disturbed_s) == disturbed_s


def test_a_throttled_gpu_counts() -> None:
    quiet = samples([0.0] * 4)
    assert disturbance_of(quiet, [{"throttle_reasons": 0x4}] * 4) == (0, 4)
    assert disturbance_of(quiet, [{"throttle_reasons": 0x40}, {}, {}, {}]) == (1, 4)


def test_what_is_flagged_is_a_block() -> None:
    calm, busy = Disturbance(0.0, 4.0), Disturbance(1.0, 4.0)
    assert is_disturbed([]) is None
    assert is_disturbed([None, None]) is None
    assert is_disturbed([calm, calm, busy]) is False  # one second of twelve
    assert is_disturbed([calm, busy, busy]) is True


def test_the_share_of_disturbed_seconds_does_not_depend_on_how_long_a_run_takes() -> None:
    """Others take 0.15 s every 10 s; runs begin at any time, and last 2 to 8 s."""
    source = np.random.default_rng(0)

    def taken(begin: float, end: float, phase: float) -> float:
        starts = np.arange(-20, 30, 10.0) + phase
        return float(
            np.clip(np.minimum(end, starts + 0.15) - np.maximum(begin, starts), 0, 1).sum()
        )

    shares = {}
    for length in (2.0, 2.2, 3.5, 4.0, 8.0):
        found = []
        for _ in range(4000):
            ends = [*np.arange(1.0, length), length]
            phase, busy = source.uniform(0, 10), []
            for begin, end in zip([0.0, *ends], ends, strict=False):
                others = taken(begin, end, phase)
                busy.append([end, 1.9 * (end - begin) + others, 0.0, 1.9 * (end - begin), 0.0])
            found.append(disturbance_of(busy))
        shares[length] = sum(f.disturbed_s for f in found) / sum(f.observed_s for f in found)
    assert max(shares.values()) - min(shares.values()) < 0.02, shares


def test_cpu_time_of_children_that_were_waited_for_is_the_runs_own() -> None:
    """A child of a child ends and is waited for: its time does not turn into that of others."""
    inner = "import time\nend = time.process_time() + 0.6\nwhile time.process_time() < end: pass"
    then = (
        "import subprocess, sys, time; subprocess.run([sys.executable, '-c', {!r}]); time.sleep({})"
    )
    run = then.format(then.format(inner, 0.6), 0.3)
    process = subprocess.Popen([sys.executable, "-c", run])
    sampler = ActivitySampler(process.pid)
    while process.poll() is None:
        time.sleep(0.1)
        sampler.sample()
    own = [sample[FIELDS.index("own_s")] for sample in sampler.samples]
    assert min(own) >= 0
    assert sum(own) >= 0.6


@pytest.mark.parametrize(
    ("disturbed", "order"),
    [
        (lambda run: False, [(1, 0), (2, 0), (3, 0)]),
        # the blocks of a look first, then those that were disturbed
        (lambda run: run in (0, 4), [(1, 0), (2, 0), (1, 1), (2, 1), (3, 0)]),
        # where the repeat is disturbed as well, no more are tried until the next look
        (lambda run: True, [(1, 0), (2, 0), (1, 1), (3, 0), (1, 2)]),
    ],
    ids=["calm", "now and then", "always"],
)
def test_blocks_of_a_verdict_come_first_then_repeats(
    disturbed: Callable[[int], bool],
    order: list[tuple[int, int]],
    write_spec: Callable[..., Path],
    tmp_path: Path,
    evalskip: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    runs = itertools.count()
    monkeypatch.setattr(
        recording,
        "disturbance_of",
        lambda *_: Disturbance(float(disturbed(next(runs))), 1.0),
    )
    spec = write_spec(design={"looks": [2, 3], "repeats": 2})
    assert evalskip("bench", spec, "--out", tmp_path / "out").returncode == 0
    records = block_runs(tmp_path / "out")
    assert list(dict.fromkeys((run.block, run.attempt) for run in records)) == order


def _spin() -> None:
    while True:
        pass


@pytest.mark.alone
@pytest.mark.slow
def test_beside_a_busy_neighbour_the_blocks_of_a_verdict_come_first_and_one_is_repeated(
    write_spec: Callable[..., Path], tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    spec = write_spec(
        job={"clock": "real", "epochs": 2, "costs": {"step": 0.05}},
        design={"looks": [2, 3], "repeats": 2},
    )
    neighbours = [multiprocessing.Process(target=_spin) for _ in range(os.cpu_count() or 1)]
    for neighbour in neighbours:
        neighbour.start()
    try:
        ended = evalskip("bench", spec, "--out", tmp_path / "out")
    finally:
        for neighbour in neighbours:
            neighbour.terminate()
    assert ended.returncode == 0, ended.stderr
    records = block_runs(tmp_path / "out")
    # the disturbance lasts: at each look one block is run again, which shows that no more need be
    order = list(dict.fromkeys((record.block, record.attempt) for record in records))
    assert order == [(1, 0), (2, 0), (1, 1), (3, 0), (1, 2)]
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    wall_clock = [c for c in summary["bench"]["comparisons"] if c["estimator"] == "wall_clock"]
    assert all(c["throughput_gain_undisturbed"] is None for c in wall_clock)
    assert any(each["code"] == "blocks_disturbed" for each in summary["bench"]["warnings"])


def test_the_doctor_says_what_it_looked_at(evalskip: Callable[..., Any]) -> None:
    ended = evalskip("doctor")
    # by its exit code as well: other tests may run beside this one
    assert ended.returncode == (3 if "to fix" in ended.stdout.splitlines()[-1] else 0)
    for what in (
        "governor",
        "turbo",
        "neighbours",
        "CPU quota",
        "threads",
        "pinned cores",
        "allocator",
        "memory",
    ):
        assert what in ended.stdout
    assert ended.stdout.splitlines()[-1] in ("fit to measure on",) or "to fix" in ended.stdout


def test_runs_are_steadied_unless_the_user_has_set_otherwise() -> None:
    assert set(steadying({})) == {
        "MALLOC_MMAP_THRESHOLD_",
        "MALLOC_TRIM_THRESHOLD_",
        "GOMP_SPINCOUNT",
    }
    assert set(steadying({"OMP_WAIT_POLICY": "active"})) == {
        "MALLOC_MMAP_THRESHOLD_",
        "MALLOC_TRIM_THRESHOLD_",
    }
    assert set(steadying({"LD_PRELOAD": "libjemalloc.so"})) == {"GOMP_SPINCOUNT"}


def test_the_doctor_says_what_runs_are_given(
    evalskip: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "GOMP_SPINCOUNT=1000 (applied to timed runs)" in evalskip("doctor").stdout
    monkeypatch.setenv("OMP_WAIT_POLICY", "passive")
    assert "OMP_WAIT_POLICY=passive (as you have set)" in evalskip("doctor").stdout


@pytest.mark.alone
@pytest.mark.slow
def test_the_doctor_sees_a_busy_neighbour(evalskip: Callable[..., Any]) -> None:
    neighbour = multiprocessing.Process(target=_spin)
    neighbour.start()
    try:
        ended = evalskip("doctor")
    finally:
        neighbour.terminate()
    assert "fix  neighbours: 1" in ended.stdout or "fix  neighbours: 0.9" in ended.stdout
    assert "stop them while measuring" in ended.stdout
