"""The schema of ``summary.json``, on which reports, gates and other tools rely.

Durations are seconds, memory is bytes, shares and gains are fractions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from filelock import FileLock
from pydantic import Field, model_validator

from evalskip.files import read_json, write_atomically
from evalskip.notes import Note
from evalskip.summary.claims import Claim, Observation, Source, SpeedPoint
from evalskip.summary.headroom import BoundBy, Headroom
from evalskip.summary.memory import PeakDifference, quantity_of
from evalskip.summary.parts import Interval, Part, Scope, Verdict
from evalskip.summary.prediction import (
    CostModel,
    JobSize,
    PieceCosts,
    PilotSummary,
    Prediction,
    Recommendation,
)
from evalskip.summary.regret import RegretSummary, ScheduleRegret
from evalskip.summary.timing import (
    Agreement,
    ArmSummary,
    Comparison,
    Differing,
    Effort,
    Estimator,
    Extrapolated,
    Matched,
    RankSummary,
    RunActivity,
    SetSummary,
    StepAround,
    headline_of,
)

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "Agreement",
    "ArmSummary",
    "BoundBy",
    "Claim",
    "Comparison",
    "CostModel",
    "Differing",
    "Effort",
    "Estimator",
    "Extrapolated",
    "Headroom",
    "Interval",
    "JobSize",
    "Matched",
    "Observation",
    "PeakDifference",
    "PieceCosts",
    "PilotSummary",
    "Prediction",
    "RankSummary",
    "Recommendation",
    "RegretSummary",
    "RunActivity",
    "ScheduleRegret",
    "Scope",
    "SetSummary",
    "Source",
    "SpeedPoint",
    "StepAround",
    "Summary",
    "Verdict",
    "headline_of",
    "quantity_of",
    "read_summary",
    "write_sections",
]

FILE_NAME = "summary.json"


class Summary(Part):
    """All that was found, by whichever command found it."""

    schema_version: Literal[2] = Field(default=2, description="of this file")
    name: str = Field(description="of the result")
    scope: Scope
    machine: dict[str, Any] = Field(default={}, description="processor, cores, memory, devices")
    effort: Effort
    claimed_gain: tuple[float, float] | None = Field(
        default=None, description="the range that verdicts on gains are on; null: none is judged"
    )
    matched: Matched
    extrapolated: Extrapolated | None = Field(
        default=None, description="null: the job was run whole"
    )
    arms: dict[str, ArmSummary]
    comparisons: list[Comparison]
    noise_floor: Interval | None
    activity: list[RunActivity] = Field(default=[], description="of timed runs, in their order")
    peak_differences: list[PeakDifference] = Field(
        default=[], description="of each arm that evaluates, where memory was metered"
    )
    headroom: list[Headroom] = Field(default=[])
    pilot: PilotSummary | None = None
    cost_models: list[CostModel] = Field(default=[], description="one per kind of evaluation")
    predictions: list[Prediction] = Field(default=[])
    recommendations: list[Recommendation] = Field(default=[])
    closing_evaluations: int = Field(
        default=0,
        description="that the job's own program adds after training wherever it evaluates",
    )
    regret: list[RegretSummary] = Field(default=[])
    claims: list[Claim] = Field(default=[])
    sources: list[Source] = Field(
        default=[], description="where this is a ledger: the results that its claims rest on"
    )
    observations: list[Observation] = Field(default=[])
    changes: list[Note] = Field(
        default=[],
        description="what was changed of the user's configuration to make arms comparable",
    )
    warnings: list[Note] = Field(description="what to know before the figures are relied on")

    @model_validator(mode="after")
    def _compares_its_arms(self) -> Summary:
        for comparison in self.comparisons:
            for name in (comparison.arm, comparison.against):
                if name not in self.arms:
                    raise ValueError(f"comparisons: {name} is none of its arms")
        return self

    @classmethod
    def of_nothing(
        cls, name: str, scope: Scope, machine: dict[str, Any], effort: Effort
    ) -> Summary:
        """A summary that other sections are yet to be put into."""
        return cls(
            name=name,
            scope=scope,
            machine=machine,
            effort=effort,
            matched=Matched(proven=False, same_work=False, same_result=False, blocks=0),
            arms={},
            comparisons=[],
            noise_floor=None,
            warnings=[],
        )

    def judged(self) -> list[Comparison]:
        """Comparisons that a claim of speed is judged at, by evaluation load."""
        found = [each for each in self.comparisons if each.verdict is not None]
        return sorted(found, key=lambda each: self.arms[each.arm].evaluation_load)

    def headline(self, arm: str) -> Comparison | None:
        """The comparison that an arm's figure is taken from; see :func:`headline_of`."""
        return headline_of(self.comparisons, arm)

    def compared(self, arm: str, estimator: Estimator) -> Comparison | None:
        """The comparison of an arm with off by one estimator, if there is one."""
        for comparison in self.comparisons:
            if (comparison.arm, comparison.estimator) == (arm, estimator):
                return comparison
        return None


def read_summary(directory: Path) -> Summary:
    """Read a result directory's summary.

    Raises:
        InputError: there is none, or it is of another schema.
    """
    return read_json(
        directory / FILE_NAME, Summary, "schema_version 2", if_missing="a result directory"
    )


def write_sections(directory: Path, summary: Summary, sections: set[str]) -> Summary:
    """Replace the named sections of the summary on disk, atomically and under a lock.

    What other commands have found there stays; of the claims, those that they have judged.
    """
    path = directory / FILE_NAME
    with FileLock(directory / f".{FILE_NAME}.lock"):
        if path.exists():
            found = read_summary(directory)
            replaced = {name: getattr(summary, name) for name in sections}
            if "claims" in sections:
                judged = {claim.id: claim for claim in summary.claims}
                known = [judged.pop(claim.id, claim) for claim in found.claims]
                replaced["claims"] = [*known, *judged.values()]
            summary = found.model_copy(update=replaced)
        write_atomically(path, summary.model_dump_json(indent=2) + "\n")
    return summary
