"""A pilot in parts: a few steps, or an evaluation with the steps that follow it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from evalskip.cut import cut

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.cut import EvaluationPieces
    from evalskip.probe.measured import FullJob, FullRun, Timeline, Training

# of a process with at least so many steps, the first ones that are told apart: they touch its
# memory for the first time, and so, somewhat, do the second and the third
_WARM_UP = ((8, 3), (6, 2), (0, 1))
# usual steps that are left out together
_TOGETHER = 3


@dataclass(frozen=True)
class PilotRun:
    """One process of a pilot.

    Args:
        evaluation: names what it evaluated; those of one name cost alike.
        timeline: of the process.
        full_run: what it is a slice of, as it foresaw it.
        training: the same of its steps.
        job: the same of the job's sizes.
    """

    evaluation: str
    timeline: Timeline
    full_run: FullRun
    training: Training
    job: FullJob


@dataclass
class PilotPart:
    """A few steps of a process, or one of its evaluations with the steps that follow it.

    ``steps`` holds time, micro-batches and tokens of each usual step; ``after`` the same of those
    in the window after an evaluation; ``first`` of the first ones of a process.
    """

    process: int
    evaluation: str
    steps: list[tuple[float, int, int]] = field(default_factory=list)
    after: list[tuple[float, int, int]] = field(default_factory=list)
    first: list[tuple[float, int, int]] = field(default_factory=list)
    evaluations: list[EvaluationPieces] = field(default_factory=list)
    saves: list[float] = field(default_factory=list)
    logs: list[float] = field(default_factory=list)
    edges: float = 0.0
    """Before and after the steps; of a process's first part."""


def parts_of(runs: Sequence[PilotRun], window: int) -> list[PilotPart]:
    """The parts of all processes, in order.

    Args:
        runs: of one pilot.
        window: steps after an evaluation that may bear its after-effect; no more than half of
            those up to the next one are taken.
    """
    return [part for process, run in enumerate(runs) for part in _parts(run, process, window)]


def _parts(run: PilotRun, process: int, window: int) -> list[PilotPart]:
    pieces = cut(run.timeline)
    count = len(pieces.steps)
    warm_up = next(first for fewest, first in _WARM_UP if count >= fewest)
    samples = sum(evaluated for _, evaluated in run.full_run.sets.values())
    evaluated = {
        step: [replace(each, samples=samples or each.samples) for each in evaluations]
        for step, evaluations in pieces.evaluations_after().items()
    }
    ends = sorted({0, *evaluated})
    between = min((end - begin for begin, end in pairwise(ends)), default=count)
    window = min(window, max(1, between // 2))
    first = PilotPart(process, run.evaluation)
    first.edges = pieces.before_loop + pieces.after_loop
    first.saves, first.logs = pieces.saves, pieces.logs
    # one before training is followed by first steps, which tell nothing of after-effect
    first.evaluations = evaluated.get(0, [])
    parts, steps, event = [first], first, None
    since = window
    for step in range(count):
        piece = (pieces.steps[step], *pieces.shapes[step])
        if step < warm_up:
            first.first.append(piece)
        elif event is not None and since < window:
            event.after.append(piece)
        else:
            if len(steps.steps) == _TOGETHER:
                steps = PilotPart(process, run.evaluation)
                parts.append(steps)
            steps.steps.append(piece)
        since += 1
        if step + 1 in evaluated:
            event = PilotPart(process, run.evaluation, evaluations=evaluated[step + 1])
            parts.append(event)
            since = 0
    return parts
