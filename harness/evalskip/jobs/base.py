"""What every kind of job offers: settings that a spec holds, and where its runner is found."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from evalskip.errors import InputError
from evalskip.schedules import Schedule
from evalskip.slices import Slice

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from evalskip.notes import Note

Measure = Literal["time", "memory"]
Purpose = Literal[
    "time",
    "memory",
    "duration",
    "trial",
    "throughput",
    "pilot",
    "curve",
    "proof",
    "observation",
]
"""What a run is made for: ``time`` and ``memory`` are of blocks that hold every arm."""


class RunId(BaseModel):
    """Names a run within its experiment."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    purpose: Purpose
    block: int = Field(ge=0, description="runs of one purpose that belong together, from 1")
    attempt: int = Field(default=0, ge=0, description="at the same run or block, from 0")
    position: int = Field(default=0, ge=0, description="place in the order of its block, from 0")

    @property
    def name(self) -> str:
        """In file names."""
        return f"{self.purpose}-{self.block:04d}-{self.attempt}-{self.position:02d}"

    def with_attempt(self, attempt: int) -> RunId:
        """The same run at another attempt."""
        return self.model_copy(update={"attempt": attempt})


class TrialRequest(BaseModel):
    """A few steps at a batch that may not fit, in place of a whole run."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    batch: int = Field(ge=1, description="samples in a micro-batch")
    evaluates: bool = Field(description="whether an evaluation comes between the steps")
    limit_bytes: int = Field(ge=1)
    beyond_process: bool = Field(
        default=False, description="whether what the process holds beforehand does not count"
    )
    passes: int = Field(default=1, ge=1, description="how often steps and evaluation are repeated")


class CurveRequest(BaseModel):
    """Keep losses over the training in place of timing it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    steps: list[int] = Field(
        default=[], description="evaluate after these; none: as the Trainer is told to"
    )
    test_samples: int = Field(ge=0, description="samples that choose nothing")
    holdout_samples: int = Field(ge=0, description="of the training samples, held back")
    holdout_set: int = Field(
        default=0,
        ge=0,
        description="which of the sets that share no sample; there are samples for it",
    )
    every: int | None = Field(
        default=None, description="steps between evaluations of a real run that may stop early"
    )
    patience: int | None = Field(default=None, description="of such a run")


