"""What one session says, as figures with their errors."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict
from scipy import special

from evalskip.analysis.intervals import groups_of
from evalskip.gate import kinds
from evalskip.spec import OFF, OFF_AGAIN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from evalskip.gate.kinds import Kind
    from evalskip.summary import Interval, Summary

_MARK, _STEP = "test_mark_of_a_step", "test_train_step"
# the largest batch is known to a row, without a doubt
_CERTAIN = 1000
# of the runs
_FEW = 0.25


class Figure(BaseModel):
    """One figure of one session."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    kind: str
    of: str
    """The arm, or what else it is a figure of."""
    value: float
    error: float
    """Standard error, on the scale of the kind."""
    degrees: float
    """Of freedom, of the error."""

    @property
    def id(self) -> str:
        """Names the figure in every session."""
        return f"{self.kind} {self.of}"


def figures_of(summary: Summary, benchmark: Mapping[str, Any] | None = None) -> list[Figure]:
    """All that a gate can compare of a result.

    Args:
        summary: of the session.
        benchmark: what pytest-benchmark measured beside it.
    """
    found = [*_gains(summary), *_headroom(summary), *_costs(summary)]
    if benchmark is not None:
        found += _instrumentation(benchmark)
    return found


def _gains(summary: Summary) -> Iterator[Figure]:
    for comparison in summary.comparisons:
        if comparison.estimator == "matched_steps_plus_hidden_cost":
            yield from _of_interval(
                kinds.THROUGHPUT_GAIN,
                comparison.arm,
                comparison.throughput_gain,
                comparison.blocks,
            )
        elif comparison.estimator == "matched_steps":
            # without the hidden cost, what is saved is what evaluation takes of T
            yield from _of_interval(
                kinds.EVALUATION_SHARE, comparison.arm, comparison.time_saved, comparison.blocks
            )


def _headroom(summary: Summary) -> Iterator[Figure]:
    off = next((found for found in summary.headroom if found.arm == OFF), None)
    for found in summary.headroom:
        if off is not None and found.arm not in (OFF, OFF_AGAIN):
            rows = max(1, found.max_batch)
            yield Figure(
                kind=kinds.HEADROOM.name,
                of=found.arm,
                value=off.max_batch / rows - 1,
                error=off.max_batch / rows**2,
                degrees=_CERTAIN,
            )


def _costs(summary: Summary) -> Iterator[Figure]:
    if cost := summary.effort.fixed_cost:
        yield from _of_interval(kinds.FIXED_COST, "run", cost, summary.effort.blocks)
    off = summary.arms.get(OFF)
    if off and off.undisturbed_s and _is_quiet(summary):
        yield from _of_interval(kinds.UNDISTURBED_TIME, OFF, off.undisturbed_s, off.runs)


def _is_quiet(summary: Summary) -> bool:
    """Whether absolute times say something: hardly any run was robbed of what it needed."""
    counts = [(arm.contaminated, arm.runs) for arm in summary.arms.values()]
    runs = sum(total for _, total in counts)
    flagged = sum(count for count, _ in counts if count is not None)
    return all(count is not None for count, _ in counts) and flagged <= _FEW * runs


def _instrumentation(benchmark: Mapping[str, Any]) -> Iterator[Figure]:
    """The mark of a step over a step, from the suite of ``bench/``."""
    stats = {each["name"]: each["stats"] for each in benchmark["benchmarks"]}
    if _MARK not in stats or _STEP not in stats:
        return
    mark, step = stats[_MARK], stats[_STEP]
    value = mark["median"] / step["median"]
    # of a median, where noise is about normal
    relative = [
        1.2533 * each["iqr"] / 1.349 / math.sqrt(each["rounds"]) / each["median"]
        for each in (mark, step)
    ]
    yield Figure(
        kind=kinds.INSTRUMENTATION.name,
        of="probe",
        value=value,
        error=value * math.hypot(*relative),
        degrees=min(mark["rounds"], step["rounds"]) - 1,
    )


def _of_interval(kind: Kind, of: str, interval: Interval, blocks: int) -> Iterator[Figure]:
    """The standard error that a jackknife-t interval was made from, widening included."""
    if interval.low is None or interval.high is None:
        return
    degrees = groups_of(blocks) - 1
    reach = (kind.scaled(interval.high) - kind.scaled(interval.low)) / 2
    error = reach / float(special.stdtrit(degrees, (1 + interval.level) / 2))
    yield Figure(kind=kind.name, of=of, value=interval.estimate, error=error, degrees=degrees)
