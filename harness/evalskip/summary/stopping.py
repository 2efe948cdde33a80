"""Training that stops by what evaluations say: when, and what evaluating less often makes of it."""

from __future__ import annotations

from pydantic import Field

from evalskip.notes import Note
from evalskip.summary.parts import Part

_NOT_ITS_OWN = ("patience_never_ended", "stop_metric_missing")


class StopCondition(Part):
    """What ends a training before its plan does: a target, or patience."""

    patience: int | None = Field(
        default=None, description="evaluations without a new best after which it stops"
    )
    metric: str | None = Field(default=None, description="that has a target")
    target: float | None = Field(default=None, description="its value at which training stops")


class SpacingCost(Part):
    """What training would take until it stops; means over where evaluations fall."""

    every_steps: int = Field(description="from one evaluation to the next")
    evaluations: float = Field(description="until it stops")
    stops_after: float = Field(description="optimizer steps")
    training_s: float = Field(description="seconds until it stops, evaluations included")
    longer: float = Field(description="than at the spacing that costs least, as a part of that")


class Spacing(Part):
    """The spacing of evaluations that costs least until training stops."""

    work_steps: float = Field(
        description="optimizer steps until training could end: to the target, or the best"
    )
    work_from: Note = Field(description="who says so, in a note")
    work_low: float | None = Field(
        default=None, description="the least that is reckoned with; null: no range"
    )
    work_high: float | None = Field(default=None, description="the most; null: no range")
    step_s: float = Field(description="seconds of a step")
    evaluation_s: float = Field(description="seconds of an evaluation")
    every_steps: int = Field(description="the spacing that costs least")
    near_low: int = Field(description="spacings from here on cost at most `near` more")
    near_high: int = Field(description="spacings up to here do")
    near: float = Field(description="of the time until training stops")
    at_most_longer: float | None = Field(
        default=None,
        description="what every_steps costs at most above the least, wherever in the range of the "
        "work training stops; null: no range",
    )
    costs: list[SpacingCost] = Field(description="of a few spacings, the densest first")
    regret: float | None = Field(
        default=None,
        description="by how much what is kept at about that spacing was worse than the best, mean "
        "over past runs; null: none known, or a target is met",
    )
    regret_metric: str | None = Field(default=None, description="in whose units that is")


class SparserLook(Part):
    """What a run that stopped by its evaluations would have taken with fewer of them."""

    policy: Note = Field(description="which evaluations it makes, in a note")
    evaluations: float = Field(description="until it stops, mean over where it may begin")
    longer: float = Field(
        description="of training, as a part of what the run took; less than 0: it takes less"
    )
    longer_least: float = Field(description="the same where it begins best")
    longer_most: float = Field(description="the same where it begins worst")
    beyond: bool = Field(
        description="whether it stops after the log ends, so that longer is a lower bound"
    )


class Stopping(Part):
    """How a training stops by its evaluations, and what follows for how often it evaluates."""

    condition: StopCondition
    reached_step: float | None = Field(
        default=None,
        description="of a run that is over: by when the target was met, or the best was; null: "
        "never, or not known",
    )
    spacing: Spacing | None = Field(default=None, description="null: see why_none")
    own_every: float | None = Field(
        default=None, description="steps between the evaluations that the job has; null: uneven"
    )
    gain: float | None = Field(
        default=None,
        description="throughput gain of `every_steps` over `own_every`, until training stops",
    )
    why_none: Note | None = Field(default=None, description="why there is none, in a note")
    sparser: list[SparserLook] = Field(
        default=[], description="replays of a run that is over; empty: not known"
    )

    @property
    def is_of_the_run(self) -> bool:
        """Whether evaluations ended it, or could have."""
        return self.why_none is None or self.why_none.code not in _NOT_ITS_OWN