class RunRequest(BaseModel):
    """All that a runner needs to know to make one run."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: RunId
    arm: str
    schedule: Schedule
    evaluation_samples: int | None
    measure: Measure
    seed: int
    restore_random_state: bool = True
    arguments: dict[str, Any] = Field(
        default={}, description="in the job's own words, what brings the schedule about"
    )
    evaluation: dict[str, Any] = Field(
        default={}, description="settings of the job with which this arm evaluates otherwise"
    )
    sliced: Slice | None = Field(default=None, description="run so much of the job; None: all")
    trial: TrialRequest | None = Field(default=None, description="make a trial in place of a run")
    curve: CurveRequest | None = Field(
        default=None, description="keep losses over the training in place of timing it"
    )
    tells_losses: bool = Field(
        default=False, description="say, after T, what the samples that it evaluates lose"
    )
    train_samples: int | None = Field(
        default=None,
        description="train on so many samples, the job's own over and over; None: its own",
    )
    output: str | None = Field(
        default=None, description="a folder to write into; None: one that is taken away after"
    )
    callbacks: list[tuple[str, list[JsonValue]]] = Field(
        default=[], description="names in evalskip.callbacks, with their arguments"
    )
    by_rank: dict[int, dict[str, Any]] = Field(
        default={}, description="arguments that a rank has otherwise, to see what comes of it"
    )

    def with_attempt(self, attempt: int) -> RunRequest:
        """The same run at another attempt."""
        return self.model_copy(update={"id": self.id.with_attempt(attempt)})


@dataclass(frozen=True)
class Keeping:
    """What a job keeps of training by evaluation, and when it stops by it."""

    loads_best: bool = False
    saves_best: bool = False
    patience: int | None = None
    """Evaluations without a new best after which it stops; None: it does not."""


@dataclass(frozen=True)
class CurveSize:
    """What a training goes through of which losses are kept."""

    epochs: int
    train_samples: int
    """Those held back among them."""
    holdout_samples: int
    evaluation_batch: int
    """Samples."""


class BaseJob(BaseModel, ABC):
    """Settings of one job; subclasses add ``kind: Literal[...]`` and say how it is run."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    evaluation_settings: ClassVar[frozenset[str]] = frozenset()
    """Those that an arm may set otherwise."""
    sizes_evaluation: ClassVar[bool] = True
    """Whether a spec must say how many samples an arm evaluates; otherwise the job has its own."""
    closing_evaluations: ClassVar[int] = 0
    """Evaluations after training that the job's own program adds wherever it evaluates at all."""

    @property
    def is_virtual(self) -> bool:
        """Whether its clock is simulated: runs take no time, and need no process of their own."""
        return False

    @property
    def ranks(self) -> int:
        """Processes of each run, on all nodes."""
        return 1

    @property
    def cpus(self) -> int | None:
        """CPU cores that a run takes of a node; None: all that it has."""
        return None

    @property
    def gpus(self) -> int:
        """Devices that a run takes of a node."""
        return 0

    @property
    def nodes_needed(self) -> int:
        """Nodes of each run."""
        return 1

    @abstractmethod
    def evaluated_steps(self, schedule: Schedule, steps: int) -> list[int] | None:
        """Optimizer steps after which a schedule evaluates this job.

        Args:
            schedule: of an arm.
            steps: that the job's runs were seen to take; 0: none was seen.

        Returns:
            None where it cannot be told.
        """

    @property
    def foresees(self) -> bool:
        """Whether it evaluates where ``evaluated_steps`` says, and so needs to know."""
        return False

    @property
    def generates(self) -> bool:
        """Whether evaluation generates: its batches can take seconds each."""
        return False

    @property
    def keeping(self) -> Keeping:
        """What evaluation decides of what is kept, and of when training stops."""
        return Keeping()

    def arguments(self, schedule: Schedule) -> dict[str, Any]:
        """In the job's own words, what brings the schedule about."""
        return schedule.trainer_arguments()

    def evaluating(self, settings: Mapping[str, Any]) -> Self:
        """The job with some settings of its evaluation set otherwise.

        Raises:
            InputError: it has no such settings; the text begins with the field's name.
        """
        self._check_evaluation(settings)
        if not settings:
            return self
        try:
            return type(self).model_validate({**self.model_dump(), **settings})
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"])) or "/".join(sorted(settings))
            reason = first["msg"].removeprefix("Value error, ")
            raise InputError(f"evaluation.{place}: {reason}") from None

    def _check_evaluation(self, settings: Mapping[str, Any]) -> None:
        unknown = sorted(set(settings) - self.evaluation_settings)
        if unknown:
            expected = ", ".join(sorted(self.evaluation_settings)) or "none"
            raise InputError(f"evaluation.{unknown[0]}: unknown setting; expected {expected}")

    def evaluates_alike(self, evaluation_samples: int | None) -> Hashable:
        """Equal for sizes of an evaluation set whose evaluation holds the same in memory."""
        return evaluation_samples

    def check_trials(self) -> None:
        """See that batches can be tried.

        Raises:
            InputError: they cannot; the text begins with the field's name.
        """
        raise InputError(f"job.kind: batches of a {self.describe()['job']} job cannot be tried")

    def curve_size(self, evaluation_samples: int, test_samples: int, holdout: float) -> CurveSize:
        """Of a training over which losses are kept.

        Args:
            evaluation_samples: that choose checkpoints.
            test_samples: that choose nothing.
            holdout: of the training samples, the share that is held back.

        Raises:
            InputError: they cannot; the text begins with the field's name.
        """
        raise InputError(
            f"job.kind: {self.describe()['job']}: curves are kept of transformers jobs; of "
            "another, expected its trainer_state.json or trainer_log.jsonl"
        )

    @property
    def own_batch(self) -> int:
        """Samples in a micro-batch, as the job has it."""
        raise NotImplementedError

    @property
    def micro_batches(self) -> int:
        """In an optimizer step (gradient accumulation)."""
        return 1

    def changes(self) -> list[Note]:
        """What is changed of the user's configuration to make arms comparable."""
        return []

    def coupled(self, schedule: Schedule) -> Note | None:
        """Why an arm's evaluations steer its training, if they do.

        Such an arm does other work than the rest, and only its T can be compared.
        """
        return None

    @property
    @abstractmethod
    def meters_memory_apart(self) -> bool:
        """Whether memory needs runs of its own, because metering it would cost time."""

    @abstractmethod
    def check(self, evaluation_samples: int) -> None:
        """See that the job can be run with evaluation sets of up to so many samples.

        Raises:
            InputError: it cannot; the text begins with the field's name.
        """

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """``job``, ``model`` and ``device`` as the report names them."""

    def content(self) -> dict[str, Any]:
        """What files the settings name hold: with the settings, all that decides a run."""
        return {}

    @property
    @abstractmethod
    def runner(self) -> str:
        """The module whose function ``runner(settings)`` makes its runner."""

    @property
    def interpreter(self) -> str | None:
        """The Python that its runs need, where that is another than ours."""
        return None

    def environment(self, measure: Measure) -> dict[str, str]:
        """Environment variables under which its parent process starts."""
        return {}
