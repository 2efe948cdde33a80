"""The arms of an experiment: a job under one schedule and one evaluation-set size."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    model_validator,
)

from evalskip.beside.process import parse_device
from evalskip.notes import Note, note
from evalskip.schedules import Off, Schedule

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

OFF = "off"
OFF_AGAIN = "off_again"


class ArmRemedies(BaseModel):
    """How an arm makes evaluation cheaper, with any job whose Trainer takes callbacks."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    arguments: dict[str, JsonValue] = Field(
        default={}, description="of TrainingArguments, such as per_device_eval_batch_size: 8"
    )
    by_length: bool = Field(default=False, description="evaluate samples of like lengths together")
    samples: int | None = Field(default=None, ge=1, description="of a random subset; unset: all")

    @property
    def texts(self) -> list[str]:
        """As an arm's name has them."""
        return [
            *written(self.arguments),
            *(["by_length"] if self.by_length else []),
            *([f"subset={self.samples}"] if self.samples else []),
        ]

    def callbacks(self) -> list[tuple[str, list[Any]]]:
        """Names in evalskip.callbacks, with their arguments."""
        return [
            *([("SetArguments", [self.arguments])] if self.arguments else []),
            *([("SortByLength", [])] if self.by_length else []),
            *([("EvalSubset", [self.samples])] if self.samples else []),
        ]


class ArmPlace(BaseModel):
    """Where an arm evaluates: inside training, beside it, or once it is over."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    where: Literal["inside", "beside", "afterwards"] = Field(
        default="inside",
        description="inside training; beside it, in a second process; or afterwards, in one too",
    )
    device: Annotated[str, AfterValidator(parse_device)] = Field(
        default="cpu", description="of the second process"
    )
    cores: list[Annotated[int, Field(ge=0)]] = Field(
        default=[], description="of the CPU, on which the second process stays; unset: all"
    )

    @property
    def is_inside(self) -> bool:
        """Whether training waits for its evaluations as they come."""
        return self.where == "inside"

    @property
    def texts(self) -> list[str]:
        """As an arm's name has them."""
        if self.is_inside:
            return []
        device = [f"device={self.device}"] if self.device != "cpu" else []
        cores = [f"cores={','.join(map(str, self.cores))}"] if self.cores else []
        return [self.where, *device, *cores]

    def callbacks(self) -> list[tuple[str, list[Any]]]:
        """Names in evalskip.callbacks, with their arguments."""
        if self.is_inside:
            return []
        when = "during" if self.where == "beside" else "afterwards"
        return [("EvalBeside", [self.device, self.cores, "all", when])]


@dataclass(frozen=True)
class Arm:
    """One arm; ``off`` evaluates nothing and so has no evaluation samples."""

    name: str
    schedule: Schedule
    evaluation_samples: int | None
    evaluation: Mapping[str, Any] = field(default_factory=dict)
    """Settings of the job with which this arm evaluates otherwise."""
    remedies: ArmRemedies = field(default_factory=ArmRemedies)
    place: ArmPlace = field(default_factory=ArmPlace)

    @property
    def settings(self) -> list[str]:
        """What its evaluation has of its own, in words."""
        return [*written(self.evaluation), *self.remedies.texts, *self.place.texts]

    @property
    def is_known_whole(self) -> bool:
        """Whether only a whole run says what it takes, and neither a slice nor a few steps do.

        The clock decides how often it evaluates, or another process evaluates meanwhile.
        """
        return self.schedule.decides_by_the_clock or not self.place.is_inside


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, int) and not isinstance(value, bool) else value


