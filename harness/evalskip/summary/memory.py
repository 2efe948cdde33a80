"""By how much evaluation raises peaks of memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from evalskip.summary.parts import Interval, Part, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

_QUANTITIES = ("allocated", "resident")


def quantity_of(peaks: Mapping[str, int]) -> str | None:
    """What is compared of a phase's peaks: allocated on a device, the resident set on a CPU."""
    return next((quantity for quantity in _QUANTITIES if quantity in peaks), None)


class PeakDifference(Part):
    """The peaks of an arm's runs less those of runs without evaluation."""

    arm: str = Field(description="that evaluates")
    what: Literal["peak", "after_evaluation"] = Field(
        description="peak: the highest of any phase; after_evaluation: that of train steps after "
        "the first evaluation, against those of runs without any"
    )
    runs: int = Field(description="of the arm, or without evaluation: whichever are fewer")
    off_bytes: float = Field(description="mean of the runs without evaluation")
    difference: Interval = Field(description="of means, in bytes")
    material_bytes: float = Field(description="what the difference must exceed to matter")
    verdict: Verdict = Field(
        description="supported: it surely exceeds that; refuted: it surely does not; inconclusive: "
        "neither is sure, or fewer than three runs were metered"
    )
