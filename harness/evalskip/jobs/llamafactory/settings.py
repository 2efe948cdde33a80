"""What a spec may say of a ``llamafactory`` job: LLaMA-Factory's own keys, passed through."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, JsonValue, model_validator

from evalskip.errors import InputError
from evalskip.jobs.base import Keeping
from evalskip.jobs.distributed import DistributedJob
from evalskip.jobs.llamafactory.comparable import MATCHING, SIDE_EFFECTS, applied, explained
from evalskip.machine.devices import first_gpu, gpus
from evalskip.notes import Note, note
from evalskip.schedules import AsWritten, FinalOnly, Off

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalskip.jobs.base import Measure
    from evalskip.schedules import Schedule

STAGES = ("pt", "sft", "rm", "dpo", "kto")
PYTHON = Path(".venv-llamafactory/bin/python")
"""Where ``make llamafactory`` puts the interpreter that has LLaMA-Factory."""


def built_interpreters() -> list[str]:
    """Those that ``make llamafactory`` has built, one per release, the oldest first."""
    return sorted(map(str, Path().glob(".venv-llamafactory-*/bin/python")))


_STRATEGIES = ("no", "steps", "epoch")
# decided by the schedule of an arm; whatever else the user wrote stays
_WHEN = ("do_eval", "eval_strategy", "eval_steps", "eval_on_start", "eval_delay")


def _processes() -> int | None:
    """What LLaMA-Factory's own variables ask for."""
    if os.environ.get("FORCE_TORCHRUN", "0").lower() not in ("1", "true", "y"):
        return None
    setting = os.environ.get("NPROC_PER_NODE", "gpu")
    if setting in ("gpu", "auto"):  # as torchrun reads them
        return max(1, len(gpus()))
    if not setting.isdecimal() or int(setting) == 0:
        raise InputError(f"NPROC_PER_NODE: expected a number of processes, or gpu, got {setting}")
    return int(setting)


