"""The processes of a pilot: how many there are, how much each does, and what they tell."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Any

from evalskip.analysis.parts import PilotRun
from evalskip.cut import cut
from evalskip.errors import InputError, MeasurementError
from evalskip.jobs import RunId
from evalskip.machine.disturbance import is_disturbed
from evalskip.plan import request_for
from evalskip.probe.layout import FEWEST_PILOT_STEPS, OTHER_PILOT_STEPS, STEPS_BETWEEN
from evalskip.schedules import AsWritten, EveryEpoch, FinalOnly
from evalskip.session import Event, RunsPlanned
from evalskip.slices import Pilot, Slice
from evalskip.spec.arms import Arm, ArmRemedies, arm_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalskip.jobs import Measure
    from evalskip.probe.measured import Timeline, Training
    from evalskip.records import RunRecord
    from evalskip.session import Session
    from evalskip.spec import Spec

MOST = 0.1
"""Of a job's steps, the share that all processes of a pilot train together, at most."""

_SURVEY_S = 4.0
_PROCESSES = 4
"""After the first, which tells how long everything takes."""
_MOST_STEPS = 30
_FIRST_STEPS, _FIRST_BATCHES = 10, 16
_MEMORY_STEPS = 4
_EVALUATIONS, _REPEATS, _REMEDIES = 12, 0.25, 0.4
"""So many, or more, show how evaluations differ from each other; and the part of the budget in
which one process may make those that follow another at once, and in which ways to evaluate for less
are tried."""
_LEAST_BATCHES, _FEWEST_BATCHES, _MOST_BATCHES = 2, 4, 64
"""The least that an evaluation may have, where they are long; the fewest that it has else."""
_LONG_S = 0.3


@dataclass(frozen=True)
class PilotMade(Event):
    """A process of a pilot has ended well."""

    number: int
    """From 1."""
    steps: int
    evaluation_batches: int
    wall_s: float
    measure: Measure
    is_disturbed: bool


@dataclass(frozen=True)
class MemoryLeftOut(Event):
    """The job is too short for steps to be left for metering memory."""


@dataclass(frozen=True)
class EvaluationKind:
    """Arms that evaluate alike but for the number of their samples: one pilot tells of all."""

    settings: Mapping[str, Any]
    remedies: ArmRemedies
    arms: list[Arm]

    @property
    def texts(self) -> list[str]:
        """The settings in words."""
        return self.arms[0].settings

    @property
    def name(self) -> str:
        """The same in one; of the job's own, nothing."""
        return ", ".join(self.texts)

    @property
    def samples(self) -> int | None:
        """The most that an arm evaluates; None: the job's own."""
        return max((arm.evaluation_samples or 0 for arm in self.arms), default=0) or None


@dataclass
class Piloted:
    """What all processes of a pilot told."""

    runs: list[PilotRun] = field(default_factory=list)
    surveys: dict[str, PilotRun] = field(default_factory=dict)
    """Per kind, the process that looked at the job's batches."""
    as_written: list[int] | None = None
    """Steps after which the job evaluates as its author wrote it, where that was seen."""
    memory: dict[str, PilotRun] = field(default_factory=dict)
    """Per kind, a process that metered the memory of every piece."""
    steps: int = 0
    of_steps: int = 0
    evaluation_batches: int = 0
    disturbed_runs: list[bool] = field(default_factory=list)
    """Of each of ``runs``, whether others took what it needed."""

    @property
    def disturbed(self) -> int:
        """How many of them were disturbed."""
        return sum(self.disturbed_runs)

    @property
    def widening(self) -> float:
        """On half-widths: up to twice, where every process was disturbed."""
        return 1 + self.disturbed / max(1, len(self.disturbed_runs))

    @property
    def left(self) -> int:
        """Steps that may yet be trained."""
        return int(MOST * self.of_steps) - self.steps


def kinds_of(spec: Spec) -> list[EvaluationKind]:
    """The evaluations of a spec that cost differently per sample."""
    kinds: dict[str, EvaluationKind] = {}
    for entry in spec.arms:
        for arm in entry.arms():
            key = json.dumps([arm.evaluation, arm.remedies.model_dump()], sort_keys=True)
            new = EvaluationKind(arm.evaluation, arm.remedies, [])
            kinds.setdefault(key, new).arms.append(arm)
    return list(kinds.values())


def make_pilots(session: Session, budget_s: float) -> Piloted:
    """Make the processes of a pilot, one after the other.

    The first is short, and tells how long everything takes; the others are as long as the budget
    and a tenth of the job's steps allow.

    Args:
        session: makes them.
        budget_s: for the processes that are timed, without their parent's start; the first may
            take longer.

    Raises:
        InputError: the job is too short for a pilot.
        MeasurementError: a process did not end well.
    """
    return _Pilots(session, budget_s).make()


