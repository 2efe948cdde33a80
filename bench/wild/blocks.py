"""Llama-2-70B LoRA runs of MLPerf, block by block: what was trained, and what evaluations took."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

FIGURES = Path(__file__).resolve().parents[2] / "results/reference/wild/mlperf_lora.jsonl"


@dataclass(frozen=True)
class Block:
    """What was trained between two evaluations, and the evaluation that follows it."""

    samples: int
    train_s: float
    evaluation_s: float


@dataclass(frozen=True)
class BlockRun:
    """One run, up to its target. ``losses`` are (trained samples, evaluation loss)."""

    round: str
    organisation: str
    system: str
    batch: int
    evaluation_samples: int
    blocks: tuple[Block, ...]
    losses: tuple[tuple[int, float], ...]

    @property
    def samples(self) -> int:
        """Trained in all."""
        return sum(block.samples for block in self.blocks)


def read_blocks(path: Path = FIGURES) -> list[BlockRun]:
    """Every run once: submitters hand in the logs of others, and of rounds before, again."""
    runs: dict[tuple[Block, ...], BlockRun] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        figures = json.loads(line)
        trained, ended = 0, 0
        blocks = []
        for samples, begin, end in figures["evaluations"]:
            blocks.append(Block(samples - trained, (begin - ended) / 1e3, (end - begin) / 1e3))
            trained, ended = samples, end
        run = BlockRun(
            round=figures["round"],
            organisation=figures["org"],
            system=figures["system"],
            batch=figures["batch"],
            evaluation_samples=figures["evaluation_samples"],
            blocks=tuple(blocks),
            losses=tuple((int(samples), float(loss)) for samples, loss in figures["losses"]),
        )
        runs.setdefault(run.blocks, run)
    return list(runs.values())
