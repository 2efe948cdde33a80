"""Runs of the ``synthetic`` job: the real recorder, over pieces of known cost."""

from __future__ import annotations

import math
import os
import random
import signal
import time
from typing import TYPE_CHECKING, Any

from evalskip.jobs.base import RunRequest
from evalskip.jobs.synthetic.settings import SyntheticJob
from evalskip.probe.clocks import HostClock
from evalskip.probe.phases import PhaseRecorder
from evalskip.probe.slicing import Layout, layout

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.jobs.base import Trial


def runner(settings: dict[str, Any]) -> SyntheticRunner:
    """The job's runner, from its settings as JSON holds them."""
    return SyntheticRunner(SyntheticJob.model_validate(settings))


class SyntheticRunner:
    """Spends the job's costs, on a virtual clock or by sleeping."""

    def __init__(self, job: SyntheticJob) -> None:
        self._job = job

    def prepare(self, evaluation_rows: Sequence[int]) -> dict[str, Any]:
        """Nothing is shared but the set-up's cost."""
        return {
            "setup_ns": {"imports": round(self._job.costs.setup * 1e9)},
            "parameters": 0,
            "software": {},
        }

    def run(self, request: dict[str, Any]) -> dict[str, Any]:
        """The training loop, piece by piece."""
        return self._run(RunRequest.model_validate(request))

    def _run(self, request: RunRequest) -> dict[str, Any]:
        job = self._job.evaluating(request.evaluation)
        costs = job.costs
        if request.trial:
            return _tried(job, request.trial, request.evaluation_rows or 0)
        work = _Work(job, request)
        recorder = PhaseRecorder(HostClock(work.now))
        training = _training(job, request)
        if request.train_rows:
            training["steps"] = math.ceil(request.train_rows / request.arguments[_BATCH])
            training["evaluated_after"] = [training["steps"]] if request.evaluation_rows else []
        last, happens = training["steps"], _happens(job, training)
        rows_each = all_rows = request.evaluation_rows or 0
        sliced = request.sliced
        if sliced:
            rows_each = min(all_rows, sliced.evaluation_batches * job.evaluation_batch)
        if sliced and last > sliced.steps:
            last = sliced.steps
            happens = layout(last, training["evaluated_after"], training["saves"], training["logs"])

        def evaluate() -> None:
            with recorder.phase("evaluate"):
                work.spend(costs.evaluation_loader)
                recorder.loader_ready()
                left = rows_each
                for _ in range(math.ceil(rows_each / job.evaluation_batch)):
                    rows = min(left, job.evaluation_batch)
                    left -= rows
                    recorder.batch_begins(rows, rows)
                    work.spend(costs.evaluation_batch)
                    recorder.batch_done()
                work.spend(costs.aggregation)
            recorder.timeline.evaluations[-1].cut = sliced is not None

        recorder.start()
        work.spend(costs.before_loop)
        recorder.enter_loop()
        hidden = 0.0
        fed: list[str] = []
        for step in range(1, last + 1):
            fed.append(work.feed(step))
            work.spend(costs.step + hidden)
            hidden = 0.0
            recorder.step_done()
            if step in happens.log:
                with recorder.phase("log"):
                    work.spend(costs.log)
            if step in happens.evaluate:
                evaluate()
                hidden = costs.after_evaluation
            if step in happens.save:
                with recorder.phase("save"):
                    work.spend(costs.save)
        work.spend(costs.after_loop)
        timeline = recorder.stop()
        whole = {
            "training": training if last < training["steps"] else None,
            "sets": {"": (all_rows, rows_each)},
            "gathers": False,
        }
        return {
            "timeline": timeline.as_dict(),
            "phases_ns": timeline.phases_ns(),
            "peak_bytes": {},
            "train_tokens": last * job.train_batch,
            "losses": [],
            "batch_digests": fed,
            "work_digest": "-".join(sorted(set(fed))),
            "losses_digest": "none",
            "weights_digest": "none",
            "weights_sketch": [],
            "setup_ns": {},
            "environment": {},
            **({"whole": whole} if sliced else {}),
        }


_BATCH = "per_device_train_batch_size"


def _tried(job: SyntheticJob, trial: Trial, evaluation_rows: int) -> dict[str, Any]:
    """What a trial says, as :meth:`evalskip.inside.trial.Trial.run` has it."""
    held = job.memory
    limit = trial.limit_bytes + (held.base if trial.beyond_process else 0)
    evaluated = min(evaluation_rows, job.evaluation_batch) * held.evaluation_row
    peak = needed = held.base
    phases = {"model": held.model, "train": held.model + trial.batch * held.train_row}
    if trial.evaluates:
        phases["evaluate"] = held.model + evaluated
    found = {"base_bytes": held.base, "limit_bytes": limit}
    for phase, more in phases.items():
        needed = held.base + more
        if needed > limit:
            return {"fits": False, "phase": phase, "peak_bytes": peak, **found}
        peak = max(peak, needed)
    return {"fits": True, "phase": "train", "peak_bytes": peak, **found}


def _training(job: SyntheticJob, request: RunRequest) -> dict[str, Any]:
    """What a run does that is not cut short, as :class:`evalskip.slices.Training` has it."""
    steps = job.epochs * job.steps_per_epoch
    return {
        "steps": steps,
        "evaluated_after": sorted(job.evaluated_steps(request.schedule, steps) or ()),
        "saves": steps // job.save_steps if job.save_steps else 0,
        "logs": steps // job.logging_steps,
    }


def _happens(job: SyntheticJob, training: dict[str, Any]) -> Layout:
    every, last = job.save_steps, training["steps"]
    return Layout(
        frozenset(training["evaluated_after"]),
        frozenset(range(every, last + 1, every) if every else ()),
        frozenset(range(job.logging_steps, last + 1, job.logging_steps)),
    )


class _Work:
    """Spends time, real or virtual, and makes the job's faults happen."""

    def __init__(self, job: SyntheticJob, request: RunRequest) -> None:
        self._real = job.clock == "real"
        key = f"{request.seed}:{request.block}:{request.position}:{request.measure}"
        source = random.Random(key)
        self._noise = [kind.start(source) for kind in job.noise]
        self._virtual = 0
        self._origin = time.perf_counter_ns()
        self._faults = {f.step: f.ending for f in job.faults if f.arm == request.arm}

    def now(self) -> int:
        return time.perf_counter_ns() - self._origin if self._real else self._virtual

    def spend(self, seconds: float) -> None:
        if not seconds:
            return
        at = self.now() / 1e9
        for source in self._noise:
            seconds *= source.factor(at)
        if self._real:
            time.sleep(seconds)
        else:
            self._virtual += round(seconds * 1e9)

    def feed(self, step: int) -> str:
        """The digest of what the step is fed; or the end of the run."""
        ending = self._faults.get(step)
        if ending == "raise":
            raise ValueError(f"a fault was asked for at step {step}")
        if ending == "out_of_memory":
            raise MemoryError(f"a fault was asked for at step {step}")
        if ending == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        while ending == "hang":
            time.sleep(3600)
        return "other" if ending == "different_work" else "same"
