"""What share does ``EvalBudget`` really take, alone and beside a neighbour?

The callback is given to a real Trainer, in a process of its own each time, whose phases are
measured by the probe. One evaluation is a small part of the training, as is usual. The neighbour is
a process that keeps one core busy for random stretches, of two to twenty seconds each.

Undisturbed is the share with every piece at the lower quartile, over the runs of that kind; of the
clock is each run's own.

``make eval-budget`` writes the table.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import sys
import tempfile
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np

from neighbour import neighbour

SHARE = 0.05
STEPS, ROWS, EVALUATED = 400, 64, 12
MOST = 0.055
STRETCH_S = (2.0, 20.0)


def train(number: int) -> dict[str, Any]:
    """One training under the budget; its timeline."""
    import torch
    from transformers import Trainer, TrainingArguments, default_data_collator

    from evalskip.callbacks import EvalBudget
    from evalskip.jobs.transformers import training
    from evalskip.jobs.transformers.settings import TransformersJob
    from evalskip.jobs.transformers.text import token_samples
    from evalskip.probe.trainer import TrainerProbe

    job = TransformersJob.model_validate(
        {
            "kind": "transformers",
            "epochs": 1,
            "model": {"config": "tiny-llama"},
            "data": {"train_samples": ROWS, "length": 96},
        }
    )
    rows = token_samples(job.data)
    with tempfile.TemporaryDirectory() as folder:
        torch.manual_seed(number)
        trainer = Trainer(
            training.build_model(job),
            TrainingArguments(
                folder,
                max_steps=STEPS,
                per_device_train_batch_size=8,
                save_strategy="no",
                report_to=[],
                disable_tqdm=True,
                use_cpu=True,
            ),
            train_dataset=training.dataset(rows[:ROWS]),
            eval_dataset=training.dataset(rows[ROWS : ROWS + EVALUATED]),
            data_collator=default_data_collator,
            callbacks=[EvalBudget(SHARE)],
        )
        probe = TrainerProbe(trainer, "time", restore_random_state=False, prove=False)
        trainer.train()
        timeline: dict[str, Any] = probe.finish()["timeline"]
    return timeline


def one(number: int) -> dict[str, Any]:
    """A run in a process of its own."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_in_child, args=(number, theirs))
    process.start()
    # so that a child that crashes is seen, and not waited for
    theirs.close()
    timeline: dict[str, Any] = ours.recv()
    process.join()
    return timeline


def _in_child(number: int, pipe: Any) -> None:
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        timeline = train(number)  # the Trainer prints every evaluation
    pipe.send(timeline)


def evaluated_ns(evaluation: dict[str, Any]) -> int:
    parts = sum(evaluation["batches_ns"])
    return int(evaluation["loader_ns"] + parts + evaluation["aggregation_ns"])


def undisturbed(timelines: list[dict[str, Any]]) -> tuple[float, float]:
    """The share with every piece at the lower quartile, and one evaluation's share of the job."""
    step = np.quantile([ns for t in timelines for ns in t["steps_ns"][4:]], 0.25)
    evaluation = np.quantile(
        [evaluated_ns(e) for t in timelines for e in t["evaluations"][1:]], 0.25
    )
    count = statistics.mean(len(t["evaluations"]) for t in timelines)
    whole = count * evaluation + STEPS * step
    return float(count * evaluation / whole), float(evaluation / whole)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=12, help="of each kind")
    parser.add_argument("--out", type=Path, default=Path("results/reference"))
    arguments = parser.parse_args()
    lines = [
        "# What share `EvalBudget(share=0.05)` takes",
        "",
        f"Made by `make eval-budget`: {STEPS} steps of the tiny Llama, {EVALUATED} samples "
        "evaluated.",
        "",
        "| kind | runs | evaluations | one is % | undisturbed % | of the clock %, each run | at "
        f"most {100 * MOST:g}% |",
        "| --- | ---: | ---: | ---: | ---: | --- | ---: |",
    ]
    for kind in ("quiet", "neighbour"):
        timelines = []
        for number in range(arguments.runs):
            if kind == "neighbour":
                with neighbour(STRETCH_S, number):
                    timelines.append(one(number))
            else:
                timelines.append(one(number))
            print(kind, number, len(timelines[-1]["evaluations"]), file=sys.stderr, flush=True)
        shares = [sum(map(evaluated_ns, t["evaluations"])) / t["wall_ns"] for t in timelines]
        share, each = undisturbed(timelines)
        counts = sorted(len(t["evaluations"]) for t in timelines)
        within = sum(share <= MOST for share in shares)
        lines.append(
            f"| {kind} | {len(timelines)} | {counts[0]} to {counts[-1]} | {100 * each:.2f} | "
            f"{100 * share:.2f} | {', '.join(f'{100 * s:.1f}' for s in sorted(shares))} | "
            f"{within} of {len(shares)} |"
        )
    text = "\n".join(lines) + "\n"
    (arguments.out / "eval_budget.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