class ArmEntry(BaseModel):
    """A line under ``arms:``: a schedule, its parameters, and evaluation-set sizes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schedule: Schedule
    evaluation_samples: (
        Annotated[list[Annotated[int, Field(ge=1)]], BeforeValidator(_as_list), Field(min_length=1)]
        | None
    ) = Field(default=None, description="sizes; without them, the job's own evaluation set")
    evaluation: dict[str, JsonValue] = Field(
        default={},
        description="settings of the job with which this arm evaluates otherwise, such as "
        "evaluation_batch: 1",
    )
    remedies: ArmRemedies = Field(
        default=ArmRemedies(), description="how this arm makes evaluation cheaper"
    )
    place: ArmPlace = Field(
        default=ArmPlace(), description="its fields stand beside schedule: where this arm evaluates"
    )

    @model_validator(mode="before")
    @classmethod
    def _nest(cls, entry: Any) -> Any:
        """``{schedule: every_n_epochs, n: 5, ...}`` is flat for people, nested for us."""
        if not isinstance(entry, dict) or isinstance(entry.get("schedule"), BaseModel | dict):
            return entry
        own = {"evaluation_samples", "evaluation", "remedies", "place"}
        place = {key: value for key, value in entry.items() if key in ArmPlace.model_fields}
        return {
            "schedule": {
                key: value for key, value in entry.items() if key not in own and key not in place
            },
            **{key: value for key, value in entry.items() if key in own},
            **({"place": place} if place else {}),
        }

    @model_validator(mode="after")
    def _not_off(self) -> ArmEntry:
        if isinstance(self.schedule, Off):
            raise ValueError("schedule: off is always measured; leave it out")
        return self

    def arms(self) -> list[Arm]:
        """One arm per evaluation-set size."""
        sizes: list[int] | list[None] = self.evaluation_samples or [None]
        return [
            arm_of(self.schedule, samples, self.evaluation, self.remedies, self.place)
            for samples in sizes
        ]

    def as_written(self) -> dict[str, Any]:
        """The entry as a spec writes it."""
        sizes = {"evaluation_samples": self.evaluation_samples} if self.evaluation_samples else {}
        otherwise = {"evaluation": self.evaluation} if self.evaluation else {}
        cheaper = self.remedies.model_dump(exclude_defaults=True)
        remedies = {"remedies": cheaper} if cheaper else {}
        place = self.place.model_dump(exclude_defaults=True)
        return {**self.schedule.model_dump(), **sizes, **otherwise, **remedies, **place}


def arm_of(
    schedule: Schedule,
    samples: int | None,
    evaluation: Mapping[str, Any],
    remedies: ArmRemedies | None = None,
    place: ArmPlace | None = None,
) -> Arm:
    """An arm with the name that its schedule, its evaluation samples and its settings give it."""
    size = "" if samples is None else f"@{samples}"
    unnamed = Arm("", schedule, samples, evaluation, remedies or ArmRemedies(), place or ArmPlace())
    otherwise = "".join(f"+{text}" for text in unnamed.settings)
    return replace(unnamed, name=f"{schedule.label}{size}{otherwise}")


def written(settings: Mapping[str, Any]) -> list[str]:
    """Settings as a command line has them: ``key=value``."""
    return [f"{key}={json.dumps(value)}" for key, value in settings.items()]


def evaluation_notes(samples: int | None, settings: Sequence[str]) -> list[Note | str]:
    """Which evaluation it is: its samples, unless they are the job's own, and its settings."""
    return [*([note("samples", samples=samples)] if samples else []), *settings]


def entry_of(name: str) -> dict[str, Any]:
    """The entry that an arm's name stands for: ``every_n_epochs:5@128``."""
    label, _, samples = name.partition("@")
    schedule, _, n = label.partition(":")
    entry: dict[str, Any] = {"schedule": schedule}
    if n:
        entry["n"] = int(n) if n.isdecimal() else n
    if samples:
        entry["evaluation_samples"] = int(samples) if samples.isdecimal() else samples
    return entry


def baseline_arms() -> list[Arm]:
    """``off``, and ``off`` once more: the two that every experiment holds."""
    return [Arm(OFF, Off(), None), Arm(OFF_AGAIN, Off(), None)]
