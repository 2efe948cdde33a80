"""A model, its tokenizer and sets of instructions, for LLaMA-Factory to train; all made here.

``python -m evalskip.jobs.llamafactory.tiny FOLDER`` writes them, the model being a tiny one;
``... FOLDER qwen3-0.6b`` one of a packaged configuration, with random weights. The text is the
documentation that ships with Python: a topic's heading is the instruction, its paragraphs are the
answers.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from evalskip.jobs.transformers.model import Model

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

END, PADDING = "<end>", "<pad>"
_VOCABULARY = 1024
_SHORTEST, _LONGEST = 40, 400


def make_tiny(folder: Path) -> None:
    """Write ``model/``, a causal language model with its tokenizer, and ``data/``, sets for it."""
    from transformers import LlamaConfig

    config = LlamaConfig(
        vocab_size=_VOCABULARY,
        hidden_size=64,
        intermediate_size=192,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=2048,
    )
    write_data(folder / "data")
    _write_model(folder / "model", config, "float32")


def make_packaged(folder: Path, name: str) -> None:
    """Write ``data/``, and a model of a packaged configuration in bfloat16 under its name."""
    from transformers import AutoConfig

    fields = Model(config=name).fields()
    write_data(folder / "data")
    _write_model(
        folder / name, AutoConfig.for_model(fields.pop("model_type"), **fields), "bfloat16"
    )


def write_data(data: Path) -> None:
    """Write sets that LLaMA-Factory reads.

    ``dataset_info.json`` names them: ``text`` (pt), ``instructions`` (sft), ``more_instructions``
    (to evaluate on), ``pairs`` (rm and dpo) and ``feedback`` (kto).
    """
    pairs = _instructions()
    data.mkdir(parents=True, exist_ok=True)
    train, held_back = pairs[: len(pairs) // 2], pairs[len(pairs) // 2 :]
    others = train[1:] + train[:1]
    _write(data / "text.json", [{"text": sample["output"]} for sample in train])
    _write(data / "instructions.json", train)
    _write(data / "more_instructions.json", held_back)
    _write(
        data / "pairs.json",
        [
            {
                "instruction": sample["instruction"],
                "input": "",
                "chosen": sample["output"],
                "rejected": other["output"],
            }
            for sample, other in zip(train, others, strict=True)
        ],
    )
    _write(
        data / "feedback.json",
        [{**sample, "kto_tag": index % 2 == 0} for index, sample in enumerate(train)],
    )
    _write(
        data / "dataset_info.json",
        {
            "text": {"file_name": "text.json", "columns": {"prompt": "text"}},
            "instructions": {"file_name": "instructions.json"},
            "more_instructions": {"file_name": "more_instructions.json"},
            "pairs": {
                "file_name": "pairs.json",
                "ranking": True,
                "columns": {
                    "prompt": "instruction",
                    "query": "input",
                    "chosen": "chosen",
                    "rejected": "rejected",
                },
            },
            "feedback": {
                "file_name": "feedback.json",
                "columns": {
                    "prompt": "instruction",
                    "query": "input",
                    "response": "output",
                    "kto_tag": "kto_tag",
                },
            },
        },
    )


def tiny_settings(folder: Path) -> dict[str, Any]:
    """A LLaMA-Factory configuration that trains the tiny model for 8 steps, 4 an epoch."""
    return {
        "model_name_or_path": str(folder / "model"),
        "stage": "sft",
        "do_train": True,
        "finetuning_type": "lora",
        "lora_rank": 4,
        "lora_target": "all",
        "dataset": "instructions",
        "dataset_dir": str(folder / "data"),
        "template": "default",
        "cutoff_len": 64,
        "max_samples": 20,
        "overwrite_cache": True,
        "logging_steps": 1,
        "per_device_train_batch_size": 4,
        "per_device_eval_batch_size": 4,
        "learning_rate": 1e-4,
        "num_train_epochs": 2,
        "val_size": 0.2,
    }


def _instructions() -> list[dict[str, Any]]:
    from pydoc_data import topics

    samples = []
    for name in sorted(topics.topics):
        for paragraph in topics.topics[name].split("\n\n"):
            text = " ".join(paragraph.split())
            if _SHORTEST <= len(text) <= _LONGEST:
                samples.append({"instruction": f"Explain {name}.", "input": "", "output": text})
    return samples


def _write_model(folder: Path, config: PreTrainedConfig, dtype: str) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=_VOCABULARY,
        special_tokens=[END, PADDING],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([sample["output"] for sample in _instructions()], trainer)
    tokenizer.save(str(folder / "tokenizer.json"))
    # by hand, so that old and new releases of transformers read it alike
    _write(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "eos_token": END,
            "pad_token": PADDING,
            "model_max_length": 2048,
        },
    )
    torch.manual_seed(0)
    config.bos_token_id, config.eos_token_id, config.pad_token_id = None, 0, 1
    model = AutoModelForCausalLM.from_config(config)
    model.to(getattr(torch, dtype)).save_pretrained(folder)


def _write(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) > 2:
        make_packaged(Path(sys.argv[1]), sys.argv[2])
    else:
        make_tiny(Path(sys.argv[1]))
