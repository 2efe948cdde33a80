"""Runs of the ``transformers`` job: what the warm parent prepares, and what a child trains."""

from __future__ import annotations

import os
import tempfile
import time
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from evalskip.jobs.base import RunRequest
from evalskip.jobs.transformers.settings import TransformersJob

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from datasets import Dataset


def runner(settings: dict[str, Any]) -> TransformersRunner:
    """The job's runner, from its settings as JSON holds them."""
    return TransformersRunner(TransformersJob.model_validate(settings))


class TransformersRunner:
    """Prepared once in a parent that touches no device; each run is a child of it."""

    def __init__(self, job: TransformersJob) -> None:
        self._job = job
        self._setup_ns: dict[str, int] = {}
        self._train: Dataset
        self._evaluation: dict[int, Dataset] = {}

    def prepare(self, evaluation_samples: Sequence[int]) -> dict[str, Any]:
        """Import, tokenise, and warm up by one single-threaded step on a CPU.

        Where CUDA is used each run warms up itself: a backward pass asks CUDA for its devices, even
        on a CPU, and no fork could use them then.
        """
        with self._timed("imports"):
            import torch
            import transformers  # noqa: F401

            # a parent that ran a two-thread operation before the fork hangs its children
            torch.set_num_threads(1)
            import datasets
            from transformers import Trainer  # noqa: F401

            from evalskip.jobs.transformers import training
            from evalskip.jobs.transformers.text import token_samples

            if self._job.finetuning != "full":
                import peft  # noqa: F401
        datasets.disable_progress_bars()
        parameters = training.count_parameters(self._job)
        with self._timed("train_data"):
            samples = token_samples(self._job.data)
            count = self._job.data.train_samples
            self._train = training.dataset(samples[:count])
        for size in sorted(set(evaluation_samples)):
            with self._timed(f"evaluation_data:{size}"):
                self._evaluation[size] = training.evaluation_set(self._job, samples[count:], size)
        if not self._job.on_cuda and _is_alone():
            training.warm_up(self._job, self._train)
        return {
            "setup_ns": self._setup_ns,
            "parameters": parameters,
            "software": training.software(),
        }

    def run(self, request: dict[str, Any]) -> dict[str, Any]:
        """Build, train, evaluate as the schedule says, and prove what was done."""
        return self._run(RunRequest.model_validate(request))

    def _run(self, request: RunRequest) -> dict[str, Any]:
        import torch
        from transformers import set_seed

        from evalskip.callbacks import made_of
        from evalskip.jobs.transformers import training
        from evalskip.probe.environment import environment
        from evalskip.probe.trainer import TrainerProbe

        job = self._job.evaluating(request.evaluation)
        torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
        if request.trial:
            return self._try(job, request)
        if request.curve:
            return self._curve(job, request)
        if job.on_cuda and _is_alone():
            training.warm_up(self._job, self._train)
        self._setup_ns = {}
        train = self._train
        if request.train_samples:
            train = train.select([sample % len(train) for sample in range(request.train_samples)])
        stays = request.output
        with (
            nullcontext(stays) if stays else tempfile.TemporaryDirectory(prefix="evalskip-")
        ) as output:
            set_seed(request.seed)
            with self._timed("model"):
                model = training.build_model(job)
            with self._timed("trainer"):
                samples = request.evaluation_samples
                trainer = training.build_trainer(
                    job,
                    model,
                    output,
                    seed=request.seed,
                    train=train,
                    evaluation=self._evaluation[samples] if samples else None,
                    arguments=request.arguments,
                    callbacks=made_of(request.callbacks),
                )
                probe = TrainerProbe(
                    trainer,
                    request.measure,
                    restore_random_state=request.restore_random_state,
                    sliced=request.sliced.model_dump() if request.sliced else None,
                    tells_losses=request.tells_losses,
                )
            trainer.train()
            if request.schedule.after_training:
                trainer.evaluate()
        return {
            **probe.finish(),
            "setup_ns": self._setup_ns,
            "environment": environment(probe.device),
        }

    def _try(self, job: TransformersJob, request: RunRequest) -> dict[str, Any]:
        from transformers import set_seed

        from evalskip.jobs.transformers import training
        from evalskip.worker.trial import Trial, trial_arguments

        trial_request, samples = request.trial, request.evaluation_samples
        if trial_request is None:
            raise ValueError("no trial was asked for")
        trial = Trial(trial_request.model_dump(), "cuda" if job.on_cuda else "cpu")

        def train() -> None:
            with tempfile.TemporaryDirectory(prefix="evalskip-") as output:
                set_seed(request.seed)
                trainer = training.build_trainer(
                    job,
                    training.build_model(job),
                    output,
                    seed=request.seed,
                    train=self._train,
                    evaluation=self._evaluation[samples] if samples else None,
                    arguments={
                        **request.arguments,
                        **trial_arguments(trial_request.batch, trial_request.passes),
                    },
                    callbacks=[],
                )
                trial.attach(trainer)
                trainer.train()

        return trial.run(train)

    def _curve(self, job: TransformersJob, request: RunRequest) -> dict[str, Any]:
        """Train with losses kept, or as people have a training ended and its best kept."""
        from transformers import EarlyStoppingCallback, set_seed

        from evalskip.jobs.transformers import curve, training
        from evalskip.jobs.transformers.text import token_samples
        from evalskip.probe.environment import environment
        from evalskip.probe.trainer import TrainerProbe

        target, samples = request.curve, request.evaluation_samples
        if target is None or samples is None:
            raise ValueError("no curve was asked for")
        evaluated, count = self._evaluation[samples], job.data.train_samples
        text = token_samples(job.data)[count + samples * job.pieces :]
        holdout = curve.holdout_of(count, target.holdout_samples, target.holdout_set)
        train = self._train.select([sample for sample in range(count) if sample not in holdout])
        keeper = None
        callbacks: list[Any] = []
        arguments: dict[str, Any] = {"eval_strategy": "no", "logging_steps": 1}
        if target.every is not None:
            arguments |= curve.stopping_arguments(target.every)
            callbacks = [EarlyStoppingCallback(target.patience)] if target.patience else []
        else:
            keeper = curve.CurveKeeper(
                target.steps,
                {
                    "samples": evaluated,
                    "test": training.evaluation_set(job, text, target.test_samples),
                    "holdout": self._train.select(holdout),
                },
            )
            callbacks = [keeper]
        with tempfile.TemporaryDirectory(prefix="evalskip-") as output:
            set_seed(request.seed)
            trainer = training.build_trainer(
                job,
                training.build_model(job),
                output,
                seed=request.seed,
                train=train,
                evaluation=evaluated,
                arguments=arguments,
                callbacks=callbacks,
            )
            probe = TrainerProbe(trainer, "time", restore_random_state=True, prove=False)
            if keeper:
                keeper.attach(trainer)
            trainer.train()
            return {
                **probe.finish(),
                "curve": curve.curve_report(keeper, trainer),
                "environment": environment(probe.device),
            }

    @contextmanager
    def _timed(self, part: str) -> Iterator[None]:
        began = time.perf_counter_ns()
        yield
        self._setup_ns[part] = time.perf_counter_ns() - began


def _is_alone() -> bool:
    """Whether this is no rank of several; of a rank, nothing is forked."""
    return "RANK" not in os.environ
