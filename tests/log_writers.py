"""Logs of finished trainings, written as those who log write them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

BATCH = 4
"""Samples of a step."""


@dataclass(frozen=True)
class Entry:
    """One call of ``Trainer.log``; ``taken`` are the seconds of an evaluation."""

    step: int
    values: dict[str, Any]
    taken: float = 0.0

    @property
    def ends(self) -> bool:
        return "train_runtime" in self.values


def loss(step: int, value: float = 1.0) -> Entry:
    return Entry(step, {"loss": value, "grad_norm": 0.5, "learning_rate": 5e-05})


def evaluated(
    step: int, seconds: float, value: float | None = 1.0, name: str = "eval", **metrics: float
) -> Entry:
    """An evaluation of 8 samples."""
    of_loss = {} if value is None else {"loss": value}
    rates = {
        "runtime": seconds,
        "samples_per_second": round(8 / seconds, 3),
        "steps_per_second": round(1 / seconds, 3),
    }
    values = {f"{name}_{each}": told for each, told in {**of_loss, **metrics, **rates}.items()}
    return Entry(step, values, seconds)


def trained(seconds: float, step: int, counted: int | None = None, mean: float = 1.0) -> Entry:
    """The end of ``train()``; its rates count ``counted`` steps, if those are others."""
    counted = step if counted is None else counted
    values = {
        "train_runtime": seconds,
        "train_samples_per_second": round(BATCH * counted / seconds, 3),
        "train_steps_per_second": round(counted / seconds, 3),
        "total_flos": 1.5e15,
        "train_loss": mean,
    }
    return Entry(step, values)


RESUMED = Entry(-1, {})
"""Where training was taken up again by another process, from the step before."""


@dataclass(frozen=True)
class Training:
    """What one ``train()``, and what comes after it, logs. A step takes ``step_s`` seconds."""

    in_epoch: int
    log: Sequence[Entry]
    planned: int
    step_s: float = 1.0
    state: dict[str, Any] = field(default_factory=dict)

    def entries(self) -> Iterator[tuple[Entry, dict[str, Any], float]]:
        """Entries, with all that is in ``log_history``, and seconds since training began."""
        evaluations = 0.0
        begun = last = 0
        for entry in self.log:
            if entry is RESUMED:
                evaluations, begun = 0.0, last
                continue
            last = entry.step
            evaluations += entry.taken
            elapsed = (entry.step - begun) * self.step_s + evaluations
            if entry.ends:
                elapsed = entry.values["train_runtime"]
            epoch = entry.step / self.in_epoch
            yield entry, {**entry.values, "epoch": epoch, "step": entry.step}, elapsed

    @property
    def after(self) -> list[Entry]:
        """What is logged once training has ended."""
        ends = [place for place, entry in enumerate(self.log) if entry.ends]
        return list(self.log[ends[-1] + 1 :]) if ends else []

    @property
    def end(self) -> Entry | None:
        return next((entry for entry in self.log if entry.ends), None)


def write_state(folder: Path, trainings: Sequence[Training]) -> Path:
    """``trainer_state.json``: ``train()`` begins with a fresh one."""
    last = trainings[-1]
    history = [values for _, values, _ in last.entries()]
    state = {
        "best_metric": None,
        "best_model_checkpoint": None,
        "epoch": history[-1]["epoch"],
        "eval_steps": 500,
        "global_step": history[-1]["step"],
        "is_hyper_param_search": False,
        "log_history": history,
        "logging_steps": 10,
        "max_steps": last.planned,
        "num_train_epochs": -(-last.planned // last.in_epoch),
        "total_flos": 1.5e15,
        "train_batch_size": BATCH,
        "trial_name": None,
        **last.state,
    }
    return written(folder / "trainer_state.json", json.dumps(state, indent=2))


def write_llamafactory(folder: Path, trainings: Sequence[Training]) -> Path:
    """``trainer_log.jsonl``, which knows the loss alone, and no time but that of a clock."""
    lines = []
    for training in trainings:
        after = [id(entry) for entry in training.after]
        for entry, values, elapsed in training.entries():
            if id(entry) in after:  # its writer is closed as training ends
                continue
            told_of = ("loss", "eval_loss", "predict_loss")
            known = {name: values[name] for name in told_of if name in values}
            if "learning_rate" in values:
                known["lr"] = values["learning_rate"]
            told = {
                "current_steps": entry.step,
                "total_steps": training.planned,
                **known,
                "epoch": values["epoch"],
                "percentage": round(100 * entry.step / training.planned, 2),
                "elapsed_time": str(timedelta(seconds=int(elapsed))),
                "remaining_time": "0:00:07",
            }
            lines.append(json.dumps(told))
    return written(folder / "trainer_log.jsonl", "\n".join(lines) + "\n")


def bar(step: int, whole: int) -> str:
    part = step / whole
    return f"{100 * part:3.0f}%|{'█' * int(10 * part):10}| {step}/{whole} [00:07<00:07,  1.00it/s]"


def printed_4(training: Training) -> str:
    """As transformers 4 prints: numbers, the epoch to two digits, bars on lines of their own."""
    lines = [bar(0, training.planned)]
    for entry, values, _ in training.entries():
        told = {name: value for name, value in values.items() if name != "step"}
        told["epoch"] = round(told["epoch"], 2)
        lines += [str(told), bar(entry.step, training.planned)]
    return "\n".join([*lines, ""])


def printed_5(training: Training) -> str:
    """As transformers 5 prints: text of four digits; bars go back over their own line."""
    lines = [bar(0, training.planned)]
    for entry, values, _ in training.entries():
        told = {
            name: f"{value:.4g}" if isinstance(value, float) else value
            for name, value in values.items()
            if name != "step"
        }
        lines.append(f"\r{bar(entry.step, training.planned)}\r{' ' * 60}\r{told}\n")
    return "".join(lines)


def write_printed_4(folder: Path, trainings: Sequence[Training]) -> Path:
    text = "Generating train split: 40 examples\n" + "".join(map(printed_4, trainings))
    return written(folder / "train.log", text)


def write_printed_5(folder: Path, trainings: Sequence[Training]) -> Path:
    return written(folder / "nohup.out", "".join(map(printed_5, trainings)))


def write_wandb_log(folder: Path, trainings: Sequence[Training]) -> Path:
    """``output.log``, which is what was printed while a run was open."""
    text = "".join(map(printed_5, trainings))
    return written(folder / "wandb/run-20260102_030405-abcd1234/files/output.log", text)


def train_output(training: Training) -> str:
    end = training.end
    assert end is not None
    metrics = {**end.values, "epoch": end.step / training.in_epoch}
    mean = end.values["train_loss"]
    return f"TrainOutput(global_step={end.step}, training_loss={mean}, metrics={metrics})"


def notebook(*outputs: dict[str, Any]) -> str:
    """A notebook whose second cell has these outputs."""
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": ["# Fine-tuning\n"]},
        {
            "cell_type": "code",
            "execution_count": 1,
            "metadata": {},
            "outputs": list(outputs),
            "source": ["trainer.train()"],
        },
    ]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def stream(text: str) -> dict[str, Any]:
    return {"name": "stdout", "output_type": "stream", "text": text.splitlines(keepends=True)}


def shown(plain: str, html: str | None = None) -> dict[str, Any]:
    data = {"text/plain": [plain]} | ({"text/html": [html]} if html else {})
    return {"data": data, "metadata": {}, "output_type": "display_data"}


def write_notebook(folder: Path, trainings: Sequence[Training]) -> Path:
    """What is printed while it trains, and what ``train()`` returns."""
    outputs = []
    for training in trainings:
        outputs.append(stream(printed_4(training)))
        if training.end:
            outputs.append(shown(train_output(training)))
    return written(folder / "finetune.ipynb", notebook(*outputs))


def write_tensorboard(folder: Path, trainings: Sequence[Training]) -> Path:
    """Tags as transformers' ``rewrite_logs`` has them, each a record of its own.

    ``TensorBoardCallback`` closes its file as training ends, and opens another for what comes
    after: the file that is returned is the first.
    """
    files = folder / "runs/Jan02_03-04-05_host"
    for number, training in enumerate(trainings):
        entries = list(training.entries())
        inside = len(entries) - len(training.after)
        name = f"events.out.tfevents.176732294{number}.host.1"
        write_events(files / f"{name}.{2 * number}", entries[:inside])
        if training.after:
            write_events(files / f"{name}.{2 * number + 1}", entries[inside:])
    return files / "events.out.tfevents.1767322940.host.1.0"


def write_events(path: Path, entries: Sequence[tuple[Entry, dict[str, Any], float]]) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.record_writer import RecordWriter

    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        records = RecordWriter(file)
        records.write(Event(wall_time=1.0, file_version="brain.Event:2").SerializeToString())
        for entry, values, elapsed in entries:
            for name, value in values.items():
                if name == "step":
                    continue
                head, _, rest = name.partition("_")
                tag = f"{head}/{rest}" if head in ("eval", "test") else f"train/{name}"
                summary = Summary(value=[Summary.Value(tag=tag, simple_value=value)])
                event = Event(wall_time=1.0 + elapsed, step=entry.step, summary=summary)
                records.write(event.SerializeToString())


def write_wandb_summary(folder: Path, trainings: Sequence[Training]) -> Path:
    """``wandb-summary.json``: the last value of everything."""
    told: dict[str, Any] = {"_runtime": 50.5, "_step": 7, "_timestamp": 1.7e9, "_wandb": {}}
    for entry, values, _ in trainings[-1].entries():
        for name, value in values.items():
            head, _, rest = name.partition("_")
            told[f"{head}/{rest}" if head in ("eval", "test") else f"train/{name}"] = value
        told["train/global_step"] = entry.step
    told.pop("train/step")
    for name in [name for name in told if name.startswith("train/train_")]:
        told[name.removeprefix("train/")] = told.pop(name)
    files = folder / "wandb/run-20260102_030405-abcd1234/files"
    return written(files / "wandb-summary.json", json.dumps(told))


def write_results(folder: Path, trainings: Sequence[Training]) -> Path:
    """``all_results.json``, of what ``train()`` and what comes after it returned."""
    training = trainings[-1]
    told: dict[str, Any] = {}
    for entry in [training.end, *training.after]:
        if entry is not None:
            told |= {**entry.values, "epoch": entry.step / training.in_epoch}
    return written(folder / "all_results.json", json.dumps(dict(sorted(told.items())), indent=4))


def written(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@dataclass(frozen=True)
class Format:
    """A format, and what it cannot say: see ``test_logs``.

    ``by_epochs``: it has no steps; ``keeps_last``: of several trainings it holds the last.
    ``unsaid`` is what a log in it says of any training; a name with ``...`` is not asked about.
    """

    write: Callable[[Path, Sequence[Training]], Path]
    by_epochs: bool = False
    keeps_last: bool = False
    unsaid: dict[str, Any] = field(default_factory=dict)


FORMATS = {
    "state": Format(write_state, keeps_last=True),
    # nothing of what comes after training, nor of metrics but the loss
    "llamafactory": Format(write_llamafactory, unsaid={"after": 0, "after_s": None}),
    "printed_4": Format(write_printed_4, by_epochs=True),
    "printed_5": Format(write_printed_5, by_epochs=True),
    "notebook": Format(write_notebook, by_epochs=True),
    "tensorboard": Format(write_tensorboard),
    "wandb_log": Format(write_wandb_log, by_epochs=True),
    # what a run came to: how often and how long it evaluated on the way is not there
    "wandb_summary": Format(
        write_wandb_summary,
        keeps_last=True,
        unsaid={
            **dict.fromkeys(("evaluations", "schedule", "after", "after_s"), ...),
            **dict.fromkeys(("evaluation_s", "share")),
        },
    ),
    "results": Format(
        write_results,
        by_epochs=True,
        keeps_last=True,
        unsaid={
            **dict.fromkeys(("evaluations", "schedule"), ...),
            **dict.fromkeys(("evaluation_s", "share")),
        },
    ),
}
