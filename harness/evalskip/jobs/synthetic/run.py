"""Runs of the ``synthetic`` job: the real recorder, over pieces of known cost."""

from __future__ import annotations

import math
import os
import random
import signal
import time
from typing import TYPE_CHECKING, Any

from evalskip.jobs.base import RunRequest
from evalskip.jobs.synthetic.beside import second_process
from evalskip.jobs.synthetic.settings import SyntheticJob
from evalskip.probe.clocks import HostClock
from evalskip.probe.layout import (
    Layout,
    is_alone,
    layout,
    pilot_layout,
    pilot_samples,
    pilot_steps,
    repeats,
)
from evalskip.probe.measured import as_report
from evalskip.probe.phases import PhaseRecorder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.jobs.base import TrialRequest


def runner(settings: dict[str, Any]) -> SyntheticRunner:
    """The job's runner, from its settings as JSON holds them."""
    return SyntheticRunner(SyntheticJob.model_validate(settings))


class SyntheticRunner:
    """Spends the job's costs, on a virtual clock or by sleeping."""

    def __init__(self, job: SyntheticJob) -> None:
        self._job = job

    def prepare(self, evaluation_samples: Sequence[int]) -> dict[str, Any]:
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
            return _tried(job, request.trial, request.evaluation_samples or 0)
        work = _Work(job, request)
        recorder = PhaseRecorder(HostClock(work.now))
        training = _training(job, request)
        if request.train_samples:
            training["steps"] = math.ceil(request.train_samples / request.arguments[_BATCH])
            training["evaluated_after"] = [training["steps"]] if request.evaluation_samples else []
        last, happens = training["steps"], _happens(job, training)
        all_samples = request.evaluation_samples or 0
        sliced = request.sliced
        pilot = sliced.pilot if sliced else None
        evaluated: Sequence[int] = range(all_samples)
        if sliced:
            count = min(all_samples, sliced.evaluation_batches * job.evaluation_batch)
            chosen = (
                pilot_samples(all_samples, count, job.evaluation_batch) if pilot else range(count)
            )
            evaluated = chosen
        target = sliced.steps if sliced else last
        fewest = pilot.evaluations if pilot else 0
        if pilot:
            if is_alone(target, last, pilot.most, pilot.reserved):
                fewest = max(fewest, pilot.alone)
            target = pilot_steps(target, last, pilot.most, pilot.reserved)
        if last > target:
            last, saves, logs = target, training["saves"], training["logs"]
            happens = (
                pilot_layout(last, saves, logs)
                if pilot
                else layout(last, training["evaluated_after"], saves, logs)
            )

        def evaluate() -> None:
            with recorder.phase("evaluate"):
                work.begin_evaluation()
                work.evaluate(costs.evaluation_loader)
                recorder.loader_ready()
                first = 0.0 if recorder.timeline.evaluations else costs.first_evaluation
                for place in range(0, len(evaluated), job.evaluation_batch):
                    batch = evaluated[place : place + job.evaluation_batch]
                    tokens = _padded(job, batch)
                    recorder.batch_begins(len(batch), tokens)
                    work.evaluate(costs.evaluation_batch + costs.evaluation_token * tokens + first)
                    first = 0.0
                    recorder.batch_done()
                work.evaluate(costs.aggregation)
            recorder.timeline.evaluations[-1].cut = sliced is not None

        second = second_process(request, lambda: round(_evaluation_s(job, all_samples) * 1e9))
        left_ns = round(pilot.repeats_s * 1e9) if pilot else 0

        recorder.start()
        work.spend(costs.before_loop)
        recorder.enter_loop()
        hidden, train_tokens = 0.0, 0
        fed: list[str] = []
        for step in range(1, last + 1):
            fed.append(work.feed(step))
            tokens = _padded(job, _train_samples(job, step))
            train_tokens += tokens
            recorder.micro_batch_begins(job.train_batch, tokens)
            slowed = costs.slowed_by_second if second and second.is_busy(work.now()) else 0.0
            work.spend((costs.step + costs.train_token * tokens) * (1 + slowed) + hidden)
            hidden = 0.0
            recorder.step_done()
            if second:
                second.step_done(step, work.now())
            if step in happens.log:
                with recorder.phase("log"):
                    work.spend(costs.log)
            if second and step in happens.evaluate:
                began = work.now()
                work.spend(costs.snapshot)
                second.snapshot(step, work.now(), work.now() - began)
            elif step in happens.evaluate:
                evaluate()
                for _ in range(repeats(happens, fewest)):
                    if left_ns > 0:
                        began = work.now()
                        evaluate()
                        left_ns -= work.now() - began
                hidden = costs.after_evaluation
            if step in happens.save:
                with recorder.phase("save"):
                    work.spend(costs.save)
        if second:
            work.spend(second.wait_ns(last, work.now()) / 1e9)
        work.spend(costs.after_loop)
        timeline = recorder.stop()
        full_run: dict[str, Any] = {
            "training": training if last < training["steps"] else None,
            "sets": {"": (all_samples, len(evaluated))},
            "gathers": False,
        }
        if pilot:
            full_run["job"] = _survey(job, all_samples) if pilot.survey_s else _sizes(job)
        return {
            "timeline": as_report(timeline),
            "phases_ns": timeline.phases_ns(),
            "peak_bytes": {},
            "train_tokens": train_tokens,
            "losses": [],
            "batch_digests": fed,
            "work_digest": "-".join(sorted(set(fed))),
            "losses_digest": "none",
            "weights_digest": "none",
            "weights_sketch": [],
            "setup_ns": {},
            "environment": {},
            "beside": as_report(second.beside) if second else None,
            **({"full_run": full_run} if sliced else {}),
        }


