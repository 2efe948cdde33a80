"""What ``bench`` measured: arms, comparisons, and how far both may be relied on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from evalskip.notes import Note
from evalskip.spec import OFF, OFF_AGAIN
from evalskip.summary.beside import BesideSummary
from evalskip.summary.memory import PeakDifference
from evalskip.summary.parts import Effort, Interval, Part, Verdict
from evalskip.summary.proven import ProvenRemedies
from evalskip.summary.recommendation import Recommendation

if TYPE_CHECKING:
    from collections.abc import Sequence

Estimator = Literal["wall_clock", "attributed", "matched", "after_effect", "whole_span"]


class Differing(Part):
    """A run that did not do what the off run of its block did."""

    block: int = Field(description="of the run")
    attempt: int = Field(description="at the block; 0: the first")
    arm: str = Field(description="of the run")
    what: Literal["work", "result", "evaluations"] = Field(description="in what it differs")


class Matched(Part):
    """Whether the arms differed in evaluation and in nothing else."""

    proven: bool = Field(
        default=True, description="false: runs told no digests, and steps were but counted"
    )
    same_work: bool = Field(description="every batch's inputs, bit for bit")
    same_result: bool = Field(description="raw losses and final weights")
    blocks: int = Field(description="blocks that match, and so enter estimates")
    differing: list[Differing] = Field(default=[])


class SetSummary(Part):
    """One of several evaluation sets."""

    samples: int = Field(description="of the set")
    seconds: float = Field(description="of all its evaluations in a run together, mean over runs")


class StepAround(Part):
    """Steps at one distance from an evaluation, in units of the same steps of off."""

    offset: int = Field(description="0: the first step after an evaluation; -1: the last before")
    ratio: float = Field(description="median over evaluations and runs")
    lower: float = Field(description="their lower quartile")
    upper: float = Field(description="their upper quartile")


class RankSummary(Part):
    """One of several processes that train together: means over runs."""

    rank: int = Field(description="its number")
    wall_s: float = Field(description="T, by its own clock")
    phases_s: dict[str, float] = Field(description="sums to wall_s")
    peak_bytes: dict[str, dict[str, int]] = Field(description="by phase and quantity")


class ArmSummary(Part):
    """One arm: means over its runs."""

    schedule: Note
    settings: list[str] = Field(default=[], description="that its evaluation has of its own")
    evaluation_samples: int | None = Field(description="null: nothing is evaluated, or not told")
    evaluation_load: float = Field(description="evaluated tokens / trained tokens")
    train_tokens: int | None = Field(default=None, description="of a run; null: not told")
    evaluation_tokens: int | None = Field(default=None, description="of a run; null: not told")
    evaluation_sets: dict[str, SetSummary] = Field(
        default={}, description="by name, where there are several"
    )
    runs: int = Field(description="that ended well and were timed")
    failed_runs: dict[str, int] = Field(default={}, description="runs that ended otherwise, by how")
    wall_s: float | None = Field(description="training time")
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
    disturbed: int | None = Field(
        description="runs of blocks during which others took what they needed; null: not judged"
    )
    undisturbed_s: Interval | None = Field(
        default=None, description="mean T of the runs that others did not disturb"
    )
    around_evaluation: list[StepAround] = Field(
        default=[], description="steps before and after an evaluation, against those of off"
    )
    beside: BesideSummary | None = Field(
        default=None, description="what a second process evaluated; null: training evaluates"
    )


class Agreement(Part):
    """Whether the whole-span figure bears the matched one out."""

    difference: Interval = Field(description="whole span less matched, of throughput gain")
    allowed: float = Field(
        description="what the two may differ by: half a point, and what the drift of runs without "
        "evaluation makes of the longer T"
    )
    agrees: bool = Field(description="false: they differ by more, and beyond the interval")


class Comparison(Part):
    """What an arm costs, against another, by one estimator."""

    arm: str = Field(description="that evaluates")
    against: str = Field(description="the arm that it is compared with")
    estimator: Estimator = Field(description="how the two were compared")
    blocks: int = Field(description="that it is made from")
    throughput_gain: Interval = Field(description="T(arm) / T(against) - 1")
    time_saved: Interval = Field(description="1 - T(against) / T(arm)")
    throughput_gain_with_setup: Interval | None = None
    throughput_gain_undisturbed: Interval | None = Field(
        default=None, description="wall clock: of the blocks that others did not disturb"
    )
    agreement: Agreement | None = Field(
        default=None, description="matched: with the whole span; null: too few blocks to tell"
    )
    verdict: Verdict | None = Field(
        default=None, description="on the throughput gain; null: this estimator has no say"
    )
    verdict_time_saved: Verdict | None = Field(
        default=None, description="on the other reading of the same claim"
    )

    @property
    def disagrees(self) -> bool:
        """Whether it is a matched one that the whole span does not bear out."""
        return self.agreement is not None and not self.agreement.agrees


class BenchEffort(Effort):
    """What matched blocks took."""

    blocks: int = Field(description="timed blocks, a repeated one counted once")
    nodes: int = Field(default=1, description="machines that blocks were run on")
    run_overhead_s: float | None = Field(
        description="median time of a run beyond T: fork, model, Trainer, digests, record"
    )
    block_start_s: float | None = Field(
        description="median time of making a block's parent ready: imports, data, warm-up"
    )
    fixed_cost: Interval | None = Field(
        default=None, description="run_overhead_s in units of the T of off in the same block"
    )


class RunActivity(Part):
    """What the machine was doing during a run; means over it."""

    block: int = Field(description="of the run")
    attempt: int = Field(description="at the block; 0: the first")
    arm: str = Field(description="of the run")
    own_cores: float = Field(description="that the run kept busy")
    others_cores: float = Field(description="that all else kept busy, or a hypervisor withheld")
    waiting: float = Field(description="share of the time in which something waited for a CPU")
    disturbed_share: float | None = Field(
        description="of its seconds, in which others took what it needed; null: not judged"
    )
    disturbed: bool | None = Field(description="whether its block is; null: not judged")


class Extrapolated(Part):
    """So much of every run was made; its figures are told from that for the whole."""

    steps: int = Field(description="that were run")
    of_steps: int = Field(description="of the whole job")
    evaluation_batches: int = Field(description="of each evaluation")


class ClaimedGain(Part):
    """A range that somebody claims for the throughput gain, judged over all arms."""

    gain: tuple[float, float] = Field(description="least and most, as fractions")
    verdict: Verdict = Field(description="over all arms at which it is judged")
    conditions: list[Note] = Field(description="where it holds, and what would settle the rest")


class BenchSummary(Part):
    """What matched runs of every arm say."""

    claimed: ClaimedGain | None = Field(
        default=None, description="null: nobody named a range, so none is judged"
    )
    matched: Matched
    extrapolated: Extrapolated | None = Field(
        default=None, description="null: the job was run whole"
    )
    arms: dict[str, ArmSummary]
    comparisons: list[Comparison]
    noise_floor: Interval | None
    activity: list[RunActivity] = Field(default=[], description="of timed runs, in their order")
    peak_differences: list[PeakDifference] = Field(
        default=[], description="of each arm that evaluates, where memory was metered"
    )
    proven: list[ProvenRemedies] = Field(
        default=[], description="of each arm with remedies, what they did"
    )
    changes: list[Note] = Field(
        default=[],
        description="what was changed of the user's configuration to make arms comparable",
    )
    recommendations: list[Recommendation] = Field(
        default=[], description="one per kind of evaluation whose cost is known well enough"
    )
    effort: BenchEffort
    warnings: list[Note] = Field(description="what to know before the figures are relied on")

    @model_validator(mode="after")
    def _compares_its_arms(self) -> BenchSummary:
        for comparison in self.comparisons:
            for name in (comparison.arm, comparison.against):
                if name not in self.arms:
                    raise ValueError(f"comparisons: {name} is none of its arms")
        return self

    @property
    def claimed_gain(self) -> tuple[float, float] | None:
        """The range that somebody claims, as fractions."""
        return self.claimed.gain if self.claimed else None

    @property
    def is_timed(self) -> bool:
        """Whether any arm has a T."""
        return any(arm.wall_s is not None for arm in self.arms.values())

    def evaluates(self, arm: str) -> bool:
        """Whether runs of an arm were seen to evaluate."""
        return arm not in (OFF, OFF_AGAIN) and self.arms[arm].evaluations > 0

    def judged(self) -> list[Comparison]:
        """Comparisons that the claimed range is judged at, by evaluation load."""
        comparisons = [each for each in self.comparisons if each.verdict is not None]
        return sorted(comparisons, key=lambda each: self.arms[each.arm].evaluation_load)

    def headline(self, arm: str) -> Comparison | None:
        """The comparison that an arm's figure is taken from; see :func:`headline_of`."""
        return headline_of(self.comparisons, arm)

    def compared(self, arm: str, estimator: Estimator) -> Comparison | None:
        """The comparison of an arm with off by one estimator, if there is one."""
        for comparison in self.comparisons:
            if (comparison.arm, comparison.estimator) == (arm, estimator):
                return comparison
        return None


def headline_of(comparisons: Sequence[Comparison], arm: str) -> Comparison | None:
    """The comparison that an arm's figure is taken from.

    Matched; over the whole span where the two disagree, since then an after-effect outlasts its
    window, or where there is no matched one; wall clock where only T can be compared.
    """
    own = {comparison.estimator: comparison for comparison in comparisons if comparison.arm == arm}
    matched = own.get("matched")
    if matched and not matched.disagrees:
        return matched
    return own.get("whole_span") or own.get("wall_clock")
