"""What a job should do about evaluation."""

from __future__ import annotations

from pydantic import Field

from evalskip.notes import Note
from evalskip.summary.parts import Interval, Part


class Recommendation(Part):
    """The densest schedule within a share of T."""

    evaluation: list[Note | str] = Field(description="which evaluation: its samples and settings")
    within: float = Field(description="the share that evaluation may have")
    stops: bool = Field(
        default=False,
        description="made so that training stops soonest, whatever share evaluation then has",
    )
    every_steps: int | None = Field(description="null: at most one evaluation fits, at the end")
    evaluations: int = Field(description="of a run, as recommended")
    share: Interval = Field(description="that they take of the training time")
    advice: Note = Field(description="in a note")
    lines: dict[str, list[str | Note]] = Field(description="to paste, by where they go")
