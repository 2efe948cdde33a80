"""The schema of ``summary.json``, on which reports, gates and other tools rely.

Durations are seconds, memory is bytes, shares and gains are fractions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from filelock import FileLock
from pydantic import BaseModel, ConfigDict, Field

from evalskip.records import read_json, write_atomically

if TYPE_CHECKING:
    from pathlib import Path

FILE_NAME = "summary.json"

Estimator = Literal[
    "direct", "attributed", "matched_steps", "hidden_cost", "matched_steps_plus_hidden_cost"
]
BoundBy = Literal["model", "train", "evaluate"]
Verdict = Literal["supported", "refuted", "conditional", "inconclusive", "not_run"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Interval(_Part):
    """An estimate with its interval; no interval where there are too few blocks for one."""

    estimate: float
    low: float | None = Field(default=None, description="limit; null: there is no interval")
    high: float | None = Field(default=None, description="limit; null: there is no interval")
    level: float = Field(description="how often such an interval holds the truth")
    degrees: int | None = Field(
        default=None, description="of freedom, of the Student's t that the interval is made with"
    )

    def excludes(self, other: Interval) -> bool:
        """Whether the two have no value in common."""
        if self.low is None or self.high is None or other.low is None or other.high is None:
            return False
        return self.high < other.low or other.high < self.low


class Scope(_Part):
    """What the figures hold for."""

    job: str = Field(description="its kind, and how it fine-tunes")
    model: str
    parameters: int = Field(description="of the model, all of them")
    device: str = Field(description="cpu, or the name of the device")
    versions: dict[str, str] = Field(description="of what was run, by name")


class Differing(_Part):
    """A run that did not do what the off run of its block did."""

    block: int
    attempt: int
    arm: str
    what: Literal["work", "result", "evaluations"]


class Matched(_Part):
    """Whether the arms differed in evaluation and in nothing else."""

    proven: bool = Field(
        default=True, description="false: runs told no digests, and steps were but counted"
    )
    same_work: bool = Field(description="every batch's inputs, bit for bit")
    same_result: bool = Field(description="raw losses and final weights")
    blocks: int = Field(description="blocks that match, and so enter estimates")
    differing: list[Differing] = []


class SetSummary(_Part):
    """One of several evaluation sets."""

    rows: int
    seconds: float = Field(description="of all its evaluations in a run together, mean over runs")


class StepAround(_Part):
    """Steps at one distance from an evaluation, in units of the same steps of off."""

    offset: int = Field(description="0: the first step after an evaluation; -1: the last before")
    ratio: float = Field(description="median over evaluations and runs")
    lower: float = Field(description="their lower quartile")
    upper: float = Field(description="their upper quartile")


class RankSummary(_Part):
    """One of several processes that train together: means over runs."""

    rank: int
    wall_s: float = Field(description="T, by its own clock")
    phases_s: dict[str, float] = Field(description="sums to wall_s")
    peak_bytes: dict[str, dict[str, int]]


class ArmSummary(_Part):
    """One arm: means over its runs."""

    schedule: str = Field(description="in words")
    evaluation_rows: int | None = Field(description="null: nothing is evaluated, or not told")
    evaluation_load: float = Field(description="evaluated tokens / trained tokens")
    train_tokens: int | None = Field(default=None, description="of a run; null: not told")
    evaluation_tokens: int | None = Field(default=None, description="of a run; null: not told")
    evaluation_sets: dict[str, SetSummary] = Field(
        default={}, description="by name, where there are several"
    )
    runs: int = Field(description="that ended well and were timed")
    failed_runs: dict[str, int] = Field(default={}, description="runs that ended otherwise, by how")
    wall_s: float | None = Field(description="T")
    setup_s: float | None = Field(description="process, imports, model and data: no part of T")
    phases_s: dict[str, float] = Field(description="sums to wall_s")
    evaluations: int = Field(description="of a run")
    first_evaluation_s: float | None = Field(
        default=None, description="the first evaluation of a run, which may pay for set-up"
    )
    share: float | None = Field(description="evaluate / T, what evaluations wait included")
    ranks: list[RankSummary] = Field(
        default=[], description="where there are several; T is the slowest one's of each run"
    )
    peak_bytes: dict[str, dict[str, int]] = Field(
        description="by phase: allocated, reserved, resident, process, as far as they are read"
    )
    train_peaks: dict[str, dict[str, int]] = Field(
        default={},
        description="peaks of train steps before_evaluation and after_evaluation, the first one",
    )
    contaminated: int | None = Field(
        description="runs during which others took what they needed; null: not judged"
    )
    undisturbed_s: Interval | None = Field(
        default=None, description="T with each piece at the lower quartile across runs"
    )
    around_evaluation: list[StepAround] = Field(
        default=[], description="steps before and after an evaluation, against those of off"
    )


class Comparison(_Part):
    """What an arm costs, against another, by one estimator."""

    arm: str
    against: str = Field(description="the arm that it is compared with")
    estimator: Estimator
    blocks: int = Field(description="that it is made from")
    throughput_gain: Interval = Field(description="T(arm) / T(against) - 1")
    time_saved: Interval = Field(description="1 - T(against) / T(arm)")
    throughput_gain_with_setup: Interval | None = None
    throughput_gain_uncontaminated: Interval | None = Field(
        default=None, description="direct: of the blocks without a contaminated run"
    )
    throughput_gain_at_median: Interval | None = Field(
        default=None, description="matched steps: pieces located at the median instead"
    )
    verdict: Verdict | None = Field(default=None, description="null: this estimator has no say")


class Effort(_Part):
    """What the experiment itself took."""

    blocks: int = Field(description="timed blocks, a repeated one counted once")
    runs: int
    nodes: int = Field(default=1, description="machines that blocks were run on")
    seconds: float
    run_overhead_s: float | None = Field(
        description="median time of a run beyond T: fork, model, Trainer, digests, record"
    )
    block_start_s: float | None = Field(
        description="median time of making a block's parent ready: imports, data, warm-up"
    )
    fixed_cost: Interval | None = Field(
        default=None, description="run_overhead_s in units of the T of off in the same block"
    )
    stopped: str = Field(description="why no further block was run")


class RunActivity(_Part):
    """What the machine was doing during a run; means over it."""

    block: int
    attempt: int
    arm: str
    own_cores: float = Field(description="that the run kept busy")
    others_cores: float = Field(description="that all else kept busy, or a hypervisor withheld")
    waiting: float = Field(description="share of the time in which something waited for a CPU")
    contaminated: bool | None


class Claim(_Part):
    """A published claim, judged."""

    id: str = Field(description="one word that names it")
    says: str = Field(description="what is claimed, in our words")
    verdict: Verdict
    scope: str = Field(description="what the verdict holds for")
    measured: str = Field(description="what it rests on, in words")
    condition: str = Field(description="on what condition it holds; empty: none")
    evidence: list[str] = Field(description="sections of this file, or runs, that it rests on")


class SpeedPoint(_Part):
    """An arm of a result at which the claim of speed was judged."""

    arm: str
    evaluation_rows: int | None
    evaluation_load: float = Field(description="evaluated tokens / trained tokens")
    throughput_gain: Interval
    verdict: Verdict


class Source(_Part):
    """A result whose verdicts stand in a ledger of several."""

    name: str
    scope: str = Field(description="what its first verdict holds for")
    claims: list[Claim]
    points: list[SpeedPoint] = Field(description="by evaluation load")


class Observation(_Part):
    """What one real run, or the installed source, was seen to do."""

    what: str = Field(description="the question that it bears on")
    trainer: str = Field(description="whose behaviour, with its version")
    asked: dict[str, Any] = Field(description="settings by which it differs from other runs")
    seen: dict[str, Any]


class Headroom(_Part):
    """The largest batch with which an arm completes, within a limit that was really run into."""

    arm: str
    max_batch: int = Field(description="rows in a micro-batch, per device; 0: not one fits")
    limit_bytes: int
    bound_by: BoundBy | None = Field(
        description="the phase in which one row more runs out of memory"
    )
    trials: int = Field(description="of this arm and those that evaluate alike, together")
    peak_bytes: int | None = Field(description="at the largest batch; of what the limit is on")
    base_bytes: int = Field(
        default=0, description="of that, what the process holds before a model is built"
    )
    evaluation_bytes: int | None = Field(
        default=None,
        description="peak of an evaluation with the optimizer's state, beside train steps of a "
        "single row; null: none is asked for, or it does not fit",
    )
    own_batch: int = Field(description="the job's own")
    tokens_per_s: dict[str, float] = Field(
        description="of steady train steps, by batch: the job's own and the largest"
    )
    throughput_gain: Interval | None = Field(
        default=None,
        description="direct: T at the job's own batch / T at the largest - 1, for the same rows",
    )


class Extrapolated(_Part):
    """So much of every run was made; its figures are told from that for the whole."""

    steps: int
    of_steps: int
    evaluation_batches: int = Field(description="of each evaluation")


class PieceCosts(_Part):
    """What each piece of a job costs, in seconds, on the machine as the pilot found it."""

    once_s: float = Field(description="before and after the steps, and what the first ones add")
    step_s: float = Field(description="per optimizer step, whatever it is fed")
    micro_batch_s: float
    token_s: float = Field(description="per trained token, padding included, on one rank")
    aside_s: float = Field(description="of saves and logs, per optimizer step")
    loader_s: float = Field(description="per evaluation: its loader, and its end")
    batch_s: float = Field(description="per evaluation batch")
    evaluation_token_s: float
    gathered_row_s: float = Field(description="per evaluated row, where an end grows with rows")
    first_evaluation_s: float = Field(description="what the first evaluation adds, once")
    evaluation_log_s: float = Field(description="per evaluation; of phase log")
    hidden_s: float = Field(description="what the steps after an evaluation take longer")


class JobSize(_Part):
    """How much a job trains and evaluates."""

    steps: int
    epochs: float
    train_rows: int | None = Field(description="null: a stream, whose rows are not counted")
    train_batch: int = Field(description="rows of a micro-batch, on all ranks")
    accumulation: int = Field(description="micro-batches in an optimizer step")
    drop_last: bool = Field(description="whether a last, smaller micro-batch is left out")
    train_tokens_per_row: float = Field(description="padding included, on one rank")
    evaluation_sets: list[int] = Field(description="rows of each evaluation set")
    evaluation_batch: int = Field(description="on all ranks")
    evaluation_tokens_per_row: float = Field(description="padding included, on one rank")


class CostModel(_Part):
    """From a pilot: what any schedule of a job costs, and how sure that is."""

    evaluation: str = Field(description="which evaluation, in words: rows and settings")
    size: JobSize
    costs: PieceCosts
    level: float = Field(description="of all half-widths that follow")
    sampled_reach: float = Field(
        description="half-width, in log, of evaluation against steps, for what the pilot saw of "
        "either"
    )
    evaluation_reach: float = Field(description="the same from one run to another")
    event_reach: float = Field(description="the same from one evaluation of a run to another")
    pace_reach: float = Field(description="half-width, in log, of a run's pace as a whole")
    hidden_reach_s: float = Field(description="half-width of hidden_s")
    operations_ratio: float | None = Field(
        default=None,
        description="floating-point operations of an evaluated token over those of a trained one",
    )


class Prediction(_Part):
    """What one schedule would cost; every interval is for a run to come."""

    arm: str
    schedule: str
    evaluation_rows: int | None
    evaluations: int
    evaluation_load: float = Field(description="evaluated tokens / trained tokens")
    wall_s: Interval = Field(description="T")
    share: Interval = Field(description="evaluate / T")
    throughput_gain: Interval = Field(description="of skipping: T / T(off) - 1")
    peak_bytes: Interval | None = Field(default=None, description="null: not metered")


class Recommendation(_Part):
    """The densest schedule within a share of T."""

    evaluation: str
    within: float = Field(description="the share that evaluation may have")
    every_steps: int | None = Field(description="null: at most one evaluation fits, at the end")
    evaluations: int
    share: Interval
    says: str
    lines: dict[str, list[str]] = Field(description="to paste, by where they go")


class ScheduleRegret(_Part):
    """What a schedule, or a substitute for evaluation, would have missed; means over seeds."""

    name: str
    kind: Literal["schedule", "substitute"]
    says: str = Field(description="what it is, in words")
    evaluations: float
    time_saved: Interval | None = Field(
        default=None,
        description="1 - T / T of evaluating at every point; T without what is saved and logged; "
        "null: it is not known what evaluations take",
    )
    share: float | None = Field(default=None, description="of T, what its evaluations take")
    kept_step: float = Field(description="of the checkpoint that it keeps")
    regret_chosen: Interval = Field(
        description="loss of that on the rows that chose, less the least of the curve, in nats"
    )
    regret: Interval | None = Field(
        default=None,
        description="its loss on rows that chose nothing, less that of the checkpoint that every "
        "point together choose, in nats; null: no such rows were evaluated",
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
    noticed: int = Field(description="seeds of which overfitting was noticed")
    delay_steps: Interval | None = Field(
        default=None,
        description="how much later than by every point it is noticed; null: not on every seed",
    )
    stopping_saves: Interval | None = Field(
        default=None, description="of T, what early stopping would have saved; null: none to act on"
    )
    correlation: Interval | None = Field(
        default=None,
        description="Spearman's, over the points, of what it looks at with the full evaluation",
    )
    worth_choosing: bool = Field(
        default=False, description="nothing else saves more time at less regret"
    )

    @property
    def lost(self) -> Interval:
        """The regret, on rows that chose nothing where there are any, wherever it begins."""
        return self.regret_shifted or self.regret or self.regret_chosen

    @property
    def saved(self) -> float:
        """The time that it saves, as far as that is known."""
        return self.time_saved.estimate if self.time_saved else 0.0


class RegretSummary(_Part):
    """What sparser evaluation would have missed, on one job."""

    seeds: int
    points: int = Field(description="evaluations of a run that all is replayed from")
    steps: int
    level: float
    margin: float
    patience: int
    level_of_verdict: float = Field(description="with which several questions hold at once")
    dense_overfits: int = Field(
        description="seeds whose curve rises by the margin after its best, twice in a row"
    )
    best_step: float = Field(description="of the least loss, mean over seeds")
    last_rise: Interval = Field(description="loss at the end less the least of the curve, in nats")
    proven: int = Field(description="real runs that stopped and kept what the replay says")
    not_proven: list[str] = Field(description="real runs that did not, in words")
    rows: list[ScheduleRegret]
    within_share: float
    within_regret: float
    recommended: str | None = Field(description="name of the row; null: none is within both")
    says: str


class PilotSummary(_Part):
    """What the predictions are made from."""

    processes: int
    steps: int = Field(description="optimizer steps that were trained, all processes together")
    of_steps: int = Field(description="of the whole job")
    evaluation_batches: int
    seconds: float = Field(description="with the start of everything")
    contaminated: int = Field(description="processes during which others took what they needed")
    stops_early: bool = Field(
        default=False, description="whether early stopping may end the job before its last step"
    )


class Summary(_Part):
    """All that was found, by whichever command found it."""

    schema_version: Literal[1] = Field(default=1, description="of this file")
    name: str = Field(description="of the result")
    scope: Scope
    machine: dict[str, Any] = Field(default={}, description="processor, cores, memory, devices")
    effort: Effort
    matched: Matched
    extrapolated: Extrapolated | None = Field(
        default=None, description="null: the job was run whole"
    )
    arms: dict[str, ArmSummary]
    comparisons: list[Comparison]
    noise_floor: Interval | None
    activity: list[RunActivity] = Field(default=[], description="of timed runs, in their order")
    headroom: list[Headroom] = []
    pilot: PilotSummary | None = None
    cost_models: list[CostModel] = Field(default=[], description="one per kind of evaluation")
    predictions: list[Prediction] = []
    recommendations: list[Recommendation] = []
    closing_evaluations: int = Field(
        default=0,
        description="that the job's own program adds after training wherever it evaluates",
    )
    regret: list[RegretSummary] = []
    claims: list[Claim] = []
    sources: list[Source] = Field(
        default=[], description="where this is a ledger: the results that its claims rest on"
    )
    observations: list[Observation] = []
    changes: list[str] = Field(
        default=[],
        description="what was changed of the user's configuration to make arms comparable",
    )
    warnings: list[str] = Field(description="what to know before the figures are relied on")

    @classmethod
    def of_nothing(
        cls, name: str, scope: Scope, machine: dict[str, Any], effort: Effort
    ) -> Summary:
        """A summary that other sections are yet to be put into."""
        return cls(
            name=name,
            scope=scope,
            machine=machine,
            effort=effort,
            matched=Matched(proven=False, same_work=False, same_result=False, blocks=0),
            arms={},
            comparisons=[],
            noise_floor=None,
            warnings=[],
        )

    def compared(self, arm: str, estimator: Estimator) -> Comparison | None:
        """The comparison of an arm with off by one estimator, if there is one."""
        for comparison in self.comparisons:
            if (comparison.arm, comparison.estimator) == (arm, estimator):
                return comparison
        return None


def read_summary(directory: Path) -> Summary:
    """Read a result directory's summary.

    Raises:
        InputError: there is none, or it is of another schema.
    """
    return read_json(
        directory / FILE_NAME, Summary, "schema_version 1", if_missing="a result directory"
    )


def write_sections(directory: Path, summary: Summary, sections: set[str]) -> Summary:
    """Replace the named sections of the summary on disk, atomically and under a lock.

    What other commands have found there stays; of the claims, those that they have judged.
    """
    path = directory / FILE_NAME
    with FileLock(directory / f".{FILE_NAME}.lock"):
        if path.exists():
            found = read_summary(directory)
            replaced = {name: getattr(summary, name) for name in sections}
            judged = {claim.id for claim in summary.claims}
            if "claims" in sections:
                others = [claim for claim in found.claims if claim.id not in judged]
                replaced["claims"] = [*others, *summary.claims]
            summary = found.model_copy(update=replaced)
        write_atomically(path, summary.model_dump_json(indent=2) + "\n")
    return summary
