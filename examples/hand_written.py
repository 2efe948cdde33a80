"""A training loop written by hand, whose phases are named.

python examples/hand_written.py --evaluate-every 2
"""

from __future__ import annotations

import argparse

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from evalskip import phase

BATCH, LENGTH = 8, 64


def main() -> None:
    """Train a small model on noise."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--steps", type=int, default=8, help="in an epoch")
    parser.add_argument("--evaluate-every", type=int, default=1, help="epochs; 0: never")
    arguments = parser.parse_args()
    torch.manual_seed(0)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=256,
            hidden_size=64,
            intermediate_size=128,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
        )
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    train = torch.randint(0, 256, (arguments.steps, BATCH, LENGTH))
    held_back = torch.randint(0, 256, (8, BATCH, LENGTH))
    with phase("train"):
        for epoch in range(1, arguments.epochs + 1):
            for batch in train:
                with phase("step", tokens=batch.numel()):
                    model(input_ids=batch, labels=batch).loss.backward()
                    optimizer.step()
                    optimizer.zero_grad()
            if arguments.evaluate_every and epoch % arguments.evaluate_every == 0:
                with phase("evaluate", samples=len(held_back) * BATCH, tokens=held_back.numel()):
                    evaluate(model, held_back)


@torch.no_grad()
def evaluate(model: LlamaForCausalLM, batches: torch.Tensor) -> float:
    """The mean loss."""
    model.eval()
    losses = [model(input_ids=batch, labels=batch).loss for batch in batches]
    model.train()
    return float(torch.stack(losses).mean())


if __name__ == "__main__":
    main()
