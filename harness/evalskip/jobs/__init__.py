"""What is trained. One kind of job per file or folder; each is found by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.jobs.base import (
    BaseJob,
    CurveRequest,
    Keeping,
    Measure,
    Purpose,
    RunId,
    RunRequest,
    TrialRequest,
)
from evalskip.registry import union

if TYPE_CHECKING:
    Job = BaseJob
else:
    Job = union(__name__, __path__, BaseJob, "kind")
    """Any job; its field ``kind`` says which."""

__all__ = [
    "BaseJob",
    "CurveRequest",
    "Job",
    "Keeping",
    "Measure",
    "Purpose",
    "RunId",
    "RunRequest",
    "TrialRequest",
]
