"""What the real LLaMA-Factory and the real Trainer do when they are asked: seen, not read.

Every combination of ``do_eval`` and ``eval_strategy`` is run on a tiny model and its evaluations
are counted, in the loop and after it; then come a few runs that ask for what evaluation is needed
for.
"""

from __future__ import annotations

import json
import os
import subprocess
from contextlib import closing
from typing import TYPE_CHECKING, Any

from evalskip.article.observer import TRAINER, Observer
from evalskip.article.source import conditions_on
from evalskip.errors import InputError
from evalskip.jobs.llamafactory import LlamaFactoryJob
from evalskip.jobs.llamafactory.tiny import make_tiny, tiny_settings
from evalskip.jobs.transformers import TransformersJob
from evalskip.summary import Observation

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from evalskip.jobs import Job
    from evalskip.probe.measured import Measured

    Report = Callable[[Observation], None]

DO_EVAL = (None, True, False)
STRATEGIES = (None, "no", "steps", "epoch")
"""None: not set."""

_CLI = "from llamafactory.cli import main; main()"
_RUN_S = 300.0
_OTHERS = 12
"""Observations of each LLaMA-Factory beside the table of switches."""


def planned(pythons: Sequence[str]) -> int:
    """How many observations :func:`observe` makes."""
    switches = len(DO_EVAL) * len(STRATEGIES)
    return switches + len(pythons) * (switches + _OTHERS)


def observe(pythons: Sequence[str], folder: Path, report: Report) -> list[Observation]:
    """Run everything, for each interpreter's LLaMA-Factory and for our own plain Trainer.

    Args:
        pythons: interpreters that have a LLaMA-Factory.
        folder: to write into.
        report: called with each observation as it is made.

    Raises:
        InputError: an interpreter has no LLaMA-Factory that is known.
        MeasurementError: a parent did not start.
    """
    observations: list[Observation] = []

    def note(observation: Observation) -> None:
        observations.append(observation)
        report(observation)

    make_tiny(folder / "tiny")
    for python in pythons:
        settings = tiny_settings(folder / "tiny")
        job = LlamaFactoryJob(kind="llamafactory", settings=settings, python=python)
        job.check(0)
        with closing(_Observer(job, "LLaMA-Factory", "llamafactory", folder, note)) as observer:
            _switch_table(observer)
            _what_needs_evaluation(observer)
            _what_is_logged_and_saved(observer)
            note(_command_line(job, observer.trainer, observer.output_folder("command-line")))
            note(_source(python, observer.trainer))
    job_of_ours = TransformersJob.model_validate(TRAINER)
    with closing(_Observer(job_of_ours, "Trainer", "transformers", folder, note)) as observer:
        _switch_table(observer)
    return observations


class _Observer(Observer):
    """Notes what each run did."""

    def __init__(self, job: Job, name: str, package: str, folder: Path, note: Report) -> None:
        self._logs = folder / "logs"
        self._logs.mkdir(parents=True, exist_ok=True)
        self._outputs = folder / "kept"
        self.note = note
        super().__init__(job, name, package, self._logs)

    def output_folder(self, name: str) -> Path:
        """A folder for what a run writes, which stays."""
        return self._outputs / self.trainer.replace(" ", "-") / name

    def run(self, what: str, settings: dict[str, Any], keep: Path | None = None) -> Observation:
        """Make one run and note what it did; ``settings`` is what differs from the other runs."""
        behaviour: dict[str, Any]
        try:
            outcome = self.ask(settings, _RUN_S, output=str(keep) if keep else None)
        except InputError as error:
            behaviour = {"error": str(error)}
        else:
            behaviour = (
                _behaviour(outcome.measured) if outcome.measured else {"error": outcome.error}
            )
        log = self._logs / f"observation-{self.count:04d}-0-00.log"
        lines = log.read_text(errors="replace").lower().splitlines()
        behaviour["says_skip"] = any("skip" in line and "evaluat" in line for line in lines)
        # where this machine keeps its files is nobody's business
        shown = {
            key: value.removeprefix(f"{self._outputs}/") if isinstance(value, str) else value
            for key, value in settings.items()
        }
        observation = Observation(
            what=what, trainer=self.trainer, settings=shown, behaviour=behaviour
        )
        self.note(observation)
        return observation


