"""What schedules, and substitutes for evaluation, would have missed."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from evalskip.notes import Note
from evalskip.summary.parts import Effort, Interval, Part


class ScheduleRegret(Part):
    """What a schedule, or a substitute for evaluation, would have missed; means over seeds."""

    name: str = Field(description="of the policy")
    kind: Literal["schedule", "substitute", "remedy"] = Field(
        description="a schedule, a substitute for evaluation, or the job as written for less"
    )
    policy: Note = Field(description="what it evaluates, or when")
    evaluations: float = Field(description="of a run, mean over seeds")
    time_saved: Interval | None = Field(
        default=None,
        description="1 - T / T of the job as written, evaluated every epoch, or of a past run as "
        "it was; T without what is saved and logged; null: what evaluations take is not known",
    )
    share: float | None = Field(default=None, description="of T, what its evaluations take")
    kept_step: float = Field(description="of the checkpoint that it keeps")
    regret_chosen: Interval = Field(
        description="loss of that on the samples that chose, less the least that the job as "
        "written sees, in nats"
    )
    regret: Interval | None = Field(
        default=None,
        description="its loss on samples that chose nothing, less that of the checkpoint that the "
        "job as written keeps, in nats; over seeds and over those samples; null: none were "
        "evaluated",
    )
    regret_shifted: Interval | None = Field(
        default=None,
        description="the same, mean over where the schedule may begin: every N epochs can happen "
        "to fall on the best one; null: it begins where it does",
    )
    judged: Interval = Field(
        description="the first of regret_shifted, regret and regret_chosen that is known, at the "
        "level of verdicts"
    )
    units: int = Field(
        description="seeds; of samples held back, the sets of them of which none shares a sample"
    )
    beyond: int = Field(description="of those, how many lost more than within_regret")
    beyond_at_most: float = Field(
        description="how likely, with 95% confidence, another may be to lose more"
    )
    noticed: int = Field(description="seeds of which overfitting was noticed")
    delay_steps: Interval | None = Field(
        default=None,
        description="how much later than by the job as written it is noticed; null: not on every "
        "seed",
    )
    stopping_saves: Interval | None = Field(
        default=None, description="of T, what early stopping would have saved; null: none to act on"
    )
    correlation: Interval | None = Field(
        default=None,
        description="Spearman's, over what the job as written sees, of what it looks at with the "
        "full evaluation",
    )
    worth_choosing: bool = Field(
        default=False, description="nothing else saves more time at less regret"
    )

    @property
    def lost(self) -> Interval:
        """The regret, on samples that chose nothing where there are any, wherever it begins."""
        return self.regret_shifted or self.regret or self.regret_chosen

    @property
    def saved(self) -> float:
        """The time that it saves, as far as that is known."""
        return self.time_saved.estimate if self.time_saved else 0.0


class LossPoint(Part):
    """Losses, or another metric, after one step; over seeds."""

    step: int = Field(description="optimizer steps so far")
    evaluation: float = Field(description="mean")
    evaluation_least: float = Field(description="least of a seed")
    evaluation_most: float = Field(description="largest of a seed")
    training: float | None = Field(
        default=None, description="mean of the epoch before; null: not logged"
    )


class RegretSummary(Part):
    """What sparser evaluation would have missed, on one job."""

    metric: str = Field(
        default="eval_loss", description="that judges checkpoints; a loss is in nats"
    )
    greater_is_better: bool = Field(default=False, description="of the metric")
    seeds: int = Field(description="runs that differ by their seed")
    points: int = Field(description="evaluations of a run that all is replayed from")
    steps: int = Field(description="optimizer steps of a run")
    level: float = Field(description="of the intervals")
    margin: float = Field(description="in nats, by which overfitting is noticed")
    patience: int = Field(
        description="evaluations without a new best after which early stopping stops"
    )
    level_of_verdict: float = Field(description="with which several questions hold at once")
    dense_overfits: int = Field(
        description="seeds whose curve rises by the margin after its best, twice in a row"
    )
    best_step: float = Field(description="of the least loss, mean over seeds")
    loss_curve: list[LossPoint] = Field(
        default=[], description="what schedules are replayed from, by step"
    )
    last_rise: Interval = Field(description="loss at the end less the least of the curve, in nats")
    proven: int = Field(description="real runs that stopped and kept what the replay says")
    not_proven: list[Note] = Field(description="real runs that did not, and how they differ")
    policies: list[ScheduleRegret] = Field(description="the job as written first")
    within_share: float = Field(
        description="the most that evaluation may take of the training time"
    )
    within_regret: float = Field(description="nats that may be lost")
    recommended: str | None = Field(description="name of the policy; null: none is within both")
    advice: Note = Field(description="in a note")
    effort: Effort
    warnings: list[Note] = Field(default=[], description="what to know before relying on it")

    def policy(self, name: str) -> ScheduleRegret | None:
        """That of a schedule or substitute, by its name."""
        return next((each for each in self.policies if each.name == name), None)
