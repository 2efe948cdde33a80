"""What a whole job is, as the pilot saw it: its steps, its batches, what each evaluation is of."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalskip.analysis.costs import JobCounts
from evalskip.schedules import FinalOnly, Off
from evalskip.summary import JobSize

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.analysis.parts import PilotRun
    from evalskip.probe.measured import FullJob
    from evalskip.probe.surveyed import RemedySurvey
    from evalskip.schedules import Schedule


@dataclass(frozen=True)
class Survey:
    """As one process of the pilot saw it."""

    run: PilotRun

    @property
    def job(self) -> FullJob:
        return self.run.job

    @property
    def remedies(self) -> RemedySurvey | None:
        return self.job.remedies

    @property
    def steps(self) -> int:
        return self.run.training.steps

    def counts(self) -> JobCounts:
        """What the whole job does beside training and evaluating."""
        training = self.run.training
        return JobCounts(training.steps, training.saves, training.logs)

    def sets(self, samples: int | None) -> list[int]:
        """Samples of each evaluation set, of the first so many of which an arm takes."""
        sizes = [there for there, _ in self.run.full_run.sets.values()]
        if not sizes:  # streams, which the pilot evaluated whole
            sizes = [self.run.timeline.evaluations[-1].samples * self.job.ranks]
        return sizes if samples is None else [min(samples, there) for there in sizes]

    @property
    def train_shapes(self) -> Sequence[Sequence[int]]:
        """Samples and tokens of micro-batches: of a stream, of those that the pilot trained on."""
        if self.job.train_samples is not None:
            return self.job.train_shapes
        return [
            (samples // count, tokens // count)
            for count, samples, tokens in self.run.timeline.step_shapes
            for _ in range(count)
        ]

    @property
    def evaluation_shapes(self) -> Sequence[Sequence[int]]:
        """The same of evaluation batches."""
        pilot_shapes = self.run.timeline.evaluations[-1].shapes
        return self.job.evaluation_shapes or pilot_shapes

    def evaluated_after(self, schedule: Schedule) -> list[int] | None:
        """Steps after which the job evaluates under a schedule; 0: before the first.

        Returns:
            None where it cannot be told.
        """
        per_epoch = self.job.steps_per_epoch
        after = schedule.evaluated_within(self.steps, per_epoch)
        if after is None or isinstance(schedule, Off | FinalOnly):
            return after
        strategy = schedule.trainer_arguments()["eval_strategy"]
        if strategy != "no":  # a callback does not wait
            unit = per_epoch if strategy == "epoch" else 1
            after = [step for step in after if step / unit >= self.job.eval_delay]
        return [0, *after] if self.job.eval_on_start else after

    def size(self, samples: int | None) -> JobSize:
        """Of the job, for an arm that evaluates so many samples."""
        job = self.job
        sets = self.sets(samples)
        batch, ranks = job.evaluation_batch, job.ranks
        shapes = self.evaluation_shapes
        if (
            samples is not None
            and sum(sample for sample, _ in shapes) == sum(self.sets(None))
            and samples
        ):
            # all were looked at, in order, so those of a smaller set are its first
            shapes = shapes[: math.ceil(samples / batch)]
            there, tokens = shapes[-1]
            left = samples - batch * (len(shapes) - 1)
            shapes = [*shapes[:-1], (left, round(tokens * left / there))]
        return JobSize(
            steps=self.steps,
            epochs=self.steps / job.steps_per_epoch,
            train_samples=job.train_samples,
            train_batch=job.train_batch * ranks,
            accumulation=job.accumulation,
            drop_last=job.drop_last,
            train_tokens_per_sample=_per_sample(
                self.train_shapes, job.train_batch * ranks, [job.train_samples or 0]
            ),
            evaluation_sets=sets,
            evaluation_batch=batch * ranks,
            evaluation_tokens_per_sample=_per_sample(shapes, batch * ranks, sets),
        )

    def unseen(self) -> float:
        """Variance of the mean tokens of a batch, in log, since not all batches were looked at."""
        job = self.job
        surveyed_samples = job.train_batch * job.ranks * len(job.train_shapes)
        all_seen = job.train_samples is not None and surveyed_samples >= job.train_samples
        variance = 0.0 if all_seen else _variance_of_mean(self.train_shapes)
        evaluated = job.evaluation_batch * job.ranks * len(self.evaluation_shapes)
        if evaluated < sum(self.sets(None)):
            variance += _variance_of_mean(self.evaluation_shapes)
        return variance

    def operations_ratio(self) -> float | None:
        """Operations of an evaluated token over those of a trained one."""
        flops = self.job.flops
        if not flops or not flops.train or not flops.evaluation_tokens:
            return None
        evaluated = flops.evaluation / flops.evaluation_tokens
        return evaluated / (flops.train / max(1, flops.train_tokens))


def _per_sample(shapes: Sequence[Sequence[int]], batch: int, sets: Sequence[int]) -> float:
    """Tokens on one rank per sample of data sets, the last batch of each of which may be smaller.

    Args:
        shapes: of one rank's batches, of one or several passes over the sets.
        batch: samples on all ranks.
        sets: samples of each; 0: not known.
    """
    passes, rest = 0, len(shapes)
    if in_pass := sum(math.ceil(samples / batch) for samples in sets):
        passes, rest = divmod(rest, in_pass)
    samples = passes * sum(sets) + rest * batch
    return sum(tokens for _, tokens in shapes) / samples if samples else 0.0


def _variance_of_mean(shapes: Sequence[Sequence[int]]) -> float:
    tokens = [tokens for _, tokens in shapes]
    count = len(tokens)
    mean = sum(tokens) / count if count else 0.0
    if count < 2 or not mean:
        return 0.0
    spread = sum((each - mean) ** 2 for each in tokens) / (count - 1)
    return spread / mean**2 / count
