"""Evaluation beside training: a second process evaluates, and training goes on.

python examples/beside.py
"""

from __future__ import annotations

from datasets import Dataset
from transformers import LlamaConfig, LlamaForCausalLM, Trainer, TrainingArguments, set_seed

from evalskip.callbacks import EvalBeside

set_seed(0)
rows = [[(start + place) % 97 for place in range(64)] for start in range(1200)]
data = Dataset.from_dict({"input_ids": rows, "labels": rows}).train_test_split(0.3, seed=0)
config = LlamaConfig(vocab_size=97, hidden_size=128, intermediate_size=256, num_hidden_layers=4)
trainer = Trainer(
    LlamaForCausalLM(config),
    TrainingArguments("saves/beside", num_train_epochs=4, eval_strategy="epoch", use_cpu=True),
    train_dataset=data["train"],
    eval_dataset=data["test"],
    callbacks=[EvalBeside("cpu")],  # on a machine with two GPUs: EvalBeside("cuda:1")
)
trainer.train()
