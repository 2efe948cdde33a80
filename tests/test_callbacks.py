"""``EveryNEpochs`` in anybody's Trainer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from datasets import Dataset
from transformers import LlamaConfig, LlamaForCausalLM, Trainer, TrainingArguments

from evalskip.callbacks import EveryNEpochs

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("n", "epochs", "evaluated"), [(1, 2, [1, 2]), (2, 5, [2, 4]), (3, 2, []), (2, 4, [2, 4])]
)
def test_it_evaluates_at_multiples_only(
    n: int, epochs: int, evaluated: list[int], tmp_path: Path
) -> None:
    rows = Dataset.from_dict({"input_ids": [[1, 2, 3]] * 3, "labels": [[1, 2, 3]] * 3})
    config = LlamaConfig(
        vocab_size=8,
        hidden_size=8,
        intermediate_size=8,
        num_hidden_layers=1,
        num_attention_heads=1,
        num_key_value_heads=1,
    )
    trainer = Trainer(
        LlamaForCausalLM(config),
        TrainingArguments(
            str(tmp_path),
            num_train_epochs=epochs,
            per_device_train_batch_size=2,
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
            use_cpu=True,
        ),
        train_dataset=rows,
        eval_dataset=rows,
        callbacks=[EveryNEpochs(n)],
    )
    trainer.train()
    seen = [entry["epoch"] for entry in trainer.state.log_history if "eval_loss" in entry]
    assert seen == evaluated


def test_an_n_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="n: expected at least 1, got 0"):
        EveryNEpochs(0)
