"""A whole spec: one experiment."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from evalskip.errors import InputError
from evalskip.jobs import Job
from evalskip.schedules import AsWritten, EveryEpoch
from evalskip.spec.arms import Arm, ArmEntry, baseline_arms
from evalskip.spec.design import Design, Limits
from evalskip.spec.regret import RegretDesign


class Spec(BaseModel):
    """What a user writes to have an experiment made."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    job: Job
    arms: list[ArmEntry] = Field(min_length=1)
    measure: list[Literal["time", "memory", "headroom"]] = Field(
        default=["time", "memory"], min_length=1, description="what runs are made for"
    )
    design: Design = Design()
    limits: Limits = Limits()
    regret: RegretDesign = RegretDesign()
    claimed_gain: tuple[float, float] | None = Field(
        default=None,
        description="the range that somebody claims, such as [0.15, 0.30]: verdicts are on the "
        "throughput gain, and on the time saved, at every arm that evaluates every epoch; null: "
        "nothing is judged",
    )

    @field_validator("measure")
    @classmethod
    def _no_repeats(cls, measure: list[str]) -> list[str]:
        if len(set(measure)) != len(measure):
            raise ValueError("expected each of time, memory, headroom at most once")
        if measure == ["headroom"]:
            raise ValueError("expected time or memory as well; evalskip headroom does it alone")
        return measure

    @field_validator("claimed_gain")
    @classmethod
    def _in_order(cls, claimed: tuple[float, float] | None) -> tuple[float, float] | None:
        if claimed is not None and not 0 <= claimed[0] < claimed[1]:
            raise ValueError("expected two fractions, the lower one first, such as [0.15, 0.30]")
        return claimed

    @model_validator(mode="after")
    def _distinct(self) -> Spec:
        for index, entry in enumerate(self.arms):
            if self.job.sizes_evaluation and entry.evaluation_samples is None:
                raise ValueError(
                    f"arms.{index}.evaluation_samples: missing; expected numbers of samples"
                )
            if isinstance(entry.schedule, AsWritten) and self.job.sizes_evaluation:
                raise ValueError(f"arms.{index}.schedule: as_written needs a job of the user's own")
            if self.job.foresees and self.job.evaluated_steps(entry.schedule, 1) is None:
                raise ValueError(
                    f"arms.{index}.schedule: expected one whose steps are known beforehand, with "
                    f"this kind of job, got {entry.schedule.label}"
                )
            try:
                self.job.evaluating(entry.evaluation)
            except InputError as error:
                raise ValueError(f"arms.{index}.{error}") from None
        if "headroom" in self.measure:
            self.job.check_trials()
        names: set[str] = set()
        for arm in self.all_arms():
            if arm.name in names:
                raise ValueError(f"arms: expected distinct arms, got {arm.name} twice")
            names.add(arm.name)
        return self

    def all_arms(self) -> list[Arm]:
        """Every arm, ``off`` and ``off_again`` first."""
        return baseline_arms() + [arm for entry in self.arms for arm in entry.arms()]

    def every_epoch_arms(self) -> list[str]:
        """The arms that evaluate every epoch as it is, at each number of samples."""
        return [
            arm.name
            for arm in self.all_arms()
            if isinstance(arm.schedule, EveryEpoch)
            and not arm.remedies.texts
            and arm.place.is_inside
        ]

    @property
    def has_remedies(self) -> bool:
        """Whether an arm makes evaluation cheaper."""
        return any(arm.remedies.texts for arm in self.all_arms())

    def judged_arms(self) -> list[str]:
        """The arms at which the claimed gain is judged."""
        return [] if self.claimed_gain is None else self.every_epoch_arms()

    def largest_evaluation(self) -> int:
        """Samples of the largest evaluation set."""
        return max(
            (samples for entry in self.arms for samples in entry.evaluation_samples or ()),
            default=0,
        )

    def resolved(self) -> dict[str, Any]:
        """The spec with every default filled in, as YAML can hold it."""
        fields = self.model_dump(mode="json")
        fields["arms"] = [entry.as_written() for entry in self.arms]
        return fields

    def digest(self) -> str:
        """Names what is measured: equal for specs whose runs can stand in one analysis.

        The budget and the repeats are left out, since they change no run.
        """
        fields = self.resolved()
        del fields["design"]["budget"], fields["design"]["repeats"]
        if self.claimed_gain is None:
            del fields["claimed_gain"]
        text = json.dumps([fields, self.job.content()], sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
