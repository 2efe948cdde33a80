"""What a job should do about evaluation."""

from __future__ import annotations

from pydantic import Field

from evalskip.notes import Note
from evalskip.summary.parts import Interval, Part


class Recommendation(Part):
    """The densest schedule within a share of T."""

    evaluation: list[Note | str]
    within: float = Field(description="the share that evaluation may have")
    every_steps: int | None = Field(description="null: at most one evaluation fits, at the end")
    evaluations: int
    share: Interval
    advice: Note
    lines: dict[str, list[str | Note]] = Field(description="to paste, by where they go")
