"""What one session says, as figures with their errors."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, model_validator
from scipy import special

from evalskip.gate import kinds
from evalskip.gate.kinds import KINDS
from evalskip.spec import OFF
from evalskip.summary import quantity_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalskip.gate.kinds import FigureKind
    from evalskip.summary import BenchSummary, HeadroomSummary, Interval, Summary

_MARK, _STEP = "test_mark_of_a_step", "test_train_step"
# what is counted, not timed, is known without a doubt
_CERTAIN = 1000
# of the runs
_FEW = 0.25


class Figure(BaseModel):
    """One figure of one session."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    kind: str
    subject: str
    """The arm, or what else it is a figure of."""
    value: float
    error: float = Field(ge=0, description="standard error, on the scale of the kind")
    degrees: float = Field(ge=1, description="of freedom, of the error")
    low: float | None = Field(
        default=None, description="limit of the interval that the report has; null: it has none"
    )
    high: float | None = Field(default=None, description="limit of the same")
    level: float | None = Field(default=None, description="of the same")
    grain: float = Field(
        default=0.0, ge=0, description="a change up to here may be rounding, on the same scale"
    )

    @model_validator(mode="after")
    def _is_of_its_kind(self) -> Figure:
        if self.kind not in KINDS:
            raise ValueError(f"kind: expected one of {', '.join(KINDS)}, got {self.kind}")
        if KINDS[self.kind].scale == "relative" and self.value <= 0:
            raise ValueError(f"value: expected one above 0, got {self.value:g}")
        return self

    @property
    def id(self) -> str:
        """Names the figure in every session."""
        return f"{self.kind} {self.subject}"


class _Stats(BaseModel):
    median: float = Field(gt=0, allow_inf_nan=False)
    iqr: float = Field(ge=0, allow_inf_nan=False)
    rounds: int = Field(ge=1)


class _Timed(BaseModel):
    name: str
    stats: _Stats


class Benchmark(BaseModel):
    """What is read of the JSON of pytest-benchmark."""

    benchmarks: list[_Timed]


def figures_of(summary: Summary, benchmark: Benchmark | None = None) -> list[Figure]:
    """All that a gate can compare of a result.

    Args:
        summary: of the session.
        benchmark: what pytest-benchmark measured beside it.
    """
    bench = summary.bench
    figures = [*_gains(bench), *_peaks(bench), *_costs(bench)] if bench else []
    if summary.headroom:
        figures += _headroom(summary.headroom)
    if benchmark is not None:
        figures += _instrumentation(benchmark)
    return figures


def _gains(bench: BenchSummary) -> Iterator[Figure]:
    for comparison in bench.comparisons:
        if comparison.estimator == "matched":
            yield from _of_interval(
                kinds.THROUGHPUT_GAIN, comparison.arm, comparison.throughput_gain
            )
        elif comparison.estimator == "attributed":
            # without an after-effect, what is saved is what evaluation takes of T
            yield from _of_interval(kinds.EVALUATION_SHARE, comparison.arm, comparison.time_saved)


def _peaks(bench: BenchSummary) -> Iterator[Figure]:
    """The highest of any phase, of each arm whose memory was metered."""
    for name, arm in bench.arms.items():
        peaks = [
            peak[quantity]
            for peak in arm.peak_bytes.values()
            if (quantity := quantity_of(peak)) is not None
        ]
        if peaks:
            yield Figure(
                kind=kinds.PEAK_MEMORY.name,
                subject=name,
                value=max(peaks),
                error=0,
                degrees=_CERTAIN,
            )


def _headroom(headroom: HeadroomSummary) -> Iterator[Figure]:
    """Known exactly; a sample more on each side, so that 0 has a log."""
    off = headroom.off
    for arm_headroom in headroom.evaluating:
        if off is not None:
            without, batch = off.max_batch + 1, arm_headroom.max_batch + 1
            yield Figure(
                kind=kinds.HEADROOM.name,
                subject=f"{arm_headroom.arm}, {arm_headroom.limit_bytes / 2**30:.4g} GiB",
                value=without / batch,
                error=0,
                degrees=_CERTAIN,
                grain=math.log1p(1 / without) + math.log1p(1 / batch),
            )


def _costs(bench: BenchSummary) -> Iterator[Figure]:
    if not _is_quiet(bench):
        return
    # forks and files are not slowed by what slows arithmetic
    if cost := bench.effort.fixed_cost:
        yield from _of_interval(kinds.FIXED_COST, "run", cost)
    off = bench.arms.get(OFF)
    if off and off.undisturbed_s:
        yield from _of_interval(kinds.UNDISTURBED_TIME, OFF, off.undisturbed_s)


def _is_quiet(bench: BenchSummary) -> bool:
    """Whether what is not compared within runs says something: hardly any run was robbed."""
    counts = [(arm.disturbed, arm.runs) for arm in bench.arms.values()]
    runs = sum(total for _, total in counts)
    flagged = sum(count for count, _ in counts if count is not None)
    return all(count is not None for count, _ in counts) and flagged <= _FEW * runs


def _instrumentation(benchmark: Benchmark) -> Iterator[Figure]:
    """The mark of a step over a step, from the suite of ``bench/``."""
    stats = {each.name: each.stats for each in benchmark.benchmarks}
    if _MARK not in stats or _STEP not in stats:
        return
    mark, step = stats[_MARK], stats[_STEP]
    # of a median, where noise is about normal
    relative = [
        1.2533 * each.iqr / 1.349 / math.sqrt(each.rounds) / each.median for each in (mark, step)
    ]
    yield Figure(
        kind=kinds.INSTRUMENTATION.name,
        subject="probe",
        value=mark.median / step.median,
        error=math.hypot(*relative),
        degrees=max(1, min(mark.rounds, step.rounds) - 1),
    )


def _of_interval(kind: FigureKind, subject: str, interval: Interval) -> Iterator[Figure]:
    """The standard error that a jackknife-t interval was made from, widening included."""
    if interval.low is None or interval.high is None or interval.degrees is None:
        return
    half_width = (kind.scaled(interval.high) - kind.scaled(interval.low)) / 2
    error = half_width / float(special.stdtrit(interval.degrees, (1 + interval.level) / 2))
    yield Figure(
        kind=kind.name,
        subject=subject,
        value=interval.estimate,
        error=error,
        degrees=interval.degrees,
        low=interval.low,
        high=interval.high,
        level=interval.level,
    )
