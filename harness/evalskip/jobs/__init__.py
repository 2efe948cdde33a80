"""What is trained. One kind of job per file or folder; a new one is added to :data:`Job`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

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
from evalskip.jobs.command import CommandJob
from evalskip.jobs.llamafactory import LlamaFactoryJob
from evalskip.jobs.synthetic import SyntheticJob
from evalskip.jobs.transformers import TransformersJob

Job = Annotated[
    TransformersJob | LlamaFactoryJob | CommandJob | SyntheticJob, Field(discriminator="kind")
]
"""Any job; its field ``kind`` says which."""

__all__ = [
    "BaseJob",
    "CommandJob",
    "CurveRequest",
    "Job",
    "Keeping",
    "LlamaFactoryJob",
    "Measure",
    "Purpose",
    "RunId",
    "RunRequest",
    "SyntheticJob",
    "TransformersJob",
    "TrialRequest",
]
