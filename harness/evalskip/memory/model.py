"""The model that a configuration names, with what it is trained on."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import torch

from evalskip.errors import InputError
from evalskip.jobs.transformers.dtype import typed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalskip.memory.peaks import Setting

_TASKS = {
    "MODEL_FOR_CAUSAL_LM_MAPPING_NAMES": "CAUSAL_LM",
    "MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES": "SEQ_2_SEQ_LM",
    "MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES": "SEQ_CLS",
}
"""By the mapping of ``transformers.models.auto.modeling_auto`` that holds a class, PEFT's task."""
_OTHER_SENSES = ("vision_config", "audio_config", "encoder_config")


def built(setting: Setting) -> tuple[Any, str]:
    """The model on the device that is on, and PEFT's name of its task.

    Args:
        setting: whose configuration names it: by ``architectures``, else by ``model_type``.

    Raises:
        InputError: it is no model of text that could be planned; the text says which it is.
    """
    from transformers.utils import logging

    fields = text_fields(setting.config)
    if "quantization_config" in fields:
        raise InputError(
            "--model: quantization_config: a quantised model is not planned; expected none"
        )
    named, task = _class_of(fields)
    logging.set_verbosity_error()
    with warnings.catch_warnings():
        # of names that old releases have, of layers that are transposed: nothing for who plans
        warnings.simplefilter("ignore")
        model: Any = named._from_config(_config(fields), **typed(torch.bfloat16))
        if setting.gradient_checkpointing:
            # a fake generator has no state to be preserved
            keep = {"use_reentrant": False, "preserve_rng_state": False}
            model.gradient_checkpointing_enable(keep)
            model.enable_input_require_grads()
        if setting.finetuning == "lora":
            from peft import LoraConfig, get_peft_model

            lora = LoraConfig(
                task_type=task,
                r=setting.lora_rank,
                lora_alpha=2 * setting.lora_rank,
                target_modules="all-linear",
            )
            model = get_peft_model(model, lora)
    return model, task


def labels_of(task: str, ids: torch.Tensor) -> torch.Tensor:
    """Labels for samples of tokens: a token for each, or a class for each sample."""
    return ids[:, 0].clone() if task == "SEQ_CLS" else ids


def text_fields(config: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of the model of text: those in ``text_config``, where that is all it is."""
    fields, inner = dict(config), config.get("text_config")
    is_text = not any(name in config for name in _OTHER_SENSES)
    if is_text and isinstance(inner, dict) and "model_type" in inner:
        fields = {**inner}
        fields.update({name: config[name] for name in _OUTER if name in config})
    return fields


_OUTER = ("architectures", "quantization_config")


def _config(fields: Mapping[str, Any]) -> Any:
    from transformers import AutoConfig

    arguments = dict(fields)
    return AutoConfig.for_model(arguments.pop("model_type"), **arguments)


def _class_of(fields: Mapping[str, Any]) -> tuple[Any, str]:
    import transformers
    from transformers.models.auto import modeling_auto

    names = list(fields.get("architectures") or [])
    kind = fields["model_type"]
    name = names[0] if names else None
    for mapping, task in _TASKS.items():
        of_kind = getattr(modeling_auto, mapping).get(kind)
        if of_kind is None:
            continue
        own = list(of_kind) if isinstance(of_kind, list | tuple) else [of_kind]
        if name is None:
            # half of an encoder-decoder can be had as a causal language model
            if task == "CAUSAL_LM" and _config(fields).is_encoder_decoder:
                continue
            name = own[0]
        if name not in own:
            continue
        model_class = getattr(transformers, str(name), None)
        if model_class is None or any(sense in fields for sense in _OTHER_SENSES):
            break
        if getattr(model_class, "main_input_name", "input_ids") != "input_ids":
            break
        return model_class, task
    raise InputError(
        f"--model: {name or kind}: is not planned; expected a causal language model, an "
        "encoder-decoder of text or a sequence classifier"
    )