class _Pilots:
    def __init__(self, session: Session, budget_s: float) -> None:
        self._session, self._spec, self._budget_s = session, session.spec, budget_s
        self._kinds = kinds_of(session.spec)
        meters = "memory" in self._spec.measure and not self._spec.job.is_virtual
        self._metered = len(self._kinds) if meters else 0
        """Processes that will meter memory."""
        self._piloted = Piloted()
        self._count = 0
        self._beyond_s: list[float] = []

    def make(self) -> Piloted:
        self._session.emit(RunsPlanned(len(self._kinds) + self._metered))
        for kind in self._kinds:
            self._first(kind)
        sizes = self._sizes()
        self._session.emit(RunsPlanned(len(sizes) + self._metered))
        took_s = [self._add_sized(number, size) for number, size in enumerate(sizes)]
        self._repeat(sizes, self._budget_s - sum(took_s))
        if self._metered:
            self._meter()
        return self._piloted

    @property
    def _left(self) -> int:
        """Steps that may yet be trained by processes that are timed."""
        return self._piloted.left - _MEMORY_STEPS * self._metered

    def _first(self, kind: EvaluationKind) -> None:
        """A short process, which also looks at the whole job's batches."""
        own = next((arm for arm in kind.arms if isinstance(arm.schedule, AsWritten)), None)
        # an equal part for each kind
        pilot = Pilot(
            most=MOST / len(self._kinds),
            reserved=_MEMORY_STEPS if self._metered else 0,
            survey_s=_SURVEY_S,
            alone=_EVALUATIONS,
            repeats_s=_REPEATS * self._budget_s,
            remedies_s=_REMEDIES * self._budget_s / len(self._kinds),
        )
        batches = _LEAST_BATCHES if self._spec.job.generates else _FIRST_BATCHES
        pilot_slice = Slice(steps=_FIRST_STEPS, evaluation_batches=batches, pilot=pilot)
        run, _ = self._add(kind, own or self._usual(kind), pilot_slice)
        self._piloted.surveys[kind.name] = run
        steps = self._piloted.of_steps = run.training.steps
        if own:
            after = [e for e in run.timeline.evaluations if e.after_training]
            self._piloted.as_written = [*run.training.evaluated_after, *[steps] * len(after)]

    def _usual(self, kind: EvaluationKind) -> Arm:
        """An arm of this kind whose schedule has samples to evaluate, and all of them."""
        for arm in kind.arms:
            is_usual = not isinstance(arm.schedule, AsWritten | FinalOnly)
            if is_usual and not arm.schedule.decides_by_the_clock:
                return arm_of(arm.schedule, kind.samples, kind.settings, kind.remedies)
        return Arm("every_epoch", EveryEpoch(), kind.samples, kind.settings, kind.remedies)

    def _sizes(self) -> list[tuple[int, int, int]]:
        """Steps, evaluations and batches of each, of the processes after the first ones."""
        pieces = [cut(run.timeline) for run in self._piloted.runs]
        step_s = median(step for each in pieces for step in each.steps)
        batches = [s for each in pieces for e in each.evaluations for s in e.batches]
        batch_s = median(batches or [0.0])
        beyond_s = median(self._beyond_s)
        left = self._left
        count = max(_PROCESSES, len(self._kinds))
        while count:
            room_s = self._budget_s / count - beyond_s
            # half for steps, half for evaluation
            steps = min(left // count, _MOST_STEPS, int(room_s / 2 / step_s))
            if steps >= OTHER_PILOT_STEPS:
                places = max(2, round(steps / STEPS_BETWEEN))
                share = -(-_EVALUATIONS // count)
                # as many follow each of them
                for evaluations in (places * max(1, -(-share // places)), places):
                    each = _batches(steps * step_s, evaluations, room_s / 2, batch_s)
                    if each >= _LEAST_BATCHES:
                        return [(steps, evaluations, each)] * count
            count -= 1
        return []

    def _add_sized(self, number: int, size: tuple[int, int, int]) -> float:
        """One of the processes after the first ones, of set steps and batches; its seconds."""
        kind, (steps, evaluations, batches) = self._kinds[number % len(self._kinds)], size
        pilot = Pilot(evaluations=evaluations, repeats_s=_REPEATS * self._budget_s)
        pilot_slice = Slice(steps=steps, evaluation_batches=batches, pilot=pilot)
        _, record = self._add(kind, self._usual(kind), pilot_slice)
        return record.took_s

    def _repeat(self, sizes: Sequence[tuple[int, int, int]], left_s: float) -> None:
        """Make disturbed processes again, as long as there are time and steps for it."""
        piloted, longest_s = self._piloted, 0.0
        first = len(piloted.runs) - len(sizes)
        for number, size in enumerate(sizes):
            place = first + number
            if not piloted.disturbed_runs[place]:
                continue
            if self._left < size[0] or longest_s >= left_s:
                return
            self._session.emit(RunsPlanned(1 + self._metered))
            took_s = self._add_sized(number, size)
            again, is_disturbed_again = piloted.runs.pop(), piloted.disturbed_runs.pop()
            left_s, longest_s = left_s - took_s, max(longest_s, took_s)
            if not is_disturbed_again:
                piloted.runs[place], piloted.disturbed_runs[place] = again, False

    def _meter(self) -> None:
        """Per kind, a process in which the memory of every piece is metered."""
        for kind in self._kinds:
            if self._piloted.left < _MEMORY_STEPS:
                self._session.emit(MemoryLeftOut())
                return
            gathers = self._piloted.surveys[kind.name].full_run.gathers
            pilot_slice = Slice(
                steps=_MEMORY_STEPS,
                # what is gathered of all samples is held together
                evaluation_batches=10**9 if gathers else _FEWEST_BATCHES,
                pilot=Pilot(),
            )
            run, _ = self._run(kind, self._usual(kind), pilot_slice, "memory")
            self._piloted.memory[kind.name] = run

    def _add(
        self, kind: EvaluationKind, arm: Arm, pilot_slice: Slice
    ) -> tuple[PilotRun, RunRecord]:
        run, record = self._run(kind, arm, pilot_slice, "time")
        self._piloted.runs.append(run)
        self._piloted.disturbed_runs.append(bool(is_disturbed([record.disturbance])))
        return run, record

    def _run(
        self, kind: EvaluationKind, arm: Arm, pilot_slice: Slice, measure: Measure
    ) -> tuple[PilotRun, RunRecord]:
        self._count += 1
        run_id = RunId(purpose="pilot", block=self._count)
        request = request_for(self._spec, arm, run_id, measure=measure, sliced=pilot_slice)
        samples = sorted({kind.samples for kind in self._kinds if kind.samples})
        result = self._session.run(request, samples)
        record, steps = result.record, result.steps
        if record.status != "ok" or steps is None:
            raise MeasurementError(f"the pilot ended {record.status}: {record.error}")
        for number, loss in enumerate(steps.losses, start=1):
            if not math.isfinite(loss):
                raise MeasurementError(f"the pilot's loss is not a number: {loss}, batch {number}")
        full_run, timeline = steps.full_run, steps.timeline
        if full_run is None or full_run.job is None:
            raise MeasurementError("the pilot told nothing of the whole job; expected a Trainer")
        training = self._long_enough(full_run.training, timeline)
        if len(timeline.evaluations) < 2 or not timeline.evaluations[0].batches_ns:
            raise MeasurementError("the pilot evaluated nothing; expected samples to evaluate")
        wall_s = timeline.wall_ns / 1e9
        self._beyond_s.append(record.took_s - wall_s - full_run.job.surveyed_s)
        batches = sum(len(e.batches_ns) for e in timeline.evaluations)
        self._piloted.steps += len(timeline.steps_ns)
        self._piloted.evaluation_batches += batches
        self._session.emit(
            PilotMade(
                self._count,
                len(timeline.steps_ns),
                batches,
                wall_s,
                measure,
                bool(is_disturbed([record.disturbance])),
            )
        )
        return PilotRun(kind.name, timeline, full_run, training, full_run.job), record

    def _long_enough(self, training: Training | None, timeline: Timeline) -> Training:
        """What the pilot is a small part of."""
        steps = training.steps if training else len(timeline.steps_ns)
        fewest = math.ceil(FEWEST_PILOT_STEPS * len(self._kinds) / MOST)
        if training is None or steps < fewest:
            raise InputError(
                f"the job has {steps} optimizer steps, of which a pilot sees a tenth; expected at "
                f"least {fewest}, or evalskip bench, which runs it whole"
            )
        return training


def _batches(steps_s: float, evaluations: int, room_s: float, batch_s: float) -> int:
    """Batches of an evaluation: where they are short, many cost little."""
    if not batch_s:
        return _FEWEST_BATCHES
    room = room_s / evaluations / batch_s
    target = min(max(steps_s / evaluations, _LONG_S), room_s / evaluations) / batch_s
    return int(min(_MOST_BATCHES, max(min(_FEWEST_BATCHES, room), target)))
