"""The model, the data set and the Trainer of the ``transformers`` job."""

from __future__ import annotations

import os
import tempfile
from contextlib import nullcontext
from importlib import metadata
from itertools import chain
from typing import TYPE_CHECKING, Any

import torch
from datasets import Dataset
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    EvalPrediction,
    GenerationConfig,
    Seq2SeqTrainer,
    Seq2SeqTrainingArguments,
    Trainer,
    TrainingArguments,
    default_data_collator,
)

from evalskip.errors import InputError
from evalskip.jobs.transformers.dtype import typed
from evalskip.jobs.transformers.model import Model
from evalskip.probe.trying import most_likely

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from transformers import PreTrainedModel, TrainerCallback

    from evalskip.jobs.transformers.settings import TransformersJob


def dataset(samples: Sequence[Sequence[int]]) -> Dataset:
    """Samples of token ids as a data set for causal language modelling."""
    return Dataset.from_dict({"input_ids": samples, "labels": samples})


def evaluation_set(job: TransformersJob, samples: Sequence[Sequence[int]], size: int) -> Dataset:
    """Samples to evaluate, each as long as the job wants it, made from those of training length."""
    pieces, length = job.pieces, job.evaluation_length or job.data.length
    return dataset(
        [
            list(chain.from_iterable(samples[place : place + pieces]))[:length]
            for place in range(0, size * pieces, pieces)
        ]
    )


def padded(samples: Sequence[dict[str, list[int]]]) -> dict[str, torch.Tensor]:
    """A batch whose samples are as long as its longest, as LLaMA-Factory's collator has it."""
    longest = max(len(sample["input_ids"]) for sample in samples)

    def filled(name: str, value: int) -> torch.Tensor:
        return torch.tensor(
            [sample[name] + [value] * (longest - len(sample[name])) for sample in samples]
        )

    ids = filled("input_ids", 0)
    lengths = torch.tensor([[len(sample["input_ids"])] for sample in samples])
    return {
        "input_ids": ids,
        "attention_mask": (torch.arange(longest) < lengths).long(),
        "labels": filled("labels", -100),
    }


def token_accuracy(prediction: EvalPrediction) -> dict[str, float]:
    """The share of tokens that are predicted, by logits or by ids in their place."""
    predictions, labels = prediction.predictions, prediction.label_ids
    ids = predictions.argmax(axis=-1) if predictions.ndim > labels.ndim else predictions
    width = min(ids.shape[-1], labels.shape[-1])
    return {"accuracy": float((ids[:, : width - 1] == labels[:, 1:width]).mean())}


def model_config(job: TransformersJob) -> Any:
    """The model's configuration, overrides included."""
    fields = job.model.fields()
    if job.model.trust_remote_code:
        return AutoConfig.from_pretrained(
            job.model.path().parent, trust_remote_code=True, **job.model.overrides
        )
    return AutoConfig.for_model(fields.pop("model_type"), **fields)


def build_model(job: TransformersJob) -> PreTrainedModel:
    """The model with random weights, wrapped by peft for LoRA and QLoRA."""
    with _where_weights_are_drawn(job):
        model = _base_model(job)
    if job.finetuning == "full":
        return model
    from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training

    if job.finetuning == "qlora":
        model = prepare_model_for_kbit_training(
            model, use_gradient_checkpointing=job.model.gradient_checkpointing
        )
    elif job.model.gradient_checkpointing:
        model.enable_input_require_grads()
    lora = LoraConfig(
        task_type="CAUSAL_LM",
        r=job.lora_rank,
        lora_alpha=2 * job.lora_rank,
        target_modules="all-linear",
    )
    return get_peft_model(model, lora)


def build_trainer(
    job: TransformersJob,
    model: PreTrainedModel,
    output: str,
    *,
    seed: int,
    train: Dataset,
    evaluation: Dataset | None,
    arguments: dict[str, Any],
    callbacks: Sequence[TrainerCallback],
    **overrides: Any,
) -> Trainer:
    """A Trainer as people write it; ``arguments`` and ``callbacks`` come from the schedule."""
    settings: dict[str, Any] = {
        "output_dir": output,
        "seed": seed,
        "num_train_epochs": job.epochs,
        "per_device_train_batch_size": job.train_batch,
        "per_device_eval_batch_size": job.evaluation_batch,
        "gradient_accumulation_steps": job.gradient_accumulation,
        "gradient_checkpointing": job.model.gradient_checkpointing,
        "learning_rate": job.learning_rate,
        "logging_steps": job.logging_steps,
        "save_strategy": "steps" if job.save_steps else "no",
        "save_steps": job.save_steps or 500,
        "save_total_limit": 1,
        "dataloader_num_workers": job.loader_workers,
        # beside adapters, which peft keeps in float32, weights in bfloat16 need autocast
        "bf16": job.model.dtype == "bfloat16" and (job.on_cuda or job.finetuning != "full"),
        "eval_accumulation_steps": job.eval_accumulation_steps,
        "prediction_loss_only": job.prediction_loss_only,
        "use_cpu": not job.on_cuda,
        "report_to": [],
        "disable_tqdm": True,
    }
    # unset, each is another value in each release of transformers
    sharding = {"fsdp": job.fsdp, "fsdp_config": job.fsdp_config, "deepspeed": job.deepspeed}
    settings |= {name: value for name, value in sharding.items() if value}
    if job.generated_tokens:
        kind, how = Seq2SeqTrainer, Seq2SeqTrainingArguments
        settings["predict_with_generate"] = True
        model.config.pad_token_id = 0
        model.generation_config = GenerationConfig(
            max_new_tokens=job.generated_tokens,
            min_new_tokens=job.generated_tokens,
            do_sample=False,
            pad_token_id=0,
        )
    else:
        kind, how = Trainer, TrainingArguments
    return kind(
        model=model,
        args=how(**{**settings, **arguments, **overrides}),
        compute_metrics=token_accuracy if job.metrics else None,
        preprocess_logits_for_metrics=most_likely if job.preprocess_logits else None,
        train_dataset=train,
        eval_dataset=evaluation,
        data_collator=padded if job.data.shortest else default_data_collator,
        callbacks=list(callbacks),
    )


