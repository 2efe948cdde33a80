"""Noise is judged from what others cost, blind to arm and duration."""

from __future__ import annotations

import json
import multiprocessing
import os
from typing import TYPE_CHECKING, Any

import pytest

from evalskip.machine.contamination import is_contaminated
from evalskip.machine.steadying import steadying
from evalskip.records import RecordStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def samples(others: list[float], steal: float = 0.0) -> list[list[float]]:
    return [[second + 1.0, 1.9, steal, 1.9 - busy, 0.5] for second, busy in enumerate(others)]


@pytest.mark.parametrize(
    ("rows", "flag"),
    [
        ([], None),
        ([[0.05, 1.0, 0.0, 0.0, 0.0]], None),  # too short to judge: rounding
        (samples([0.01] * 10), False),
        (samples([0.9] * 10), True),
        (samples([0.0] * 19 + [0.9]), False),  # one second of twenty
        (samples([0.0] * 8 + [0.9] * 2), True),
        (samples([0.0] * 5, steal=0.3), True),
    ],
)
def test_a_run_is_judged_by_the_share_of_its_time(rows: Any, flag: bool | None) -> None:
    assert is_contaminated(rows) is flag


def test_twice_the_duration_is_judged_alike() -> None:
    for others in ([0.0] * 9 + [0.9] * 2, [0.0] * 19 + [0.9]):
        assert is_contaminated(samples(others)) == is_contaminated(samples(others * 2))


def test_a_throttled_gpu_counts() -> None:
    quiet = samples([0.0] * 4)
    assert is_contaminated(quiet, [{"throttle_reasons": 0x4}] * 4) is False
    assert is_contaminated(quiet, [{"throttle_reasons": 0x40}] * 4) is True


def _spin() -> None:
    while True:
        pass


@pytest.mark.alone
@pytest.mark.slow
def test_beside_a_busy_neighbour_blocks_are_flagged_and_repeated_at_most_twice(
    write_spec: Callable[..., Path], tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    spec = write_spec(
        job={"clock": "real", "epochs": 2, "costs": {"step": 0.05}},
        design={"looks": [2], "repeats": 2},
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
    records = RecordStore(tmp_path / "out").read()
    assert all(record.contaminated for record in records)
    assert {(r.block, r.attempt) for r in records} == {(b, a) for b in (1, 2) for a in (0, 1, 2)}
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    direct = [c for c in summary["comparisons"] if c["estimator"] == "direct"]
    assert all(c["blocks"] == 6 for c in direct)
    assert all(c["throughput_gain_uncontaminated"] is None for c in direct)
    assert any("timed runs are contaminated" in text for text in summary["warnings"])


def test_the_doctor_says_what_it_looked_at(evalskip: Callable[..., Any]) -> None:
    ended = evalskip("doctor")
    assert ended.returncode == 0
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
    assert ended.stdout.splitlines()[-1] in ("fit to measure on",) or "to mend" in ended.stdout


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


@pytest.mark.slow
def test_the_doctor_sees_a_busy_neighbour(evalskip: Callable[..., Any]) -> None:
    neighbour = multiprocessing.Process(target=_spin)
    neighbour.start()
    try:
        ended = evalskip("doctor")
    finally:
        neighbour.terminate()
    assert "mend neighbours: 1" in ended.stdout or "mend neighbours: 0.9" in ended.stdout
    assert "stop them while measuring" in ended.stdout
