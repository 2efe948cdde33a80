"""What the probe costs a train step: switched on and off at random, step by step, within runs.

The job of ``quick.yaml``, trained again and again in one process. Steps come in pairs of
neighbours, of which one, drawn at random, runs with the probe and the other without; a clock of
this script's own times both. Per run, the median over pairs of the log ratio; over runs, the
jackknife. ``make instrumentation`` writes the table.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

EPOCHS = 30
LEVEL = 0.95


def main() -> None:
    """Train, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--out", type=Path, default=Path("results/reference/instrumentation.md"))
    arguments = parser.parse_args()
    from evalskip.spec import load_spec

    job = load_spec(Path(__file__).with_name("quick.yaml")).job
    environment = job.environment("time")
    if not environment.items() <= os.environ.items():
        # the environment of a real run, which libraries read as the process starts
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **environment})
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text("\n".join(table(job, arguments.runs)) + "\n")
    print(arguments.out.read_text())


def table(job: Any, runs: int) -> list[str]:
    """Markdown, from so many runs."""
    import numpy as np
    import torch

    from evalskip.analysis.intervals import mean_interval, throughput_gain
    from evalskip.jobs.transformers.text import token_samples
    from evalskip.jobs.transformers.training import dataset
    from evalskip.machine.devices import usable_cores

    torch.set_num_threads(job.threads or usable_cores())
    rows = dataset(token_samples(job.data)[: job.data.train_samples])
    train(job, rows, seed=0)  # the first run pays for lazy imports
    found = [train(job, rows, seed=seed) for seed in range(1, runs + 1)]
    cost = throughput_gain(mean_interval([ratio for ratio, _ in found], LEVEL))
    step_ms = 1e3 * float(np.median([step for _, step in found]))
    return [
        "# What the probe costs a train step",
        "",
        f"The job of `bench/quick.yaml` with {EPOCHS} epochs, {runs} runs, the probe switched on "
        "and off at random within each; `make instrumentation`.",
        "",
        "| train step, ms | cost of the probe, % of it | 95% interval |",
        "| ---: | ---: | ---: |",
        f"| {step_ms:.1f} | {100 * cost.estimate:+.2f} "
        f"| {100 * cost.low:+.2f} to {100 * cost.high:+.2f} |",
    ]


def train(job: Any, rows: Any, seed: int) -> tuple[float, float]:
    """One run: the median log ratio of a step's time, with the probe over without, and a step."""
    import numpy as np
    from transformers import PrinterCallback, set_seed

    from evalskip.jobs.transformers import training
    from evalskip.probe.trainer import TrainerProbe

    draw = random.Random(seed)
    times: list[tuple[bool, float]] = []

    with tempfile.TemporaryDirectory() as output:
        set_seed(seed)
        trainer = training.build_trainer(
            job,
            training.build_model(job),
            output,
            seed=seed,
            train=rows,
            evaluation=None,
            arguments={
                "eval_strategy": "no",
                "save_strategy": "no",
                "logging_strategy": "no",
                "num_train_epochs": EPOCHS,
            },
            callbacks=[],
        )
        trainer.remove_callback(PrinterCallback)
        events = trainer.callback_handler
        plain = trainer.training_step, events.on_step_end
        TrainerProbe(trainer, "time", restore_random_state=True)
        probed = trainer.training_step, events.on_step_end
        on = first = False
        since = 0.0

        def turn(step: int) -> None:
            """Switch the probe for the step that begins now."""
            nonlocal on, first, since
            if step % 2 == 0:
                first = draw.random() < 0.5
            on = first == (step % 2 == 0)
            trainer.training_step = (probed if on else plain)[0]
            since = time.perf_counter()

        def on_step_end(args: Any, state: Any, control: Any) -> Any:
            control = (probed if on else plain)[1](args, state, control)
            times.append((on, time.perf_counter() - since))
            turn(state.global_step)
            return control

        events.on_step_end = on_step_end
        turn(0)
        trainer.train()
    ratios = []
    for one, other in zip(times[2::2], times[3::2], strict=True):
        (_, probed_s), (_, plain_s) = (one, other) if one[0] else (other, one)
        ratios.append(np.log(probed_s / plain_s))
    return float(np.median(ratios)), float(np.median([seconds for _, seconds in times]))


if __name__ == "__main__":
    main()