def _behaviour(measured: Measured) -> dict[str, Any]:
    timeline = measured.timeline
    after = sum(evaluation.after_training for evaluation in timeline.evaluations)
    return {
        "steps": len(timeline.steps_ns),
        "evaluations_inside": len(timeline.evaluations) - after,
        "evaluations_after": after,
        "losses": measured.losses,
    }


def _switch_table(observer: _Observer) -> None:
    for strategy in STRATEGIES:
        for do_eval in DO_EVAL:
            settings: dict[str, Any] = {}
            if do_eval is not None:
                settings["do_eval"] = do_eval
            if strategy is not None:
                settings["eval_strategy"] = strategy
            if strategy == "steps":
                settings["eval_steps"] = 5
            observer.run("switch", settings)


def _what_needs_evaluation(observer: _Observer) -> None:
    """Features that need evaluation, asked for without it, and early stopping with it as well."""
    without = {"eval_strategy": "no", "metric_for_best_model": "eval_loss"}
    observer.run("early_stopping", {**without, "early_stopping_steps": 2})
    able = {"eval_strategy": "epoch", "save_strategy": "epoch"}
    observer.run("early_stopping_on", {**without, **able, "early_stopping_steps": 2})
    observer.run("best_at_end", {**without, "load_best_model_at_end": True})
    keep = observer.output_folder("save-best")
    observer.run("save_best", {**without, "save_strategy": "best"}, keep)


def _what_is_logged_and_saved(observer: _Observer) -> None:
    """A run with evaluation and one without: their logs, checkpoints, and a run that goes on."""
    logs: dict[str, list[list[float]]] = {}
    for name, strategy in (("on", "epoch"), ("off", "no")):
        folder = observer.output_folder(name)
        settings = {"eval_strategy": strategy, "save_strategy": "steps", "save_steps": 4}
        observer.run(f"log_{name}", {**settings, "logging_steps": 1}, folder)
        logs[name] = _training_log(folder)
        observer.note(
            Observation(
                what=f"files_{name}",
                trainer=observer.trainer,
                settings=settings,
                behaviour={
                    "log": logs[name],
                    "checkpoints": sorted(path.name for path in folder.glob("checkpoint-*")),
                    "final_model": any(folder.glob("adapter_model*")),
                },
            )
        )
    checkpoint = str(observer.output_folder("off") / "checkpoint-4")
    observer.run("resume", {"eval_strategy": "no", "resume_from_checkpoint": checkpoint})
    observer.run("load", {"eval_strategy": "no", "adapter_name_or_path": checkpoint})


def _training_log(folder: Path) -> list[list[float]]:
    """Step and loss of each line that LLaMA-Factory's ``trainer_log.jsonl`` has of training."""
    path = folder / "trainer_log.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    entries = [json.loads(line) for line in lines]
    return [[entry["current_steps"], entry["loss"]] for entry in entries if "loss" in entry]


def _command_line(job: LlamaFactoryJob, trainer: str, folder: Path) -> Observation:
    """``do_eval`` as an option of ``llamafactory-cli train``, where it takes no file."""
    folder.mkdir(parents=True)
    settings = {"do_eval": True}
    all_settings = {**job.settings, "report_to": "none", "output_dir": str(folder), **settings}
    options = [word for key, value in all_settings.items() for word in (f"--{key}", str(value))]
    log = folder / "printed.log"
    with log.open("wb") as output:
        ended = subprocess.run(
            [str(job.interpreter), "-c", _CLI, "train", *options],
            env={**os.environ, **job.environment("time"), "FORCE_TORCHRUN": "0"},
            stdout=output,
            stderr=subprocess.STDOUT,
            timeout=_RUN_S,
            check=False,
        )
    # what evaluates after training writes this file, and nothing else does
    behaviour: dict[str, Any] = {
        "evaluations_inside": 0,
        "evaluations_after": int((folder / "eval_results.json").exists()),
    }
    if ended.returncode:
        lines = log.read_text(errors="replace").strip().splitlines()
        behaviour["error"] = lines[-1] if lines else f"exit code {ended.returncode}"
    return Observation(what="command_line", trainer=trainer, settings=settings, behaviour=behaviour)


def _source(python: str, trainer: str) -> Observation:
    """Where the installed source depends on ``do_eval``, and what it says of skipping."""
    return Observation(
        what="source",
        trainer=trainer,
        settings={},
        behaviour=conditions_on("do_eval", python, "llamafactory"),
    )
