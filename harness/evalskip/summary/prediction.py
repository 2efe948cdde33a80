"""What schedules would cost, predicted from a pilot."""

from __future__ import annotations

from pydantic import Field

from evalskip.notes import Note
from evalskip.summary.parts import Effort, Interval, Part
from evalskip.summary.recommendation import Recommendation
from evalskip.summary.remedies import RemediesSummary
from evalskip.summary.stopping import Stopping


class PieceCosts(Part):
    """What each piece of a job costs, in seconds, on the machine as the pilot found it."""

    fixed_s: float = Field(description="before and after the steps, and what the first ones add")
    step_s: float = Field(description="per optimizer step, whatever it is fed")
    micro_batch_s: float = Field(description="per micro-batch, whatever it holds")
    token_s: float = Field(description="per trained token, padding included, on one rank")
    save_log_s: float = Field(description="of saves and logs, per optimizer step")
    loader_s: float = Field(description="per evaluation: its loader, and its end")
    batch_s: float = Field(description="per evaluation batch")
    evaluation_token_s: float = Field(
        description="per evaluated token, padding included, on one rank"
    )
    gathered_sample_s: float = Field(
        description="per evaluated sample, where an end grows with samples"
    )
    first_evaluation_s: float = Field(description="what the first evaluation adds, once")
    evaluation_log_s: float = Field(description="per evaluation; of phase log")
    after_effect_s: float = Field(description="what the steps after an evaluation take longer")


class JobSize(Part):
    """How much a job trains and evaluates."""

    steps: int = Field(description="optimizer steps")
    epochs: float = Field(description="passes over the training set")
    train_samples: int | None = Field(description="null: a stream, whose samples are not counted")
    train_batch: int = Field(description="samples of a micro-batch, on all ranks")
    accumulation: int = Field(description="micro-batches in an optimizer step")
    drop_last: bool = Field(description="whether a last, smaller micro-batch is left out")
    train_tokens_per_sample: float = Field(description="padding included, on one rank")
    evaluation_sets: list[int] = Field(description="samples of each evaluation set")
    evaluation_batch: int = Field(description="on all ranks")
    evaluation_tokens_per_sample: float = Field(description="padding included, on one rank")


class CostModel(Part):
    """From a pilot: what any schedule of a job costs, and how sure that is."""

    evaluation: list[Note | str] = Field(description="which evaluation: its samples, and settings")
    size: JobSize = Field(description="how much the job trains and evaluates")
    costs: PieceCosts = Field(description="of each piece")
    level: float = Field(description="of all half-widths that follow")
    sampled_half_width: float = Field(
        description="half-width, in log, of evaluation against steps, for what the pilot saw of "
        "either"
    )
    evaluation_half_width: float = Field(description="the same from one run to another")
    event_half_width: float = Field(description="the same from one evaluation of a run to another")
    pace_half_width: float = Field(description="half-width, in log, of a run's pace as a whole")
    after_effect_half_width_s: float = Field(description="half-width of after_effect_s")
    operations_ratio: float | None = Field(
        default=None,
        description="floating-point operations of an evaluated token over those of a trained one",
    )


class Prediction(Part):
    """What one schedule would cost; every interval is for a run to come."""

    arm: str = Field(description="its name")
    schedule: Note = Field(description="when it evaluates")
    evaluation: list[Note | str] = Field(
        default=[], description="its samples and settings, where the arm has settings of its own"
    )
    evaluation_samples: int | None = Field(description="in one evaluation; null: the job's own")
    evaluations: int = Field(description="of a run")
    evaluation_load: float = Field(description="evaluated tokens / trained tokens")
    wall_s: Interval = Field(description="training time")
    share: Interval = Field(description="evaluate / T")
    throughput_gain: Interval = Field(description="of skipping: T / T(off) - 1")
    peak_bytes: Interval | None = Field(default=None, description="null: not metered")


class PilotSummary(Part):
    """What the predictions are made from."""

    processes: int = Field(description="that the pilot ran")
    steps: int = Field(description="optimizer steps that were trained, all processes together")
    of_steps: int = Field(description="of the whole job")
    evaluation_batches: int = Field(description="that were evaluated, all processes together")
    seconds: float = Field(description="with the start of everything")
    disturbed: int = Field(description="processes during which others took what they needed")
    stops_early: bool = Field(
        default=False, description="whether early stopping may end the job before its last step"
    )


class PredictionSummary(Part):
    """What every schedule of a job would cost."""

    claimed_gain: tuple[float, float] | None = Field(
        default=None, description="a range that somebody claims for the throughput gain"
    )
    pilot: PilotSummary
    cost_models: list[CostModel] = Field(description="one per kind of evaluation")
    schedules: list[Prediction]
    recommendations: list[Recommendation] = Field(description="one per kind of evaluation")
    stopping: list[Stopping] = Field(
        default=[],
        description="the same, where training stops by evaluations; empty: it trains all its steps",
    )
    remedies: list[RemediesSummary] = Field(
        default=[],
        description="one per kind of evaluation: what would make it cheaper; empty: none was tried",
    )
    closing_evaluations: int = Field(
        default=0,
        description="that the job's own program adds after training wherever it evaluates",
    )
    effort: Effort
    warnings: list[Note] = Field(default=[], description="what to know before relying on it")
