"""What the harness itself costs, and the two pieces of work that it compares.

Run by ``make bench`` into ``benchmark.json``; thresholds are for gates, not for here.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from evalskip.analysis.frames import frame_of
from evalskip.jobs import RunId, RunRequest
from evalskip.jobs.transformers.training import model_config
from evalskip.plan import plan
from evalskip.probe.clocks import HostClock
from evalskip.probe.digests import batch_digest
from evalskip.probe.measured import Timeline
from evalskip.probe.phases import PhaseRecorder
from evalskip.probe.random_state import random_state_preserved
from evalskip.records import SCHEMA, RecordStore, RunRecord, Steps
from evalskip.schedules import Off
from evalskip.spec import load_spec

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_benchmark.fixture import BenchmarkFixture

QUICK = Path(__file__).with_name("quick.yaml")


@pytest.fixture(scope="module")
def training() -> tuple[Any, dict[str, torch.Tensor], Callable[[], None]]:
    """The model of ``quick.yaml``, one of its batches, and a whole step on it."""
    job = load_spec(QUICK).job
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(model_config(job))
    optimizer = torch.optim.AdamW(model.parameters())
    ids = torch.randint(0, job.data.vocabulary, (job.train_batch, job.data.length))
    batch = {"input_ids": ids, "labels": ids.clone()}

    def step() -> None:
        model.train()
        model(**batch).loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    return model, batch, step


@pytest.fixture
def recorder() -> PhaseRecorder:
    started = PhaseRecorder(HostClock())
    started.start()
    started.enter_loop()
    return started


def record(index: int = 0) -> RunRecord:
    return RunRecord(
        schema_version=SCHEMA,
        experiment="bench",
        request=RunRequest(
            id=RunId(purpose="time", block=index),
            arm="off",
            schedule=Off(),
            evaluation_samples=None,
            measure="time",
            seed=0,
        ),
        status="ok",
        started_at="2026-01-01T00:00:00+00:00",
        turnaround_ns=10**9,
        wall_ns=10**9,
        phases_ns={"train": 10**9},
    )


@pytest.mark.benchmark(group="the work")
def test_train_step(benchmark: BenchmarkFixture, training: Any) -> None:
    benchmark.pedantic(training[2], rounds=40, warmup_rounds=5)


@pytest.mark.benchmark(group="the work")
def test_evaluation_batch(benchmark: BenchmarkFixture, training: Any) -> None:
    model, batch, _ = training

    def evaluate() -> None:
        model.eval()
        with torch.no_grad():
            model(**batch)

    benchmark.pedantic(evaluate, rounds=40, warmup_rounds=5)


@pytest.mark.benchmark(group="the probe")
def test_mark_of_a_step(benchmark: BenchmarkFixture, recorder: PhaseRecorder) -> None:
    benchmark.pedantic(recorder.step_done, rounds=30, iterations=100)


@pytest.mark.benchmark(group="the probe")
def test_phase_entered_and_left(benchmark: BenchmarkFixture, recorder: PhaseRecorder) -> None:
    def phase() -> None:
        with recorder.phase("log"):
            pass

    benchmark.pedantic(phase, rounds=30, iterations=100)


@pytest.mark.benchmark(group="the probe")
def test_random_state_kept(benchmark: BenchmarkFixture) -> None:
    def keep() -> None:
        with random_state_preserved():
            pass

    benchmark.pedantic(keep, rounds=30, iterations=30)


@pytest.mark.benchmark(group="after T")
def test_digest_of_a_batch(benchmark: BenchmarkFixture, training: Any) -> None:
    benchmark.pedantic(batch_digest, args=(training[1],), rounds=30, iterations=20)


@pytest.mark.benchmark(group="the harness")
def test_record_on_disk(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    store = RecordStore(tmp_path)
    steps = Steps(timeline=Timeline(), losses=[0.0] * 100, batch_digests=[], activity=[])
    benchmark.pedantic(store.append, args=(record(), steps), rounds=50)


@pytest.mark.benchmark(group="the harness")
def test_plan(benchmark: BenchmarkFixture) -> None:
    benchmark.pedantic(plan, args=(load_spec(QUICK),), rounds=20, warmup_rounds=1)


@pytest.mark.benchmark(group="the harness")
def test_table_of_a_thousand_runs(benchmark: BenchmarkFixture) -> None:
    records = [record(index) for index in range(1000)]
    benchmark.pedantic(frame_of, args=(records,), rounds=10, warmup_rounds=1)