def warm_up(job: TransformersJob, train: Dataset) -> None:
    """Train and evaluate one small batch on the CPU, so that no child pays for lazy imports.

    A tiny model of the same kind does, since only the code path matters; where its configuration
    cannot be made tiny, a packaged one does nearly as well.
    """
    from accelerate.state import AcceleratorState, GradientState, PartialState

    try:
        _warm_up(job, train)
    except Exception:
        _warm_up(job.model_copy(update={"model": Model(config="tiny-llama")}), train)
    # Accelerate's state is process-wide and names the device
    for state in (AcceleratorState, PartialState, GradientState):
        state._reset_state()


def _warm_up(job: TransformersJob, train: Dataset) -> None:
    tiny = {
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "head_dim": 8,
        "layer_types": None,
    }
    sizes = {key: value for key, value in tiny.items() if hasattr(model_config(job), key)}
    small = job.model_copy(
        update={
            "model": job.model.model_copy(
                update={"overrides": {**job.model.overrides, **sizes}, "dtype": "float32"}
            ),
            "finetuning": "full" if job.finetuning == "qlora" else job.finetuning,
            "device": "cpu",
            "fsdp": None,
            "fsdp_config": {},
            "deepspeed": None,
        }
    )
    samples = train.select(range(min(2, len(train))))
    with tempfile.TemporaryDirectory(prefix="evalskip-") as output:
        trainer = build_trainer(
            small,
            build_model(small),
            output,
            seed=0,
            train=samples,
            evaluation=samples,
            arguments={"eval_strategy": "epoch"},
            callbacks=[],
            num_train_epochs=1,
            per_device_train_batch_size=1,
            dataloader_num_workers=0,
            gradient_accumulation_steps=1,
            save_strategy="no",
        )
        trainer.train()


def count_parameters(job: TransformersJob) -> int:
    """Parameters of the base model, without allocating them.

    Raises:
        InputError: no causal language model can be built from the configuration.
    """
    try:
        with torch.device("meta"):
            model = AutoModelForCausalLM.from_config(
                model_config(job), trust_remote_code=job.model.trust_remote_code
            )
    except Exception as error:
        raise InputError(
            f"job.model: expected the configuration of a causal language model: "
            f"{type(error).__name__}: {error}"
        ) from error
    return sum(parameter.numel() for parameter in model.parameters())


def software() -> dict[str, str]:
    """Versions of what bears on the figures."""
    names = ("torch", "transformers", "accelerate", "datasets", "peft", "tokenizers", "numpy")
    return {
        **{name: metadata.version(name) for name in names},
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
    }


def _where_weights_are_drawn(job: TransformersJob) -> AbstractContextManager[Any]:
    """The device itself, which draws many times as fast; what is sharded, shards from the host."""
    if not job.on_cuda or job.fsdp or job.deepspeed:
        return nullcontext()
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))


def _base_model(job: TransformersJob) -> PreTrainedModel:
    config = model_config(job)
    if job.finetuning == "qlora":
        return _quantised(config)
    return AutoModelForCausalLM.from_config(
        config,
        trust_remote_code=job.model.trust_remote_code,
        **typed(getattr(torch, job.model.dtype)),
    )


def _quantised(config: Any) -> PreTrainedModel:
    """Random weights in 4 bits: saved once, then loaded as a user's checkpoint would be."""
    from transformers import BitsAndBytesConfig

    with tempfile.TemporaryDirectory(prefix="evalskip-") as directory:
        model = AutoModelForCausalLM.from_config(config, **typed(torch.bfloat16))
        model.save_pretrained(directory)
        return AutoModelForCausalLM.from_pretrained(
            directory,
            **typed(torch.bfloat16),
            device_map={"": int(os.environ.get("LOCAL_RANK", "0"))},
            quantization_config=BitsAndBytesConfig(
                load_in_4bit=True,
                bnb_4bit_quant_type="nf4",
                bnb_4bit_compute_dtype=torch.bfloat16,
            ),
        )
