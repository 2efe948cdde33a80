"""Any training script, run by a command line in which the schedule has a place."""

from __future__ import annotations

import shlex
import shutil
import string
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from evalskip.errors import InputError
from evalskip.jobs.distributed import DistributedJob
from evalskip.machine.devices import first_gpu
from evalskip.schedules import Off

if TYPE_CHECKING:
    from evalskip.jobs.base import Measure, RunRequest
    from evalskip.schedules import Schedule

_PLACES = ("python", "schedule", "eval_strategy", "eval_steps", "evaluation_samples", "n", "seed")
# what the Trainer takes where it is not asked to evaluate by steps: never reached
_NO_STEPS = 10**9


class CommandJob(DistributedJob):
    """A script that reports its phases: by the callback ``EvalCost``, or by ``evalskip.phase``."""

    kind: Literal["command"]
    command: str = Field(
        min_length=1,
        description="the command line, with {schedule} or {eval_strategy} and {eval_steps} in it",
    )
    schedules: dict[str, str] = Field(
        default={},
        description="what stands for {schedule}, by schedule or by arm; its name if unset",
    )
    epochs: int | None = Field(
        default=None, ge=1, description="to check when it evaluates; unchecked if unset"
    )
    python: str | None = Field(
        default=None, description="what stands for {python}; the interpreter of evalskip if unset"
    )
    name: str = Field(default="script", description="of the model, in reports")

    sizes_evaluation: ClassVar[bool] = False

    @field_validator("command")
    @classmethod
    def _has_places(cls, command: str) -> str:
        try:
            words = shlex.split(command)
            places = [place for _, place, _, _ in string.Formatter().parse(command) if place]
        except ValueError as error:
            raise ValueError(f"expected a command line: {error}") from None
        if not words:
            raise ValueError("expected a command line, got nothing")
        unknown = [place for place in places if place not in _PLACES]
        if unknown:
            choices = ", ".join(f"{{{place}}}" for place in _PLACES)
            raise ValueError(f"expected placeholders from {choices}, got {{{unknown[0]}}}")
        if not {"schedule", "eval_strategy", "n"} & set(places):
            raise ValueError("expected a placeholder {schedule}, so that arms can differ")
        return command

    @model_validator(mode="after")
    def _is_run_by_python(self) -> CommandJob:
        first = shlex.split(self.command)[0]
        if self.by_torchrun and not (first == "{python}" or Path(first).name.startswith("python")):
            raise ValueError(
                "processes: expected a command that begins with {python}, which torchrun then "
                f"starts on each of them, got {first}"
            )
        return self

    @model_validator(mode="after")
    def _speaks_of_schedules(self) -> CommandJob:
        if self.schedules and "{schedule}" not in self.command:
            raise ValueError("schedules: of no use, since {schedule} is not in job.command")
        return self

    @property
    def runner(self) -> str:
        raise NotImplementedError("a command needs no runner")

    @property
    def on_cuda(self) -> bool:
        return first_gpu() is not None

    @property
    def meters_memory_apart(self) -> bool:
        return not self.on_cuda

    def check(self, evaluation_samples: int) -> None:
        program = shlex.split(self.command)[0].replace("{python}", self.python or sys.executable)
        if shutil.which(program) is None:
            raise InputError(f"job.command: {program}: no such program")

    def evaluated_steps(self, schedule: Schedule, steps: int) -> list[int] | None:
        if isinstance(schedule, Off):
            return []
        if self.epochs is None or not steps or steps % self.epochs:
            return None
        return schedule.evaluated_steps(self.epochs, steps // self.epochs)

    def describe(self) -> dict[str, Any]:
        return {
            "job": "command",
            "model": self.name,
            "device": "cuda" if self.on_cuda else "cpu",
        }

    def environment(self, measure: Measure) -> dict[str, str]:
        return self.training_environment(measure)

    def command_line(self, request: RunRequest) -> list[str]:
        """The words of the command that makes a run."""
        schedule = request.schedule
        n = getattr(schedule, "n", 0)
        arguments = {"eval_steps": _NO_STEPS, **schedule.trainer_arguments()}
        named = [request.arm, schedule.label, schedule.schedule]
        chosen = next((self.schedules[name] for name in named if name in self.schedules), None)
        places = {"n": n, "seed": request.seed, "python": self.python or sys.executable}
        filled = self.command.format(
            schedule=schedule.label if chosen is None else chosen.format(**places),
            eval_strategy=arguments["eval_strategy"],
            eval_steps=arguments["eval_steps"],
            evaluation_samples=request.evaluation_samples or "",
            **places,
        )
        return shlex.split(filled)
