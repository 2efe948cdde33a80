"""What a spec may say of a ``transformers`` job. Light: nothing here imports torch."""

from __future__ import annotations

import json
import math
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, JsonValue, field_validator, model_validator

from evalskip.errors import InputError
from evalskip.jobs.base import CurveSize
from evalskip.jobs.distributed import DistributedJob
from evalskip.jobs.transformers.data import Data
from evalskip.jobs.transformers.model import Model
from evalskip.machine.devices import cuda_is_usable

if TYPE_CHECKING:
    from collections.abc import Hashable

    from evalskip.jobs.base import Measure
    from evalskip.schedules import Schedule


def _json(path: Path) -> Any:
    """What a file holds; None: there is no such file, or no JSON in it."""
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return None


class TransformersJob(DistributedJob):
    """A causal language model on real text, through ``datasets`` and the Trainer."""

    kind: Literal["transformers"]
    epochs: int = Field(ge=1, description="passes over the training samples")
    model: Model
    data: Data
    finetuning: Literal["full", "lora", "qlora"] = Field(
        default="full", description="what is trained; qlora needs a CUDA device and bitsandbytes"
    )
    lora_rank: int = Field(default=8, ge=1, description="of lora and qlora")
    train_batch: int = Field(default=8, ge=1, description="samples in a micro-batch")
    evaluation_batch: int = Field(default=8, ge=1, description="samples in an evaluation batch")
    evaluation_length: int | None = Field(
        default=None, ge=2, description="tokens in an evaluated sample; unset: as in a trained one"
    )
    metrics: bool = Field(
        default=False,
        description="the accuracy of every token (`compute_metrics`), for which the Trainer keeps "
        "the logits of all evaluated samples",
    )
    preprocess_logits: bool = Field(
        default=False, description="metrics from arg-max ids (`preprocess_logits_for_metrics`)"
    )
    eval_accumulation_steps: int | None = Field(
        default=None, ge=1, description="batches after which logits leave the device"
    )
    prediction_loss_only: bool = Field(default=False, description="the loss, whatever else is set")
    generated_tokens: int = Field(
        default=0, ge=0, description="generate so many from each evaluated sample, as a prompt"
    )
    gradient_accumulation: int = Field(default=1, ge=1, description="micro-batches in a step")
    learning_rate: float = Field(default=5e-4, gt=0, description="of AdamW, at its highest")
    logging_steps: int = Field(default=10, ge=1, description="steps between logs")
    save_steps: int = Field(default=0, ge=0, description="steps between checkpoints; 0: none")
    loader_workers: int = Field(default=0, ge=0, description="processes that load data")
    device: Literal["auto", "cpu", "cuda"] = Field(
        default="auto", description="auto: a CUDA device where one is usable"
    )
    fsdp: str | None = Field(
        default=None, description="as in TrainingArguments: full_shard, or full_shard auto_wrap"
    )
    fsdp_config: dict[str, JsonValue] = Field(default={}, description="as in TrainingArguments")
    deepspeed: str | None = Field(
        default=None, description="a file with DeepSpeed's configuration, as in TrainingArguments"
    )

    evaluation_settings: ClassVar[frozenset[str]] = frozenset(
        {
            "evaluation_batch",
            "metrics",
            "preprocess_logits",
            "eval_accumulation_steps",
            "prediction_loss_only",
            "generated_tokens",
        }
    )

    @model_validator(mode="after")
    def _fits(self) -> TransformersJob:
        positions = self.model.fields().get("max_position_embeddings")
        evaluated = (self.evaluation_length or self.data.length) + self.generated_tokens
        for name, length in (("data.length", self.data.length), ("evaluation_length", evaluated)):
            if isinstance(positions, int) and length > positions:
                raise ValueError(
                    f"{name}: expected at most {positions}, the model's positions, got {length}"
                )
        if self.generated_tokens and not self.metrics:
            raise ValueError("generated_tokens: expected metrics: true, without which none are")
        if self.preprocess_logits and not self.metrics:
            raise ValueError("preprocess_logits: expected metrics: true, whose logits they are")
        vocabulary = self.model.fields().get("vocab_size")
        if isinstance(vocabulary, int) and self.data.vocabulary > vocabulary:
            raise ValueError(
                f"data.vocabulary: expected at most {vocabulary}, the model's vocabulary, "
                f"got {self.data.vocabulary}"
            )
        return self

    @field_validator("deepspeed")
    @classmethod
    def _configures_deepspeed(cls, deepspeed: str | None) -> str | None:
        if deepspeed is not None and not isinstance(_json(Path(deepspeed)), dict):
            raise ValueError(f"expected a file of JSON that configures DeepSpeed, got {deepspeed}")
        return deepspeed

    @model_validator(mode="after")
    def _shards(self) -> TransformersJob:
        for name in ("fsdp", "deepspeed"):
            if getattr(self, name) and not self.by_torchrun:
                raise ValueError(f"{name}: expected processes as well, over which it shards")
        if self.fsdp_config and not self.fsdp:
            raise ValueError("fsdp_config: expected fsdp as well, which it configures")
        return self

    def evaluated_steps(self, schedule: Schedule, steps: int) -> list[int] | None:
        return schedule.evaluated_steps(self.epochs, self.steps_per_epoch)

    @property
    def steps_per_epoch(self) -> int:
        """Optimizer steps in one epoch; each rank takes every so-manieth batch."""
        batches = math.ceil(math.ceil(self.data.train_samples / self.train_batch) / self.ranks)
        return math.ceil(batches / self.gradient_accumulation)

    def evaluates_alike(self, evaluation_samples: int | None) -> Hashable:
        """Logits of all samples are kept for metrics; beside that, a batch is all that is held."""
        return (
            evaluation_samples
            if self.metrics
            else min(evaluation_samples or 0, self.evaluation_batch)
        )

    def check_trials(self) -> None:
        self.check_alone("batches can be tried")

    def curve_size(self, evaluation_samples: int, test_samples: int, holdout: float) -> CurveSize:
        self.check_alone("curves are kept")
        self.check(evaluation_samples + test_samples)
        samples = self.data.train_samples
        holdout_samples = max(1, round(holdout * samples))
        least = self.train_batch * self.gradient_accumulation
        if samples - holdout_samples < least:
            raise InputError(
                f"regret.holdout: expected at least {least} samples to be left to train on, got "
                f"{samples - holdout_samples}"
            )
        if self.generated_tokens or self.metrics:
            raise InputError("job.metrics: expected none, since checkpoints are told by their loss")
        return CurveSize(self.epochs, samples, holdout_samples, self.evaluation_batch)

    @property
    def generates(self) -> bool:
        return self.generated_tokens > 0

    @property
    def own_batch(self) -> int:
        return self.train_batch

    @property
    def micro_batches(self) -> int:
        return self.gradient_accumulation

    @property
    def on_cuda(self) -> bool:
        """Whether runs will use a CUDA device."""
        return self.device == "cuda" or (self.device == "auto" and cuda_is_usable())

    @property
    def meters_memory_apart(self) -> bool:
        return not self.on_cuda

    def check(self, evaluation_samples: int) -> None:
        from evalskip.jobs.transformers.text import samples_in

        needed = ("torch", "transformers", "accelerate", "datasets", "tokenizers")
        for package in needed if self.finetuning == "full" else (*needed, "peft"):
            if find_spec(package) is None:
                raise InputError(
                    f"job.kind: transformers needs {package}; expected pip install "
                    "'evalskip[train]'"
                )
        if self.device == "cuda" and not cuda_is_usable():
            raise InputError("job.device: expected cpu or auto, since no CUDA device is usable")
        if self.finetuning == "qlora" and not self.on_cuda:
            raise InputError("job.finetuning: qlora needs a CUDA device; expected full or lora")
        if self.fsdp and not self.on_cuda:
            raise InputError("job.fsdp: expected CUDA devices; on CPUs the Trainer shards nothing")
        if self.deepspeed and find_spec("deepspeed") is None:
            raise InputError("job.deepspeed: expected DeepSpeed to be installed")
        if self.finetuning == "qlora" and find_spec("bitsandbytes") is None:
            raise InputError(
                "job.finetuning: qlora needs bitsandbytes; expected pip install 'evalskip[qlora]'"
            )
        available = samples_in(self.data)
        required = self.data.train_samples + evaluation_samples * self.pieces
        if required > available:
            longer = f", each {self.pieces} times as long" if self.pieces > 1 else ""
            raise InputError(
                f"job.data: expected at most {available} samples of {self.data.length} tokens, "
                f"which is what {self.data.text} holds, got {self.data.train_samples} to train on "
                f"and {evaluation_samples} to evaluate{longer}"
            )

    @property
    def pieces(self) -> int:
        """Samples of training length that an evaluated sample is made of."""
        return math.ceil((self.evaluation_length or self.data.length) / self.data.length)

    def describe(self) -> dict[str, Any]:
        return {
            "job": f"transformers, {self.finetuning}",
            "model": self.model.config,
            "device": "cuda" if self.on_cuda else "cpu",
        }

    def content(self) -> dict[str, Any]:
        fields: dict[str, Any] = {"model": self.model.fields()}
        if self.deepspeed:
            fields["deepspeed"] = _json(Path(self.deepspeed))
        return fields

    @property
    def runner(self) -> str:
        return "evalskip.jobs.transformers.run"

    def environment(self, measure: Measure) -> dict[str, str]:
        return {
            "HF_HUB_OFFLINE": "1",
            "HF_DATASETS_OFFLINE": "1",
            "TRANSFORMERS_VERBOSITY": "error",
            **self.training_environment(measure),
        }
