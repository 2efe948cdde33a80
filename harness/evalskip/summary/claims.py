"""Claims, their verdicts, and what they rest on."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from evalskip.summary.parts import Interval, Part, Verdict


class Claim(Part):
    """A published claim, judged."""

    id: str = Field(description="one word that names it")
    says: str = Field(description="what is claimed, in our words")
    verdict: Verdict
    scope: str = Field(description="what the verdict holds for")
    measured: str = Field(description="what it rests on, in words")
    condition: str = Field(description="on what condition it holds; empty: none")
    evidence: list[str] = Field(description="sections of this file, or runs, that it rests on")


class SpeedPoint(Part):
    """An arm of a result at which the claim of speed was judged."""

    arm: str
    evaluation_rows: int | None
    evaluation_load: float = Field(description="evaluated tokens / trained tokens")
    throughput_gain: Interval
    verdict: Verdict


class Source(Part):
    """A result whose verdicts stand in a ledger of several."""

    name: str
    scope: str = Field(description="what its first verdict holds for")
    claims: list[Claim]
    points: list[SpeedPoint] = Field(description="by evaluation load")


class Observation(Part):
    """What one real run, or the installed source, was seen to do."""

    what: str = Field(description="the question that it bears on")
    trainer: str = Field(description="whose behaviour, with its version")
    asked: dict[str, Any] = Field(description="settings by which it differs from other runs")
    seen: dict[str, Any]
