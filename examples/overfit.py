"""A small model that overfits on purpose, evaluated every epoch: a log for `evalskip regret`.

python examples/overfit.py
evalskip regret saves/overfit/trainer_state.json
"""

from __future__ import annotations

from pydoc_data.topics import topics

import torch
from datasets import Dataset
from transformers import LlamaConfig, LlamaForCausalLM, Trainer, TrainingArguments

LENGTH, TRAINED, EVALUATED = 128, 48, 64


def main() -> None:
    """Train on a few samples of Python's own documentation, byte by byte."""
    text = "".join(topics[name] for name in sorted(topics)).encode()
    samples = [list(text[start : start + LENGTH]) for start in range(0, len(text), LENGTH * 20)]
    data = Dataset.from_dict({"input_ids": samples, "labels": samples})
    torch.manual_seed(0)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=256,
            hidden_size=128,
            intermediate_size=352,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
        )
    )
    trainer = Trainer(
        model,
        TrainingArguments(
            "saves/overfit",
            num_train_epochs=24,
            per_device_train_batch_size=8,
            per_device_eval_batch_size=16,
            learning_rate=4e-3,
            lr_scheduler_type="constant",
            eval_strategy="epoch",
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
            use_cpu=True,
        ),
        train_dataset=data.select(range(TRAINED)),
        eval_dataset=data.select(range(TRAINED, TRAINED + EVALUATED)),
    )
    trainer.train()
    trainer.save_state()


if __name__ == "__main__":
    main()
