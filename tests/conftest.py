from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings
from ruamel.yaml import YAML

from support import run_evalskip, run_inside

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    from transformers import Trainer, TrainerCallback

# the same examples each time; others by --hypothesis-profile=explore
settings.register_profile("repeatable", derandomize=True)
settings.register_profile("explore", derandomize=False)
settings.load_profile("repeatable")

# a shell ignores SIGINT for what it runs in the background, and so would all that tests start
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def evalskip() -> Callable[..., subprocess.CompletedProcess[str]]:
    """The command line; in a process of its own where one is asked for by its options."""

    def call(*arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
        return run_evalskip(*arguments, **options) if options else run_inside(*arguments)

    return call


@pytest.fixture
def write_spec(tmp_path: Path) -> Callable[..., Path]:
    """Writes a spec of a small synthetic job; sections are merged into it, or ``replace`` it."""

    def write(
        name: str = "spec.yaml", replace: dict[str, Any] | None = None, **sections: Any
    ) -> Path:
        document: dict[str, Any] = {
            "job": {"kind": "synthetic", "epochs": 4, "steps_in_epoch": 5},
            "arms": [{"schedule": "every_epoch", "evaluation_samples": [16, 64]}],
            "claimed_gain": [0.15, 0.30],
            # a busy machine must not change how many blocks there are
            "design": {"looks": [3], "repeats": 0},
        }
        for section, content in sections.items():
            if isinstance(content, dict):
                document[section] = {**document.get(section, {}), **content}
            else:
                document[section] = content
        document.update(replace or {})
        path = tmp_path / name
        with path.open("w") as file:
            YAML(typ="safe", pure=True).dump(document, file)
        return path

    return write


@pytest.fixture
def make_trainer(tmp_path: Path) -> Callable[..., Trainer]:
    """A Trainer as a user's script builds it: 2 steps an epoch, 2 evaluation batches."""
    from datasets import Dataset
    from transformers import LlamaConfig, LlamaForCausalLM, Trainer, TrainingArguments

    def make(*callbacks: TrainerCallback, evaluation: Any = None, **arguments: Any) -> Trainer:
        samples = Dataset.from_dict({"input_ids": [[1, 2, 3]] * 3, "labels": [[1, 2, 3]] * 3})
        config = LlamaConfig(
            vocab_size=8,
            hidden_size=8,
            intermediate_size=8,
            num_hidden_layers=1,
            num_attention_heads=1,
            num_key_value_heads=1,
        )
        settings = {
            "per_device_train_batch_size": 2,
            "per_device_eval_batch_size": 2,
            "save_strategy": "no",
            "report_to": [],
            "disable_tqdm": True,
            "use_cpu": True,
            **arguments,
        }
        return Trainer(
            LlamaForCausalLM(config),
            TrainingArguments(str(tmp_path), **settings),
            train_dataset=samples,
            eval_dataset=evaluation or samples,
            callbacks=list(callbacks),
        )

    return make


@pytest.fixture
def command_spec(write_spec: Callable[..., Path], tmp_path: Path) -> Callable[..., Path]:
    """Writes the spec of a command job around a script."""

    def write(script: str, arguments: str = "{schedule}", **job: Any) -> Path:
        path = tmp_path / "script.py"
        path.write_text(script)
        schedules = {"off": "0", "every_epoch": "2", "final_only": "8"}
        document = {
            "kind": "command",
            "command": f"{sys.executable} {path} {arguments}",
            "schedules": schedules if "{schedule}" in arguments else {},
            **job,
        }
        return write_spec(
            replace={"job": document},
            arms=[{"schedule": "every_epoch"}, {"schedule": "final_only"}],
            measure=["time"],
            design={"looks": [2], "repeats": 0},
        )

    return write
