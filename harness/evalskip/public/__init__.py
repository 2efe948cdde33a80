"""What evaluation costs in public runs: figures read from the logs of others' jobs.

``map.json`` is made from ``results/reference/wild/runs.csv``, which names the source of every run,
by ``make wild``. Whoever asks for a range says which: no claim of anybody's stands here.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from collections.abc import Sequence

GroupId = Literal["mlperf_lora", "mlperf", "peft", "algoperf", "community"]
Unit = Literal["system", "experiment", "workload", "repository"]
EvaluationKind = Literal["loss", "metric", "generate"]


class _Public(BaseModel):
    """A part of the map; what it does not know is refused, and nothing of it changes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PublicGroup(_Public):
    """Public runs of one kind, and the share of their training time that evaluation took."""

    id: GroupId = Field(description="which kind")
    unit: Unit = Field(description="what one of the shares stands for")
    runs: int = Field(description="of this kind, those without a share included")
    shares: list[float] = Field(
        min_length=1,
        description="evaluation share as a fraction, one per unit: the median over its runs; "
        "ascending",
    )
    run_shares: dict[str, int] = Field(
        description="evaluation share as a fraction, to three decimals, and how many runs have it"
    )
    generates: bool | None = Field(
        description="whether evaluation generates; null: in some it does, or it is not known"
    )
    on_the_clock: bool = Field(description="whether evaluation counts in the result of the runs")
    sources: list[str] = Field(description="where the logs are public")

    def quantile(self, q: float) -> float:
        """Return the share that a fraction ``q`` of the units lies below."""
        return quantile(self.shares, q)

    def counted(self, low: float, high: float, by_run: bool) -> tuple[int, int, int]:
        """Count the shares below, inside and above a range, its limits being inside.

        Args:
            low: evaluation share as a fraction.
            high: the same, not below ``low``.
            by_run: each run counts, with its share to three decimals; otherwise each unit.
        """
        weights = (
            [(float(share), runs) for share, runs in self.run_shares.items()]
            if by_run
            else [(share, 1) for share in self.shares]
        )
        below = sum(weight for share, weight in weights if share < low)
        above = sum(weight for share, weight in weights if share > high)
        return below, sum(weight for _, weight in weights) - below - above, above


class SampleCost(_Public):
    """What a trained sample costs in the runs of one public repository, in evaluated ones."""

    repository: str = Field(description="owner and name")
    kind: EvaluationKind = Field(
        description="what its evaluation does: the loss alone, a metric as well, or generation"
    )
    runs: int = Field(description="of this repository and kind")
    train_over_evaluation: float = Field(
        description="seconds per trained sample over seconds per evaluated one; median over the "
        "runs"
    )


class StoppedLater(_Public):
    """Runs that stop at a target, as if they made one evaluation in so many: replays."""

    every: int = Field(description="evaluations of which one is made")
    runs: int = Field(description="distinct ones")
    longer: float = Field(
        description="until they stop, as a part of what they took; median over runs, each the mean "
        "over where it may begin"
    )
    later: float = Field(description="part of the runs that stop later")


class KeptWorse(_Public):
    """Runs of public repositories, as if they made one evaluation in so many: replays."""

    every: int = Field(description="evaluations of which one is made")
    repositories: int = Field(description="whose runs have enough of them")
    lost: float = Field(
        description="by how much what is kept is worse than the best, as a part of what training "
        "gained; median over repositories, each the median of its runs"
    )
    none: int = Field(description="repositories that lose nothing")


class PublicMap(_Public):
    """What evaluation costs in public runs, by kind of run."""

    runs: int = Field(description="all that were read, of every kind")
    groups: list[PublicGroup] = Field(description="kinds of runs")
    costs: list[SampleCost] = Field(description="of repositories whose logs tell")
    stopped_later: list[StoppedLater] = Field(
        default=[], description="of MLPerf's LoRA runs, the densest first"
    )
    kept_worse: list[KeptWorse] = Field(
        default=[],
        description="of repositories whose runs were not stopped by evaluations, the densest first",
    )

    def group(self, name: GroupId) -> PublicGroup:
        """Return the runs of one kind."""
        return next(group for group in self.groups if group.id == name)


def quantile(values: Sequence[float], q: float) -> float:
    """Return the value that a fraction ``q`` of a population is estimated to lie below.

    Of n values in order the k-th stands at k / (n + 1), as in ``statistics.quantiles``; between
    two it is interpolated, and beyond the outermost ones it is theirs.
    """
    ordered = sorted(values)
    if not ordered or not 0 <= q <= 1:
        raise ValueError("expected values, and a q from 0 to 1")
    places = [(k / (len(ordered) + 1), value) for k, value in enumerate(ordered, start=1)]
    for (low, below), (high, above) in pairwise(places):
        if low <= q <= high:
            return min(above, below + (above - below) * (q - low) / (high - low))
    return ordered[0] if q < places[0][0] else ordered[-1]


@cache
def public_map() -> PublicMap:
    """Return the map that this package ships."""
    return PublicMap.model_validate_json(files(__package__).joinpath("map.json").read_bytes())