# samples to evaluate come before it
_FIRST_TRAIN_ROW = 10**9
_BATCH = "per_device_train_batch_size"


def _tried(job: SyntheticJob, trial: TrialRequest, evaluation_samples: int) -> dict[str, Any]:
    """What a trial says, as :meth:`evalskip.worker.trial.Trial.run` has it."""
    memory = job.memory
    limit = trial.limit_bytes + (memory.base if trial.beyond_process else 0)
    evaluated = min(evaluation_samples, job.evaluation_batch) * memory.evaluation_sample
    peak = needed = memory.base
    phases = {"model": memory.model, "train": memory.model + trial.batch * memory.train_sample}
    if trial.evaluates:
        phases["evaluate"] = memory.model + evaluated
    bounds = {"base_bytes": memory.base, "limit_bytes": limit}
    for phase, more in phases.items():
        needed = memory.base + more
        if needed > limit:
            return {"fits": False, "phase": phase, "peak_bytes": peak, **bounds}
        peak = max(peak, needed)
    return {"fits": True, "phase": "train", "peak_bytes": peak, **bounds}


def _train_samples(job: SyntheticJob, step: int) -> range:
    """The samples of a step, numbered over all epochs: each epoch has an order of its own."""
    first = _FIRST_TRAIN_ROW + step * job.train_batch
    return range(first, first + job.train_batch)


def _padded(job: SyntheticJob, samples: Sequence[int]) -> int:
    """Tokens of a batch of these samples, each as long as the longest."""
    lengths = job.lengths
    if lengths.shortest == lengths.longest:
        return len(samples) * lengths.longest
    sample_lengths = (
        random.Random(sample).randint(lengths.shortest, lengths.longest) for sample in samples
    )
    return len(samples) * max(sample_lengths)


def _batches(job: SyntheticJob, samples: int) -> list[range]:
    """The samples of each batch of an evaluation."""
    return [
        range(place, min(place + job.evaluation_batch, samples))
        for place in range(0, samples, job.evaluation_batch)
    ]


def _evaluation_s(job: SyntheticJob, samples: int) -> float:
    """What one evaluation takes on an undisturbed machine, in seconds."""
    costs = job.costs
    batches = _batches(job, samples)
    tokens = sum(_padded(job, batch) for batch in batches)
    inside = len(batches) * costs.evaluation_batch + tokens * costs.evaluation_token
    return costs.evaluation_loader + inside + costs.aggregation


def _sizes(job: SyntheticJob) -> dict[str, Any]:
    """As :meth:`evalskip.probe.pilot.PilotSlicing.full_run` has it."""
    return {
        "steps_per_epoch": job.steps_per_epoch,
        "train_samples": job.steps_per_epoch * job.train_batch,
        "train_batch": job.train_batch,
        "evaluation_batch": job.evaluation_batch,
        "accumulation": 1,
        "drop_last": False,
        "ranks": 1,
        "eval_on_start": False,
        "eval_delay": 0.0,
    }


def _survey(job: SyntheticJob, evaluation_samples: int) -> dict[str, Any]:
    steps = range(1, job.epochs * job.steps_per_epoch + 1)
    train = [(job.train_batch, _padded(job, _train_samples(job, step))) for step in steps]
    evaluated = [(len(batch), _padded(job, batch)) for batch in _batches(job, evaluation_samples)]
    shapes = {"train_shapes": train, "evaluation_shapes": evaluated, "flops": None}
    return {**_sizes(job), **shapes}


def _training(job: SyntheticJob, request: RunRequest) -> dict[str, Any]:
    """What a run does that is not cut short: :class:`evalskip.probe.measured.Training`."""
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
        place = request.id
        key = f"{request.seed}:{place.block}:{place.position}:{place.purpose}"
        source = random.Random(key)
        self._noise = [kind.start(source) for kind in job.noise]
        self._virtual = 0
        paces = random.Random(f"{key}:pace")
        self._pace = math.exp(paces.gauss(0, job.between_runs))
        self._evaluation_pace = math.exp(paces.gauss(0, job.evaluation_between_runs))
        self._slow, self._slowness = job.slow_evaluations, 1.0
        self._chance = random.Random(f"{key}:slow evaluations")
        self._origin = time.perf_counter_ns()
        self._faults = {f.step: f.ending for f in job.faults if f.arm == request.arm}

    def now(self) -> int:
        return time.perf_counter_ns() - self._origin if self._real else self._virtual

    def begin_evaluation(self) -> None:
        """An evaluation begins: whether it is a slow one is drawn."""
        is_slow = self._chance.random() < self._slow.probability
        self._slowness = self._slow.factor if is_slow else 1.0

    def evaluate(self, seconds: float) -> None:
        """Spend time on evaluation."""
        self.spend(seconds * self._evaluation_pace * self._slowness)

    def spend(self, seconds: float) -> None:
        if not seconds:
            return
        seconds *= self._pace
        at = self.now() / 1e9
        factors = [source.factor(at, seconds) for source in self._noise]
        seconds *= math.prod(factors)
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
