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

    from evalskip.analysis.intervals import mean_log_ratio, throughput_gain
    from evalskip.jobs.transformers.text import token_rows
    from evalskip.jobs.transformers.training import dataset
    from evalskip.machine.devices import usable_cores

    torch.set_num_threads(job.threads or usable_cores())
    rows = dataset(token_rows(job.data)[: job.data.train_rows])
    train(job, rows, seed=0)  # the first run pays for lazy imports
    found = [train(job, rows, seed=seed) for seed in range(1, runs + 1)]
    cost = throughput_gain(mean_log_ratio([ratio for ratio, _ in found], LEVEL))
    step_ms = 1e3 * float(np.median([step for _, step in found]))
    return [
        "# What the probe costs a train step",
        "",
        f"The job of `bench/quick.yaml` with {EPOCHS} epochs, {runs} runs, the probe switched on "
        "and off at random within each; `make instrumentation`.",
        "",
        "| train step, ms | cost of the probe, % of it | 95 % interval |",
        "| ---: | ---: | ---: |",
        f"| {step_ms:.1f} | {100 * cost.estimate:+.2f} "
        f"| {100 * cost.low:+.2f} to {100 * cost.high:+.2f} |",
    ]


def train(job: Any, rows: Any, seed: int) -> tuple[float, float]:
    """One run: the median log ratio of a step's time, with the probe over without, and a step."""
    import numpy as np
    from transformers import TrainerCallback, set_seed

    from evalskip.jobs.transformers import training
    from evalskip.probe.trainer import TrainerProbe

    class Switch(TrainerCallback):
        """Turns the probe on or off as a step ends, and times the next."""

        def __init__(self) -> None:
            self.times: list[tuple[bool, float]] = []
            self._draw = random.Random(seed)
            self._first = self.on = True
            self._since = 0.0

        def on_train_begin(self, *args: Any, **kwargs: Any) -> None:
            self._turn(0)

        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            self.times.append((self.on, time.perf_counter() - self._since))
            self._turn(state.global_step)

        def _turn(self, step: int) -> None:
            if step % 2 == 0:
                self._first = self._draw.random() < 0.5
            self.on = self._first == (step % 2 == 0)
            trainer.training_step = probed_step if self.on else plain_step
            handler.callbacks = probed_callbacks if self.on else plain_callbacks
            self._since = time.perf_counter()

    with tempfile.TemporaryDirectory() as output:
        set_seed(seed)
        trainer = training.build_trainer(
            job,
            training.build_model(job),
            output,
            seed=seed,
            train=rows,
            evaluation=None,
            arguments={"eval_strategy": "no", "save_strategy": "no", "num_train_epochs": EPOCHS},
            callbacks=[],
        )
        plain_step = trainer.training_step
        TrainerProbe(trainer, "time", restore_random_state=True)
        probed_step = trainer.training_step
        switch, handler = Switch(), trainer.callback_handler
        # the switch is the last to be called, so that a step's time holds the probe's callback
        trainer.add_callback(switch)
        probed_callbacks = list(handler.callbacks)
        ticks = [c for c in probed_callbacks if type(c).__module__ == TrainerProbe.__module__]
        plain_callbacks = [c for c in probed_callbacks if c not in ticks]
        if len(ticks) != 1:
            raise SystemExit("expected the probe to have one callback")
        trainer.train()
    times = switch.times[: len(switch.times) // 2 * 2]
    ratios = []
    for one, other in zip(times[::2], times[1::2], strict=True):
        (_, on), (_, off) = (one, other) if one[0] else (other, one)
        ratios.append(np.log(on / off))
    return float(np.median(ratios)), float(np.median([seconds for _, seconds in times]))


if __name__ == "__main__":
    main()
