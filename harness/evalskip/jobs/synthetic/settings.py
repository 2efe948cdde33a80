"""What a spec may say of a ``synthetic`` job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from evalskip.errors import InputError
from evalskip.jobs.base import BaseJob
from evalskip.jobs.synthetic.noise import Noise

if TYPE_CHECKING:
    from collections.abc import Hashable

    from evalskip.schedules import Schedule


class Costs(BaseModel):
    """What each piece of the job costs on an undisturbed machine, in seconds."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    setup: float = Field(default=0.0, ge=0, description="before T begins")
    before_loop: float = Field(default=0.0, ge=0, description="from train() to the first step")
    step: float = Field(default=0.01, gt=0, description="a train step")
    train_token: float = Field(default=0.0, ge=0, description="added per token of a step")
    evaluation_loader: float = Field(default=0.0, ge=0, description="before its first batch")
    evaluation_batch: float = Field(default=0.003, ge=0, description="a batch of an evaluation")
    evaluation_token: float = Field(default=0.0, ge=0, description="added per token of a batch")
    first_evaluation: float = Field(
        default=0.0, ge=0, description="added to the first batch that a run evaluates"
    )
    aggregation: float = Field(default=0.0, ge=0, description="after its last batch")
    save: float = Field(default=0.0, ge=0, description="a checkpoint")
    log: float = Field(default=0.0, ge=0, description="a log of training")
    after_loop: float = Field(default=0.0, ge=0, description="from the last step to the end")
    after_evaluation: float = Field(
        default=0.0, ge=0, description="after-effect: added to the step after each evaluation"
    )
    snapshot: float = Field(
        default=0.0, ge=0, description="of the weights, where a second process evaluates"
    )
    slowed_by_second: float = Field(
        default=0.0, ge=0, description="of a step, added as a share while that evaluates"
    )


class SlowEvaluations(BaseModel):
    """Evaluations of which some take longer, each by chance: it belongs to what they cost."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    probability: float = Field(default=0.0, ge=0, le=1, description="that an evaluation is slow")
    factor: float = Field(default=1.0, ge=1, description="how many times longer it then takes")


class Lengths(BaseModel):
    """Tokens in a row, evenly from shortest to longest; a batch is padded to its longest."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    shortest: int = Field(default=1, ge=1, description="tokens")
    longest: int = Field(default=1, ge=1, description="tokens")

    @model_validator(mode="after")
    def _ordered(self) -> Lengths:
        if self.shortest > self.longest:
            raise ValueError(f"shortest: expected at most {self.longest}, got {self.shortest}")
        return self


class Memory(BaseModel):
    """What the job holds in memory, in bytes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    base: int = Field(default=0, ge=0, description="of the process, before a model is built")
    model: int = Field(default=0, ge=0, description="with the optimizer's state")
    train_sample: int = Field(default=0, ge=0, description="of a micro-batch")
    evaluation_sample: int = Field(default=0, ge=0, description="of an evaluation batch")


class Fault(BaseModel):
    """Makes the runs of one arm end badly, to test what becomes of them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    arm: str = Field(description="whose runs they are")
    ending: Literal["raise", "hang", "kill", "out_of_memory", "different_work"] = Field(
        description="how they end"
    )
    step: int = Field(default=1, ge=1, description="the step at which it happens")


_MOST_STEPS = 1_000_000


class SyntheticJob(BaseJob):
    """Exactly known costs under chosen noise.

    On the ``virtual`` clock nothing is waited for, and runs are made inside the harness; on the
    ``real`` clock each run is a process that sleeps.
    """

    evaluation_settings: ClassVar[frozenset[str]] = frozenset({"evaluation_batch"})

    kind: Literal["synthetic"]
    epochs: int = Field(ge=1, le=100_000, description="passes over the training samples")
    steps_in_epoch: int = Field(
        default=32, ge=1, le=100_000, description="optimizer steps, each of one batch"
    )
    train_batch: int = Field(default=8, ge=1, description="samples in a step")
    evaluation_batch: int = Field(default=8, ge=1, description="samples in an evaluation batch")
    samples: int = Field(
        default=1024, ge=1, le=10_000_000, description="samples there are to evaluate"
    )
    lengths: Lengths = Lengths()
    save_steps: int = Field(default=0, ge=0, description="steps between saves; 0: none")
    logging_steps: int = Field(default=10, ge=1, description="steps between logs")
    costs: Costs = Costs()
    between_runs: float = Field(
        default=0.0,
        ge=0,
        description="by how much runs differ as a whole: the standard deviation of a log factor",
    )
    evaluation_between_runs: float = Field(
        default=0.0, ge=0, description="the same, of evaluation alone"
    )
    slow_evaluations: SlowEvaluations = SlowEvaluations()
    memory: Memory = Memory()
    noise: list[Noise] = Field(default=[])
    clock: Literal["virtual", "real"] = Field(
        default="virtual", description="whether anything is really waited for"
    )
    faults: list[Fault] = Field(default=[])

    @model_validator(mode="after")
    def _survives(self) -> SyntheticJob:
        if self.clock == "virtual" and any(f.ending in ("hang", "kill") for f in self.faults):
            raise ValueError("faults: hang and kill need clock: real, where runs are processes")
        return self

    @property
    def is_virtual(self) -> bool:
        return self.clock == "virtual"

    @property
    def cpus(self) -> int:
        return 1

    def evaluated_steps(self, schedule: Schedule, steps: int) -> list[int] | None:
        return schedule.evaluated_steps(self.epochs, self.steps_per_epoch)

    @property
    def steps_per_epoch(self) -> int:
        """Optimizer steps in one epoch."""
        return self.steps_in_epoch

    @property
    def meters_memory_apart(self) -> bool:
        return False

    def evaluates_alike(self, evaluation_samples: int | None) -> Hashable:
        return min(evaluation_samples or 0, self.evaluation_batch)

    def check_trials(self) -> None:
        return

    @property
    def own_batch(self) -> int:
        return self.train_batch

    @property
    def foresees(self) -> bool:
        return True

    def check(self, evaluation_samples: int) -> None:
        if self.epochs * self.steps_in_epoch > _MOST_STEPS:
            raise InputError(
                f"job.epochs: expected at most {_MOST_STEPS:,} steps in all, got "
                f"{self.epochs * self.steps_in_epoch:,}"
            )
        if evaluation_samples > self.samples:
            raise InputError(
                f"job.samples: expected at least {evaluation_samples}, the largest evaluation set, "
                f"got {self.samples}"
            )

    def describe(self) -> dict[str, Any]:
        return {"job": "synthetic", "model": "known costs", "device": "none"}

    @property
    def runner(self) -> str:
        return "evalskip.jobs.synthetic.run"
