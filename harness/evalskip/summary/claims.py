"""Claims that a study judges, their verdicts, and what they rest on."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from evalskip.notes import Note
from evalskip.summary.parts import Effort, Interval, Part, Verdict


class Claim(Part):
    """A published claim, judged."""

    id: str = Field(description="one word that names it")
    statement: Note = Field(description="what is claimed")
    verdict: Verdict = Field(description="on the claim")
    scope: list[Note | str] = Field(description="what the verdict holds for; empty: nothing ran")
    measured: list[Note] = Field(description="what it rests on; empty: nothing was measured")
    condition: list[Note] = Field(default=[], description="on what condition it holds")
    evidence: list[Note | str] = Field(
        default=[], description="sections of a result, or runs, that it rests on"
    )


class SpeedPoint(Part):
    """An arm of a result at which a claimed gain was judged."""

    arm: str = Field(description="its name")
    evaluation_samples: int | None = Field(description="in one evaluation")
    evaluation_load: float = Field(description="evaluated tokens / trained tokens")
    throughput_gain: Interval = Field(description="T(arm) / T(off) - 1")
    verdict: Verdict = Field(description="on the claimed gain")


class Source(Part):
    """A result that claims of a ledger rest on."""

    name: str = Field(description="of the result")
    scope: list[Note | str] = Field(description="what its first verdict holds for")
    path: str = Field(default="", description="of its report, seen from this one; empty: not known")
    claims: list[Claim] = Field(description="as it judges them")
    points: list[SpeedPoint] = Field(description="by evaluation load")


class Observation(Part):
    """What one real run, or the installed source, was observed to do."""

    what: str = Field(description="the question that it bears on")
    trainer: str = Field(description="whose behaviour, with its version")
    settings: dict[str, Any] = Field(description="settings by which it differs from other runs")
    behaviour: dict[str, Any] = Field(description="what it was observed to do")


class PublicGain(Part):
    """How often the gain lies in a claimed range in public logs of one kind; no verdict."""

    kind: Note = Field(description="of runs, in a note")
    unit: Note = Field(description="what one of the shares stands for, in a note")
    runs: int = Field(description="that were read")
    units: int = Field(description="distinct ones, each with the median of its runs")
    low: float = Field(description="lower quartile of the evaluation share over units")
    median: float = Field(description="median of the evaluation share over units")
    high: float = Field(description="upper quartile of the evaluation share over units")
    by_gain: tuple[int, int, int] = Field(
        description="units below, inside and above the range, read as throughput gain"
    )
    by_time_saved: tuple[int, int, int] = Field(description="the same, read as time saved")
    runs_by_gain: tuple[int, int, int] = Field(description="runs, read as throughput gain")
    sources: list[str] = Field(description="where the logs are public")


class ClaimsSummary(Part):
    """Every claim of a study, over one or several results."""

    claims: list[Claim]
    study: Note | None = Field(default=None, description="who claims it; null: not known")
    answer: list[Note] = Field(default=[], description="the verdicts in short")
    claimed_gain: tuple[float, float] | None = Field(
        default=None, description="the range that points of its sources are judged on"
    )
    sources: list[Source] = Field(default=[], description="the results that its claims rest on")
    public: list[PublicGain] = Field(
        default=[], description="what logs of others say of the claimed gain, beside the verdicts"
    )
    public_beside: dict[str, list[Note]] = Field(
        default={}, description="the same of single claims, by their id, in notes"
    )
    observations: list[Observation] = Field(
        default=[], description="what real runs were made to find out"
    )
    timed_blocks: int = Field(default=0, description="of all its sources")
    effort: Effort
    warnings: list[Note] = Field(default=[], description="what to know before relying on it")
