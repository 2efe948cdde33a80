"""Runs inside the harness, for jobs on a virtual clock."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from evalskip.launch.base import Outcome, reported
from evalskip.probe.measured import Prepared, parsed
from evalskip.worker.runner import outcome_of_error

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.jobs import Job, RunRequest


class InlineLauncher:
    """No process is started, so nothing outside a run can end it."""

    def __init__(self, job: Job, evaluation_samples: Sequence[int]) -> None:
        module = importlib.import_module(job.runner)
        self._runner = module.runner(job.model_dump(mode="json"))
        self.prepared = parsed(Prepared, self._runner.prepare(evaluation_samples))

    def run(self, request: RunRequest, limit_s: float) -> Outcome:
        """Make one run here and now."""
        try:
            report = self._runner.run(request.model_dump(mode="json"))
        except Exception as error:
            return Outcome.model_validate(outcome_of_error(error))
        return reported(Outcome(status="ok"), [report], request)

    def close(self) -> None:
        """There is nothing to close."""
