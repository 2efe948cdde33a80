"""TRL's SFTTrainer, with one line that tells what evaluation costs.

    python examples/trl_sft.py MODEL DATA.json --eval_strategy epoch

MODEL is a causal language model's folder, DATA.json a list of {"instruction": ..., "output": ...};
`make llamafactory` makes both: .llamafactory/model .llamafactory/data/instructions.json
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from datasets import Dataset
from trl import SFTConfig, SFTTrainer

from evalskip.callbacks import EvalCost


def main() -> None:
    """Fine-tune on instructions."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("data", type=Path)
    parser.add_argument("--samples", type=int, default=96)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--eval_strategy", default="no")
    parser.add_argument("--eval_steps", type=int, default=500)
    arguments = parser.parse_args()
    samples = [
        {"prompt": sample["instruction"], "completion": f" {sample['output']}"}
        for sample in json.loads(arguments.data.read_text())[: arguments.samples]
    ]
    split = Dataset.from_list(samples).train_test_split(test_size=0.25, seed=0)
    with tempfile.TemporaryDirectory() as output:
        trainer = SFTTrainer(
            model=arguments.model,
            args=SFTConfig(
                output_dir=output,
                num_train_epochs=arguments.epochs,
                per_device_train_batch_size=8,
                per_device_eval_batch_size=8,
                eval_strategy=arguments.eval_strategy,
                eval_steps=arguments.eval_steps,
                save_strategy="no",
                report_to=[],
                use_cpu=True,
                bf16=False,
            ),
            train_dataset=split["train"],
            eval_dataset=split["test"],
            callbacks=[EvalCost()],  # the one line
        )
        trainer.train()


if __name__ == "__main__":
    main()
