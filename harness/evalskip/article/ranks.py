"""What becomes of a training whose ranks do not evaluate alike, without the check and with it."""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

from evalskip.article.observer import TRAINER, Observer
from evalskip.jobs.llamafactory import LlamaFactoryJob
from evalskip.jobs.llamafactory.tiny import make_tiny, tiny_settings
from evalskip.jobs.transformers import TransformersJob
from evalskip.summary import Observation

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from evalskip.article.truth import Report
    from evalskip.jobs import Job

DISAGREEMENTS: tuple[tuple[dict[str, Any], dict[str, Any]], ...] = (
    ({"do_eval": True, "eval_strategy": "no"}, {"do_eval": False}),
    ({"do_eval": True, "eval_strategy": "epoch"}, {"do_eval": False}),
    ({"eval_strategy": "epoch"}, {"eval_strategy": "no"}),
    ({"eval_strategy": "steps", "eval_steps": 2}, {"eval_steps": 3}),
)
"""What both ranks are given, and what the second has otherwise."""

_RUN_S = 300.0
_TIMES = 4
"""A run that takes so many times as long as one whose ranks agree is taken to hang."""


def planned_ranks(_: Sequence[str]) -> int:
    """How many observations :func:`observe_ranks` makes: three of each pair, by two trainers."""
    return 2 * 3 * len(DISAGREEMENTS)


def observe_ranks(pythons: Sequence[str], folder: Path, report: Report) -> list[Observation]:
    """Train on two ranks: alike; and not alike, without the check and with it.

    Args:
        pythons: interpreters that have a LLaMA-Factory; the newest one's is run.
        folder: to write into.
        report: called with each observation as it is made.

    Raises:
        InputError: an interpreter has no LLaMA-Factory that is known.
        MeasurementError: a job could not be prepared.
    """
    observations: list[Observation] = []

    def note(observation: Observation) -> None:
        observations.append(observation)
        report(observation)

    make_tiny(folder / "tiny")
    settings = {**tiny_settings(folder / "tiny"), "ddp_timeout": 1800}
    logs = folder / "logs"
    logs.mkdir(parents=True)
    theirs = LlamaFactoryJob(
        kind="llamafactory", settings=settings, python=pythons[-1], processes=2
    )
    theirs.check(0)
    ours = TransformersJob.model_validate({**TRAINER, "processes": 2})
    with closing(_Observer(ours, "Trainer", "transformers", logs, note)) as observer:
        observer.run_all()
    with closing(_Observer(theirs, "LLaMA-Factory", "llamafactory", logs, note)) as observer:
        observer.run_all()
    return observations


class _Observer(Observer):
    def __init__(self, job: Job, name: str, package: str, logs: Path, note: Report) -> None:
        self._note = note
        super().__init__(job, name, package, logs)

    def run_all(self) -> None:
        """Every disagreement; ranks that agree say how long a training should take."""
        limit_s = 0.0
        for settings, other in DISAGREEMENTS:
            took = self._run(settings, {}, check=True, limit_s=_RUN_S)
            limit_s = max(limit_s, min(_RUN_S, _TIMES * took))
            self._run(settings, other, check=False, limit_s=limit_s)
            self._run(settings, other, check=True, limit_s=limit_s)

    def _run(
        self, settings: dict[str, Any], other: dict[str, Any], *, check: bool, limit_s: float
    ) -> float:
        """Make one run and note what became of it; how long it took, in seconds."""
        began = time.monotonic()
        outcome = self.ask(
            settings,
            limit_s,
            by_rank={1: other} if other else {},
            callbacks=[("RanksAgree", [])] if check else [],
        )
        took = time.monotonic() - began
        behaviour: dict[str, Any] = {"status": outcome.status, "seconds": round(took, 1)}
        if outcome.error:
            behaviour["error"] = outcome.error
        if outcome.measured:
            behaviour["evaluations"] = len(outcome.measured.timeline.evaluations)
        differs = {"rank 1": other} if other else {}
        self._note(
            Observation(
                what="ranks",
                trainer=self.trainer,
                settings={**settings, **differs, "check": check},
                behaviour=behaviour,
            )
        )
        return took
