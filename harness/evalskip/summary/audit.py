"""What evaluation cost in runs that are over, as their logs tell it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from evalskip.notes import Note
from evalskip.summary.parts import Effort, Part
from evalskip.summary.recommendation import Recommendation
from evalskip.summary.stopping import Stopping

Generates = Literal["yes", "likely", "no", "unknown"]
EvaluationKind = Literal["loss", "metric", "generate"]


class LogSource(Part):
    """A file that a run was read from."""

    path: str = Field(description="as it was named or found")
    format: str = Field(description="what it is, by what it holds")


class ScheduleCost(Part):
    """What training would have taken under a schedule, every evaluation at the mean cost."""

    schedule: Note = Field(description="in a note")
    evaluations: int = Field(description="inside training")
    training_s: float = Field(description="seconds, evaluations included")
    share: float = Field(description="of those, what evaluations take")


class SkippedEvaluations(Part):
    """What a sparser look at the same run would have kept."""

    policy: Note = Field(description="which evaluations it looks at, in a note")
    evaluations: int = Field(description="of the run")
    kept_place: float = Field(
        description="of the checkpoint that it keeps where it begins as late as it may: step, or "
        "epoch"
    )
    regret: float = Field(
        description="by how much that is worse by the metric than what every evaluation shows; "
        "mean over where it may begin; Infinity: it is not a number"
    )


class Missed(Part):
    """What skipping evaluations would have missed in one run."""

    metric: str = Field(description="by which checkpoints are judged")
    greater_is_better: bool = Field(description="of the metric")
    chosen_by_run: bool = Field(description="whether the log says that the run chose by it")
    best_place: float = Field(description="of the best checkpoint: step, or epoch")
    by_epoch: bool = Field(description="whether places are epochs, since the log has no steps")
    policies: list[SkippedEvaluations] = Field(description="sparser ones, the densest first")


class PublicPlace(Part):
    """Where a run stands among public ones that evaluate in the same way."""

    repositories: int = Field(description="distinct ones, of the same kind of evaluation")
    dearer_than: int = Field(
        description="of those, in how many an evaluated sample costs less of a trained one"
    )
    low: float = Field(description="lower quartile of their trained over evaluated sample")
    high: float = Field(description="upper quartile")


class AuditedRun(Part):
    """One run: what its logs say, and what follows from it. Null: they do not say."""

    name: str = Field(description="the file, or the folder of several")
    sources: list[LogSource] = Field(description="files that it was read from")
    training_s: float | None = Field(
        default=None,
        description="seconds from the start of training to its end, evaluations inside",
    )
    share_unknown: Note | None = Field(
        default=None, description="why the share is not known, in a note"
    )
    evaluations: int = Field(description="inside training; several sets at one step are one")
    sets: int = Field(description="evaluation sets, or what else is evaluated at one step")
    evaluation_s: float | None = Field(
        default=None, description="seconds that evaluations inside training took"
    )
    evaluation_error_s: float | None = Field(
        default=None,
        description="seconds that whole seconds of a clock may make of it (95%); null: timed",
    )
    evaluations_after: int = Field(default=0, description="evaluations after training")
    evaluation_after_s: float | None = Field(default=None, description="seconds that those took")
    share: float | None = Field(
        default=None, description="of training_s, what evaluations inside it took"
    )
    share_with_after: float | None = Field(
        default=None,
        description="the same, of training and evaluations after it; null: there are none",
    )
    gain: float | None = Field(
        default=None, description="throughput gain without evaluations inside training"
    )
    gain_with_after: float | None = Field(
        default=None, description="the same without those after it either; null: there are none"
    )
    first_evaluation_s: float | None = Field(default=None, description="seconds, of all its sets")
    first_share: float | None = Field(
        default=None, description="of evaluation_s, what the first evaluation took"
    )
    trained_samples: float | None = Field(default=None, description="over all epochs")
    evaluated_samples: float | None = Field(default=None, description="inside training, in all")
    train_over_evaluation: float | None = Field(
        default=None, description="cost of a trained sample over that of an evaluated one"
    )
    generates: Generates = Field(description="whether evaluation generates text")
    kind: EvaluationKind | None = Field(default=None, description="of evaluation; null: not known")
    schedule: Note = Field(description="as recognised, in a note")
    steps: float | None = Field(default=None, description="optimizer steps done")
    planned_steps: float | None = Field(default=None, description="optimizer steps planned")
    epochs: float | None = Field(default=None, description="done")
    place: PublicPlace | None = Field(default=None, description="among public runs of its kind")
    schedules: list[ScheduleCost] = Field(default=[], description="what others would have taken")
    recommendation: Recommendation | None = Field(
        default=None, description="to keep within a share; null: not known"
    )
    stopping: Stopping | None = Field(
        default=None,
        description="of a run that stops by evaluations; null: it trains all its steps",
    )
    missed: Missed | None = Field(default=None, description="by skipping; null: too few figures")
    warnings: list[Note] = Field(default=[], description="what to know of this run")

    @property
    def is_stopped_by_evaluations(self) -> bool:
        """Whether evaluations ended it, or could have."""
        return self.stopping is not None and self.stopping.is_of_the_run


class AuditSummary(Part):
    """Runs that are over, that in which evaluation took longest first."""

    runs: list[AuditedRun] = Field(description="each once, whatever it was read from")
    within: float = Field(description="the share that evaluation should keep to")
    per_hour: float | None = Field(default=None, description="price of an hour; null: not given")
    unread: list[str] = Field(default=[], description="logs that could not be read")
    effort: Effort
    warnings: list[Note] = Field(default=[], description="what to know of all of them")

    @property
    def shared(self) -> list[AuditedRun]:
        """Runs of which the share is known."""
        return [run for run in self.runs if run.share is not None]

    @property
    def evaluation_s(self) -> float:
        """What evaluation took in all runs, inside training and after it, in seconds."""
        return sum((run.evaluation_s or 0) + (run.evaluation_after_s or 0) for run in self.runs)
