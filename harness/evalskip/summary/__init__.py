"""The schema of ``summary.json``, on which reports, gates and other tools rely.

Durations are seconds, memory is bytes, shares and gains are fractions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from filelock import FileLock
from pydantic import Field

from evalskip.files import read_json, write_atomically
from evalskip.summary.audit import (
    AuditedRun,
    AuditSummary,
    EvaluationKind,
    Generates,
    LogSource,
    Missed,
    PublicPlace,
    ScheduleCost,
    SkippedEvaluations,
)
from evalskip.summary.bench import (
    Agreement,
    ArmSummary,
    BenchEffort,
    BenchSummary,
    ClaimedGain,
    Comparison,
    Differing,
    Estimator,
    Extrapolated,
    Matched,
    RankSummary,
    RunActivity,
    SetSummary,
    StepAround,
    headline_of,
)
from evalskip.summary.beside import BesideSummary
from evalskip.summary.claims import (
    Claim,
    ClaimsSummary,
    Observation,
    PublicGain,
    Source,
    SpeedPoint,
)
from evalskip.summary.headroom import BoundBy, Headroom, HeadroomSummary
from evalskip.summary.memory import PeakDifference, quantity_of
from evalskip.summary.parts import Effort, Interval, Made, Part, Scope, Verdict
from evalskip.summary.prediction import (
    CostModel,
    JobSize,
    PieceCosts,
    PilotSummary,
    Prediction,
    PredictionSummary,
)
from evalskip.summary.proven import LossesBeside, ProvenRemedies
from evalskip.summary.recommendation import Recommendation
from evalskip.summary.regret import LossPoint, RegretSummary, ScheduleRegret
from evalskip.summary.remedies import (
    LeftOut,
    RemediesSummary,
    Remedy,
    SubsetError,
    SubsetErrors,
)
from evalskip.summary.stopping import (
    Spacing,
    SpacingCost,
    SparserLook,
    StopCondition,
    Stopping,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from evalskip.notes import Note

__all__ = [
    "Agreement",
    "ArmSummary",
    "AuditSummary",
    "AuditedRun",
    "BenchEffort",
    "BenchSummary",
    "BesideSummary",
    "BoundBy",
    "Claim",
    "ClaimedGain",
    "ClaimsSummary",
    "Comparison",
    "CostModel",
    "Differing",
    "Effort",
    "Estimator",
    "EvaluationKind",
    "Extrapolated",
    "Generates",
    "Headroom",
    "HeadroomSummary",
    "Interval",
    "JobSize",
    "LeftOut",
    "LogSource",
    "LossPoint",
    "LossesBeside",
    "Made",
    "Matched",
    "Missed",
    "Observation",
    "PeakDifference",
    "PieceCosts",
    "PilotSummary",
    "Prediction",
    "PredictionSummary",
    "ProvenRemedies",
    "PublicGain",
    "PublicPlace",
    "RankSummary",
    "Recommendation",
    "RegretSummary",
    "RemediesSummary",
    "Remedy",
    "RunActivity",
    "ScheduleCost",
    "ScheduleRegret",
    "Scope",
    "SetSummary",
    "SkippedEvaluations",
    "Source",
    "Spacing",
    "SpacingCost",
    "SparserLook",
    "SpeedPoint",
    "StepAround",
    "StopCondition",
    "Stopping",
    "SubsetError",
    "SubsetErrors",
    "Summary",
    "Verdict",
    "headline_of",
    "quantity_of",
    "read_summary",
    "write_sections",
]

FILE_NAME = "summary.json"

_SECTIONS = ("bench", "headroom", "prediction", "regret", "audit", "claims")


class Summary(Part):
    """A result: what it is of, and one section for each question that was put."""

    schema_version: Literal[2] = Field(default=2, description="of this file")
    name: str = Field(description="of the result")
    made: Made
    scope: Scope
    bench: BenchSummary | None = Field(default=None, description="what evaluation costs")
    headroom: HeadroomSummary | None = Field(default=None, description="the largest batches")
    prediction: PredictionSummary | None = Field(
        default=None, description="what every schedule would cost"
    )
    regret: RegretSummary | None = Field(
        default=None, description="what sparser evaluation would have missed"
    )
    audit: AuditSummary | None = Field(
        default=None, description="what evaluation cost in runs that are over"
    )
    claims: ClaimsSummary | None = Field(default=None, description="what a study claims")

    def sections(
        self,
    ) -> Iterator[
        BenchSummary
        | HeadroomSummary
        | PredictionSummary
        | RegretSummary
        | AuditSummary
        | ClaimsSummary
    ]:
        """Those of the questions that were put."""
        yield from (section for name in _SECTIONS if (section := getattr(self, name)) is not None)

    def warnings(self) -> list[Note]:
        """What to know before any figure is relied on, section by section."""
        return [each for section in self.sections() for each in section.warnings]


def read_summary(directory: Path) -> Summary:
    """Read a result directory's summary.

    Raises:
        InputError: there is none, or it is of another schema.
    """
    return read_json(
        directory / FILE_NAME, Summary, "schema_version 2", if_missing="a result directory"
    )


def write_sections(directory: Path, summary: Summary) -> Summary:
    """Put the sections that a summary has into the one on disk, atomically and under a lock.

    Other sections, which other commands have put there, stay.
    """
    path = directory / FILE_NAME
    with FileLock(directory / f".{FILE_NAME}.lock"):
        if path.exists():
            stored_summary = read_summary(directory)
            others = {
                name: getattr(stored_summary, name)
                for name in _SECTIONS
                if not getattr(summary, name)
            }
            summary = summary.model_copy(update=others)
        write_atomically(path, summary.model_dump_json(indent=2) + "\n")
    return summary
