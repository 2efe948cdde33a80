"""A run's timeline cut into its pieces: bench, predict, slices and durations all take them here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import chain
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.probe.measured import Timeline


@dataclass(frozen=True)
class EvaluationPieces:
    """One evaluation.

    ``tokens`` are those of each batch, ``samples`` of all, on one rank; ``is_first`` says whether
    its process had evaluated nothing before.
    """

    after_step: int
    is_first: bool
    loader: float
    batches: list[float]
    tokens: list[int]
    aggregation: float
    log: float
    samples: int

    @property
    def pieces(self) -> list[float]:
        """Its times in the phase ``evaluate``."""
        return [self.loader, *self.batches, self.aggregation]

    @property
    def total(self) -> float:
        """The sum of these."""
        return self.loader + sum(self.batches) + self.aggregation

    def times(self, weights: Sequence[float]) -> EvaluationPieces:
        """The same with each piece as many times: loader, batches, aggregation, log."""
        loader, *batches, aggregation, log = weights
        return replace(
            self,
            loader=loader * self.loader,
            batches=times(batches, self.batches),
            aggregation=aggregation * self.aggregation,
            log=log * self.log,
        )


@dataclass(frozen=True)
class RunPieces:
    """All pieces of a run, which sum to its T.

    Attributes:
        steps: their times.
        shapes: of each step, its micro-batches and tokens.
        evaluations: in order.
        saves: their times.
        logs: their times, but for those of evaluations.
        before_loop: what comes before the first step.
        after_loop: what comes after the last, but for evaluations.
    """

    steps: list[float]
    shapes: list[tuple[int, int]]
    evaluations: list[EvaluationPieces]
    saves: list[float]
    logs: list[float]
    before_loop: float
    after_loop: float

    @property
    def remainders(self) -> list[float]:
        """All that is neither a step nor an evaluation."""
        return [self.before_loop, self.after_loop, *self.saves, *self.logs]

    @property
    def runs_backwards(self) -> bool:
        """Whether any piece took less than no time."""
        evaluated = chain.from_iterable([*e.pieces, e.log] for e in self.evaluations)
        return min(chain(self.steps, evaluated, self.remainders), default=0.0) < 0

    @property
    def usual_step(self) -> float:
        """The median of steps; 0 where there is none."""
        return median(self.steps or [0.0])

    @property
    def usual_batch(self) -> float:
        """The median of evaluation batches; 0 where there is none."""
        return median([batch for e in self.evaluations for batch in e.batches] or [0.0])

    def evaluations_after(self) -> dict[int, list[EvaluationPieces]]:
        """Evaluations by the step that they follow: several sets or repeats may follow one."""
        by_step: dict[int, list[EvaluationPieces]] = {}
        for each in self.evaluations:
            by_step.setdefault(each.after_step, []).append(each)
        return by_step

    def phases(self) -> dict[str, float]:
        """Times per phase, those at collectives included in each."""
        return {
            "train": sum(self.steps),
            "evaluate": sum(each.total for each in self.evaluations),
            "save": sum(self.saves),
            "log": sum(self.logs) + sum(each.log for each in self.evaluations),
            "other": self.before_loop + self.after_loop,
        }


def cut(timeline: Timeline, unit_ns: float = 1e9) -> RunPieces:
    """The pieces of a timeline.

    Args:
        timeline: of one run.
        unit_ns: in which times are given: seconds, or nanoseconds where it is 1.
    """
    return RunPieces(
        steps=[ns / unit_ns for ns in timeline.steps_ns],
        shapes=[(batches, tokens) for batches, _, tokens in timeline.step_shapes],
        evaluations=[
            EvaluationPieces(
                after_step=each.after_step,
                is_first=number == 0,
                loader=each.loader_ns / unit_ns,
                batches=[ns / unit_ns for ns in each.batches_ns],
                tokens=[tokens for _, tokens in each.shapes],
                aggregation=each.aggregation_ns / unit_ns,
                log=each.log_ns / unit_ns,
                samples=each.samples,
            )
            for number, each in enumerate(timeline.evaluations)
        ],
        saves=[ns / unit_ns for _, ns in timeline.saves_ns],
        logs=[ns / unit_ns for _, ns in timeline.logs_ns],
        before_loop=timeline.before_loop_ns / unit_ns,
        after_loop=timeline.after_loop_ns / unit_ns,
    )


def times(weights: Sequence[float], values: Sequence[float]) -> list[float]:
    """Each piece as many times as it stands for."""
    return [weight * each for weight, each in zip(weights, values, strict=True)]