class LlamaFactoryJob(DistributedJob):
    """A LLaMA-Factory configuration as its author wrote it."""

    kind: Literal["llamafactory"]
    settings: dict[str, JsonValue] = Field(description="LLaMA-Factory's own keys")
    python: str | None = Field(
        default=None,
        description="the Python that has LLaMA-Factory; without it, the one that "
        "`make llamafactory` builds",
    )
    processes: int | None = Field(
        default_factory=_processes,
        ge=1,
        description="start each run by torchrun, on so many processes of each node; without it, "
        "and without FORCE_TORCHRUN and NPROC_PER_NODE in the environment, one process and no "
        "torchrun",
    )

    sizes_evaluation: ClassVar[bool] = False
    closing_evaluations: ClassVar[int] = 1
    evaluation_settings: ClassVar[frozenset[str]] = frozenset(
        {"per_device_eval_batch_size", "eval_accumulation_steps", "prediction_loss_only"}
    )

    @model_validator(mode="after")
    def _measurable(self) -> LlamaFactoryJob:
        """What would make every run fail, or make arms incomparable, said at once."""
        settings = self.settings
        for key in ("model_name_or_path", "stage", "dataset"):
            if not settings.get(key):
                raise ValueError(f"{key}: missing; expected what LLaMA-Factory trains with")
        stage = settings["stage"]
        if stage not in STAGES:
            refused = "its rollouts are no evaluation" if stage == "ppo" else "no such stage"
            raise ValueError(f"stage: expected one of {', '.join(STAGES)}, got {stage}: {refused}")
        if settings.get("do_train") is not True:
            raise ValueError("do_train: expected true, since evalskip measures training")
        strategy = settings.get("eval_strategy", "no")
        if strategy is False:
            raise ValueError('eval_strategy: expected "no" in quotes: unquoted, YAML reads false')
        if strategy not in _STRATEGIES:
            raise ValueError(
                f"eval_strategy: expected one of {', '.join(_STRATEGIES)}, got {strategy}"
            )
        if settings.get("val_size") and settings.get("eval_dataset"):
            raise ValueError("val_size: expected either val_size or eval_dataset, got both")
        if str(settings.get("lr_scheduler_type", "")).startswith("reduce_lr_on_plateau"):
            raise ValueError(
                "lr_scheduler_type: expected a scheduler that no evaluation drives, got "
                f"{settings['lr_scheduler_type']}: without evaluation the job would train "
                "differently"
            )
        if settings.get("streaming") and not settings.get("max_steps"):
            raise ValueError("max_steps: missing; expected a number of steps, with streaming: true")
        return self

    @property
    def runner(self) -> str:
        return "evalskip.worker.llamafactory"

    @property
    def interpreter(self) -> str | None:
        return str(Path(self.python or PYTHON).absolute())

    @property
    def generates(self) -> bool:
        return bool(self.settings.get("predict_with_generate"))

    @property
    def keeping(self) -> Keeping:
        patience = self.settings.get("early_stopping_steps")
        return Keeping(
            loads_best=self.settings.get("load_best_model_at_end") is True,
            saves_best=self.settings.get("save_strategy") == "best",
            patience=patience if isinstance(patience, int) else None,
        )

    @property
    def on_cuda(self) -> bool:
        """Whether runs will use a CUDA device."""
        return first_gpu() is not None and not self.settings.get("use_cpu")

    @property
    def meters_memory_apart(self) -> bool:
        return not self.on_cuda

    def check(self, evaluation_samples: int) -> None:
        interpreter = self.python or str(PYTHON)
        if shutil.which(interpreter) is None:
            raise InputError(
                f"job.python: {interpreter}: no such interpreter; expected one that has "
                "LLaMA-Factory, by --python or from make llamafactory"
            )
        if not (self.settings.get("val_size") or self.settings.get("eval_dataset")):
            raise InputError(
                "val_size: missing; expected val_size or eval_dataset, since arms evaluate"
            )
        model = str(self.settings["model_name_or_path"])
        looks_local = model.startswith((".", "/", "~")) or os.sep in model.rstrip("/").strip("/")
        offline = os.environ.get("HF_HUB_OFFLINE") == "1"
        if (model.startswith((".", "/", "~")) or (looks_local and offline)) and not Path(
            model
        ).expanduser().exists():
            raise InputError(f"model_name_or_path: {model}: no such folder")

    def evaluated_steps(self, schedule: Schedule, steps: int) -> list[int] | None:
        """See :meth:`BaseJob.evaluated_steps`; where evaluation is delayed it is not foreseen."""
        if isinstance(schedule, Off):
            return []
        if any(self.settings.get(key) for key in ("eval_on_start", "eval_delay")) or not steps:
            return None
        epochs = float(str(self.settings.get("num_train_epochs", 3.0)))
        limited = int(str(self.settings.get("max_steps", -1))) > 0
        if limited or not epochs.is_integer() or steps % int(epochs):
            # epochs cannot be told from steps
            return schedule.evaluated_steps(1, steps) if "step" in schedule.label else None
        return schedule.evaluated_steps(int(epochs), steps // int(epochs))

    def arguments(self, schedule: Schedule) -> dict[str, Any]:
        """All that LLaMA-Factory is given, but the folder it writes into."""
        settings = applied(self.settings, SIDE_EFFECTS)
        settings["report_to"] = "none"
        if isinstance(schedule, AsWritten):
            return settings
        evaluates_inside = not isinstance(schedule, Off | FinalOnly)
        user_settings = {
            key: value
            for key, value in applied(settings, MATCHING).items()
            if key not in _WHEN or (key in ("eval_on_start", "eval_delay") and evaluates_inside)
        }
        return {
            **user_settings,
            "do_eval": isinstance(schedule, FinalOnly),
            **schedule.trainer_arguments(),
        }

    def evaluating(self, settings: Mapping[str, Any]) -> LlamaFactoryJob:
        self._check_evaluation(settings)
        return self.model_copy(update={"settings": {**self.settings, **settings}})

    def check_trials(self) -> None:
        if self.settings.get("streaming"):
            raise InputError(
                "streaming: batches of a stream cannot be tried: no sample is the longest"
            )
        self.check_alone("batches can be tried")

    @property
    def own_batch(self) -> int:
        return int(str(self.settings.get("per_device_train_batch_size", 8)))

    @property
    def micro_batches(self) -> int:
        return int(str(self.settings.get("gradient_accumulation_steps", 1)))

    def changes(self) -> list[Note]:
        return explained(self.settings)

    def coupled(self, schedule: Schedule) -> Note | None:
        if not isinstance(schedule, AsWritten):
            return None
        steering = [rule.key for rule in MATCHING if rule.changes(self.settings)]
        if not steering:
            return None
        return note("evaluation_steers", settings=steering)

    def describe(self) -> dict[str, Any]:
        tuning = self.settings.get("finetuning_type", "lora")
        return {
            "job": f"llamafactory, {self.settings['stage']}, {tuning}",
            "model": Path(str(self.settings["model_name_or_path"])).name,
            "device": "cuda" if self.on_cuda else "cpu",
        }

    def environment(self, measure: Measure) -> dict[str, str]:
        return self.training_environment(measure)
