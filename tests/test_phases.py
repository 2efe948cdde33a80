"""The recorder: phases never overlap, and everything sums to T to the last nanosecond."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalskip.probe.clocks import CudaClock, HostClock
from evalskip.probe.measured import PHASES
from evalskip.probe.memory import train_peaks
from evalskip.probe.phases import PhaseRecorder


class Time:
    """A clock that moves only when told to."""

    def __init__(self) -> None:
        self.ns = 10**12

    def now(self) -> int:
        return self.ns

    def pass_(self, ns: int) -> None:
        self.ns += ns


durations = st.integers(0, 10**9)
events = st.lists(
    st.tuples(
        st.sampled_from(["step", "save", "log", "evaluate", "predict", "collective"]),
        durations,
        durations,
    ),
    max_size=30,
)


@given(events, durations, durations)
def test_whatever_happens_the_parts_sum_to_t(
    happenings: list[tuple[str, int, int]], before: int, after: int
) -> None:
    time = Time()
    recorder = PhaseRecorder(HostClock(time.now))
    began = time.ns
    recorder.start()
    time.pass_(before)
    recorder.enter_loop()
    waited = 0
    for kind, one, two in happenings:
        time.pass_(one)
        if kind == "step":
            recorder.step_done()
        elif kind == "collective":
            recorder.collective_begins()
            time.pass_(two)
            recorder.collective_done()
            waited += two
        elif kind == "predict":
            recorder.loader_ready()
            time.pass_(two)
            recorder.batch_done()
        elif kind == "evaluate":
            with recorder.phase("evaluate"):
                recorder.loader_ready()
                recorder.batch_begins(4, 40)
                time.pass_(two)
                recorder.batch_done()
                recorder.collective_begins()
                time.pass_(two)
                recorder.collective_done()
                waited += two
                with recorder.phase("log"):
                    time.pass_(one)
        else:
            with recorder.phase(kind):
                time.pass_(two)
    time.pass_(after)
    timeline = recorder.stop()
    assert timeline.wall_ns == time.ns - began
    assert sum(timeline.phases_ns().values()) == timeline.wall_ns
    assert set(timeline.phases_ns()) == set(PHASES)
    assert timeline.phases_ns()["wait"] == waited
    assert min(timeline.phases_ns().values()) >= 0
    assert len(timeline.steps_ns) == sum(kind == "step" for kind, _, _ in happenings)
    assert len(timeline.evaluations) == sum(kind == "evaluate" for kind, _, _ in happenings)
    assert timeline.steps_end_ns == sorted(timeline.steps_end_ns)


def test_waiting_for_data_belongs_to_the_step_and_evaluation_does_not() -> None:
    time = Time()
    recorder = PhaseRecorder(HostClock(time.now))
    recorder.start()
    recorder.enter_loop()
    time.pass_(3)  # waiting for the first batch
    time.pass_(10)
    recorder.step_done()
    time.pass_(1)
    with recorder.phase("evaluate"):
        time.pass_(5)
        recorder.loader_ready()
        recorder.batch_begins(8, 80)
        time.pass_(20)
        recorder.batch_done()
        recorder.batch_begins(3, 30)
        time.pass_(9)
        recorder.batch_done()
        time.pass_(2)
        with recorder.phase("log"):
            time.pass_(7)
        time.pass_(1)
    time.pass_(4)
    time.pass_(10)
    recorder.step_done()
    time.pass_(6)
    timeline = recorder.stop()
    assert timeline.steps_ns == [13, 15]
    (evaluation,) = timeline.evaluations
    assert evaluation.loader_ns == 5
    assert evaluation.batches_ns == [20, 9]
    assert evaluation.aggregation_ns == 3
    assert (evaluation.samples, evaluation.tokens, evaluation.after_step) == (11, 110, 1)
    assert (evaluation.log_ns, timeline.logs_ns) == (7, [])
    assert timeline.phases_ns()["log"] == 7
    assert timeline.after_loop_ns == 6


def test_reading_memory_stops_the_clock() -> None:
    time = Time()

    class SlowMeter:
        def reset(self) -> None:
            time.pass_(1000)

        def read(self) -> dict[str, int]:
            time.pass_(2000)
            return {"resident": 1}

    recorder = PhaseRecorder(HostClock(time.now), SlowMeter())
    recorder.start()
    recorder.enter_loop()
    time.pass_(10)
    recorder.step_done()
    with recorder.phase("evaluate"):
        time.pass_(5)
    timeline = recorder.stop()
    assert timeline.wall_ns == 15
    assert timeline.phases_ns()["train"] == 10
    assert timeline.metering_ns > 0
    assert [stretch["phase"] for stretch in timeline.peaks] == [
        "other",
        "train",
        "evaluate",
        "train",
    ]


@pytest.mark.parametrize(("steps_after", "expected"), [(1, 30), (0, None)])
def test_a_peak_after_evaluation_is_of_a_step_that_follows_it(
    steps_after: int, expected: int | None
) -> None:
    readings = iter([5, 40, 60, 30])  # of what is before training, a step, evaluation, what follows

    class Meter:
        def reset(self) -> None:
            pass

        def read(self) -> dict[str, int]:
            return {"allocated": next(readings, 10)}

    recorder = PhaseRecorder(HostClock(Time().now), Meter())
    recorder.start()
    recorder.enter_loop()
    recorder.step_done()
    with recorder.phase("evaluate"):
        pass
    for _ in range(steps_after):
        recorder.step_done()
    with recorder.phase("log"):
        pass
    after = train_peaks(recorder.stop().peaks).get("after_evaluation", {})
    assert after.get("allocated") == expected


def test_an_open_phase_at_the_end_is_an_error() -> None:
    recorder = PhaseRecorder(HostClock())
    recorder.start()
    phase = recorder.phase("evaluate")
    phase.__enter__()
    with pytest.raises(RuntimeError, match="evaluate is still open"):
        recorder.stop()


class FakeCuda:
    """A device that works through what was submitted to it, later than the host submits it."""

    def __init__(self, time: Time) -> None:
        self.time = time
        self.done_at = time.ns
        self.synchronisations = 0

    def submit(self, ns: int) -> None:
        self.done_at = max(self.done_at, self.time.ns) + ns

    def current_stream(self) -> FakeCuda:
        return self

    def synchronize(self) -> None:
        self.synchronisations += 1
        self.time.ns = max(self.time.ns, self.done_at)

    def Event(self, enable_timing: bool) -> Any:  # noqa: N802
        assert enable_timing
        device = self

        class Event:
            def record(self) -> None:
                self.at = max(device.done_at, device.time.ns)

            def elapsed_time(self, other: Event) -> float:
                return (other.at - self.at) / 1e6

        return Event()


def test_on_cuda_steps_are_the_devices_and_only_boundaries_synchronise() -> None:
    time = Time()
    cuda = FakeCuda(time)
    recorder = PhaseRecorder(CudaClock(cuda, time.now))
    recorder.start()
    recorder.enter_loop()
    boundaries = cuda.synchronisations
    for work in (5_000_000, 7_000_000, 6_000_000):
        time.pass_(1_000)  # the host only submits
        cuda.submit(work)
        recorder.step_done()
    assert cuda.synchronisations == boundaries
    with recorder.phase("evaluate"):
        recorder.loader_ready()
        recorder.batch_begins(1, 1)
        time.pass_(1_000)
        cuda.submit(2_000_000)
        recorder.batch_done()
    timeline = recorder.stop()
    assert timeline.steps_ns == [5_001_000, 7_000_000, 6_000_000]
    assert timeline.evaluations[0].batches_ns == [2_001_000]
    assert sum(timeline.phases_ns().values()) == timeline.wall_ns
