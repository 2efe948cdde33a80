"""Runs one job as its author wrote it, again and again, each time asked for something else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalskip.jobs import RunId, RunRequest
from evalskip.jobs.llamafactory import LlamaFactoryJob
from evalskip.launch import launcher_for
from evalskip.schedules import AsWritten

if TYPE_CHECKING:
    from pathlib import Path

    from evalskip.jobs import Job
    from evalskip.launch import Outcome

TRAINER: dict[str, Any] = {
    "kind": "transformers",
    "model": {"config": "tiny-llama"},
    "data": {"text": "python-docs", "train_samples": 32, "length": 32},
    "epochs": 2,
    "train_batch": 8,
    "evaluation_batch": 8,
    "device": "cpu",
}
"""A plain Trainer's job."""

_ROWS, _START_S = 8, 300.0


class Observer:
    """One job's runs.

    Args:
        job: whose behaviour is to be seen.
        name: of its trainer, for people.
        package: whose version is named.
        logs: an existing folder for what the runs print.
    """

    def __init__(self, job: Job, name: str, package: str, logs: Path) -> None:
        self._samples = None if isinstance(job, LlamaFactoryJob) else _ROWS
        self._base = dict(job.settings) if isinstance(job, LlamaFactoryJob) else {}
        sizes = [self._samples] if self._samples else []
        self._launcher = launcher_for(job, "time", sizes, logs, _START_S)
        self.trainer = f"{name} {self._launcher.prepared.software[package]}"
        self.count = 0
        """Of the runs so far; names their logs."""

    def close(self) -> None:
        """Leave no process behind."""
        self._launcher.close()

    def ask(self, settings: dict[str, Any], limit_s: float, **more: Any) -> Outcome:
        """Make one run.

        Args:
            settings: those that differ from those of the other runs.
            limit_s: time after which it is ended.
            **more: fields of its request.

        Raises:
            InputError: what was asked for makes no run.
        """
        self.count += 1
        request = RunRequest(
            id=RunId(purpose="observation", block=self.count),
            arm="as_written",
            schedule=AsWritten(),
            evaluation_samples=self._samples,
            measure="time",
            seed=0,
            restore_random_state=False,
            arguments={**self._base, "report_to": "none", **settings} if self._base else settings,
            **more,
        )
        return self._launcher.run(request, limit_s)
