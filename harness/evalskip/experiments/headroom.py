"""The largest batch of each arm within a limit that is really run into, and whether it pays."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from math import log
from statistics import median
from typing import TYPE_CHECKING, Any

import psutil

from evalskip.analysis.headroom import Search
from evalskip.analysis.identity import summary_of
from evalskip.analysis.intervals import mean_interval, throughput_gain
from evalskip.errors import InputError, MeasurementError
from evalskip.jobs import RunId, RunRequest, TrialRequest
from evalskip.machine.devices import free_gpu_memory
from evalskip.memory.peaks import CONTEXT_BYTES
from evalskip.notes import note
from evalskip.probe.measured import TriedBatch
from evalskip.schedules import FinalOnly, Off
from evalskip.session import Event, RunsPlanned
from evalskip.summary import Effort, Headroom, HeadroomSummary, Summary, write_sections

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from evalskip.session import Result, Session
    from evalskip.spec import Arm
    from evalskip.summary import BoundBy

_MOST_TRIALS = 24
_ROUNDS = 4
# the first steps of a process touch its memory for the first time
_STEPS_AT_LARGEST = 6
# of the memory that is free, where nothing says how much may be had
_SHARE = 0.8


@dataclass(frozen=True)
class SearchBegun(Event):
    """The largest batch of these arms is looked for."""

    arms: list[str]


@dataclass(frozen=True)
class BatchFound(Event):
    """The largest batch of an arm, and of those that hold the same in memory."""

    arm: str
    largest: int
    """0: not one sample fits."""
    limit_bytes: int
    bound_by: BoundBy | None
    """What exceeds the limit with a sample more."""
    trials: int


@dataclass(frozen=True)
class TimingBegun(Event):
    """So many samples are timed at the job's own batch and at the largest, in so many rounds."""

    samples: int
    rounds: int


@dataclass(frozen=True)
class TimingFailed(Event):
    """What the largest batches are worth is not known."""

    reason: str


def headroom(session: Session, *, timing: bool = True) -> Summary:
    """Find the largest batch of every arm, and what it is worth.

    Args:
        session: makes the trials.
        timing: whether to find out what it is worth.

    Raises:
        InputError: no batch of the job can be tried, or not even its model fits.
        MeasurementError: a trial ended by something else than memory.
    """
    spec, results = session.spec, session.results
    stopwatch = session.stopwatch("trial", "throughput")
    spec.job.check_trials()
    experiment = _Headroom(session)
    arms = experiment.run(timing=timing)
    effort = Effort(
        runs=session.runs("trial", "throughput"),
        seconds=stopwatch.seconds,
        stopped=note("all_batches_found"),
    )
    section = HeadroomSummary(arms=arms, effort=effort)
    return write_sections(results.path, summary_of(spec, results, headroom=section))


@dataclass
class _Kind:
    """Arms whose evaluations hold the same in memory: one search serves all."""

    number: int
    arms: list[Arm]
    largest: int = 0
    trials: int = 0
    bound_by: BoundBy | None = None
    peak_bytes: int = 0
    evaluation_bytes: int | None = None
    tokens_per_s: dict[int, float] = field(default_factory=dict)
    gains: list[float] = field(default_factory=list)

    @property
    def arm(self) -> Arm:
        return self.arms[0]

    @property
    def evaluates(self) -> bool:
        return not isinstance(self.arm.schedule, Off)


class _Headroom:
    def __init__(self, session: Session) -> None:
        self._session, self._spec, self._job = session, session.spec, session.spec.job
        self._on_cuda = self._job.describe()["device"] == "cuda"
        self._nominal_limit = self._limit = self._spec.limits.memory or self._usual_limit()
        self.trials = self._base = 0

    def run(self, *, timing: bool) -> list[Headroom]:
        kinds = self._kinds()
        self._session.emit(SearchBegun([kind.arm.name for kind in kinds]))
        peaks = dict[int, int]()
        for kind in kinds:
            peaks = self._search(kind, peaks)
        if timing and not self._job.is_virtual:  # on a virtual clock there is no throughput
            try:
                self._pay(kinds)
            except MeasurementError as error:
                # what was found before stands
                self._session.emit(TimingFailed(str(error)))
                for kind in kinds:
                    kind.gains.clear()
        return [self._headroom_of(kind, arm) for kind in kinds for arm in kind.arms]

    def _usual_limit(self) -> int:
        """What was free when the search was begun."""
        self._session.results.note_environment(memory_limit=self._free())
        return self._session.results.environment.memory_limit or self._free()

    def _free(self) -> int:
        if self._on_cuda:
            return free_gpu_memory() - CONTEXT_BYTES
        return int(_SHARE * psutil.virtual_memory().available)

    def _kinds(self) -> list[_Kind]:
        """The off arm first: what it can train, no other can exceed."""
        kinds: dict[Hashable, _Kind] = {}
        for arm in self._spec.all_arms():
            key: Hashable = None
            if not isinstance(arm.schedule, Off):
                job = self._job.evaluating(arm.evaluation)
                alike = job.evaluates_alike(arm.evaluation_samples)
                key = (alike, json.dumps(arm.evaluation, sort_keys=True))
            kinds.setdefault(key, _Kind(len(kinds) + 1, [])).arms.append(arm)
        return list(kinds.values())

    def _search(self, kind: _Kind, peaks: dict[int, int]) -> dict[int, int]:
        """Find a kind's largest batch; what is then known of the peaks of train steps."""
        first = max(peaks, default=self._job.own_batch)
        if not first:  # not one sample can be trained, and so none evaluated after it
            kind.bound_by = "train"
            return peaks
        if kind.evaluates:
            # evaluation alone: a batch of one sample beside it, for the optimizer's state
            alone = self._try(kind, 1)
            kind.evaluation_bytes = alone.peak_bytes if alone.fits else None
            if not alone.fits:
                kind.bound_by = alone.phase
                self._emit_found(kind)
                return peaks
        batch: int | None = first
        outcome = self._try(kind, first)
        search = Search(first, self._limit, self._base, peaks)
        search.fits = int(kind.evaluates)
        while batch:
            search.note(batch, outcome.peak_bytes if outcome.fits else None)
            if outcome.fits and batch == search.fits:
                kind.peak_bytes = outcome.peak_bytes
            elif batch == search.fails:
                kind.bound_by = outcome.phase
            if batch := search.next():
                outcome = self._try(kind, batch)
        kind.largest = search.fits
        self._emit_found(kind)
        return peaks if kind.evaluates else {kind.largest: kind.peak_bytes}

    def _emit_found(self, kind: _Kind) -> None:
        self._session.emit(
            BatchFound(kind.arm.name, kind.largest, self._limit, kind.bound_by, kind.trials)
        )

    def _try(self, kind: _Kind, batch: int) -> TriedBatch:
        kind.trials += 1
        self.trials += 1
        if kind.trials > _MOST_TRIALS:
            raise MeasurementError(
                f"{kind.arm.name}: no batch was found in {_MOST_TRIALS} trials: the peak does not "
                "grow with the batch"
            )
        trial = TrialRequest(
            batch=batch,
            evaluates=kind.evaluates,
            limit_bytes=self._nominal_limit,
            beyond_process=self._spec.limits.beyond_process,
            # its allocator's fragments differ from pass to pass
            passes=3 if self._on_cuda else 1,
        )
        run_id = RunId(purpose="trial", block=kind.number, position=kind.trials - 1)
        request = self._request(run_id, kind.arm, trial=trial)
        record = self._session.run(request, self._sizes()).record
        outcome = record.tried
        if record.status == "out_of_memory":  # killed by the kernel, where no limit was reached
            outcome = TriedBatch(False, None, 0, self._base, self._limit)
        elif outcome is None:
            raise MeasurementError(
                f"a trial of {kind.arm.name} at {batch} samples {record.status}: {record.error}"
            )
        if outcome.phase == "model" and not outcome.fits:
            raise InputError(
                f"limits.memory: {_gibibytes(self._limit)} is less than the model itself needs "
                f"beside the {_gibibytes(outcome.base_bytes)} that its process holds; expected more"
            )
        self._base, self._limit = outcome.base_bytes, outcome.limit_bytes
        return outcome

    def _pay(self, kinds: list[_Kind]) -> None:
        """Time the same samples at the job's own batch and at the largest, in blocks."""
        candidates = [kind for kind in kinds if kind.largest > self._job.own_batch]
        if not candidates:
            return
        steps = _STEPS_AT_LARGEST * self._job.micro_batches
        samples = steps * max(kind.largest for kind in candidates)
        self._session.emit(TimingBegun(samples, _ROUNDS))
        self._session.emit(RunsPlanned(2 * _ROUNDS * len(candidates)))
        order = random.Random(self._spec.design.seed)
        for number in range(1, _ROUNDS + 1):
            runs = [(kind, own) for kind in candidates for own in (True, False)]
            order.shuffle(runs)
            walls: dict[tuple[int, bool], float] = {}
            batches = [self._job.own_batch if own else kind.largest for kind, own in runs]
            requests = [
                self._timed_request(
                    RunId(purpose="throughput", block=number, position=position),
                    kind,
                    batch,
                    samples,
                )
                for position, ((kind, _), batch) in enumerate(zip(runs, batches, strict=True))
            ]
            # what is compared is of one session
            recalls = self._session.have_run_together(requests)
            for (kind, own), batch, request in zip(runs, batches, requests, strict=True):
                result = self._session.run(request, self._sizes(), recalls=recalls)
                wall_ns, tokens_per_s = self._timed(result, kind, batch, samples)
                walls[kind.number, own] = wall_ns
                kind.tokens_per_s[batch] = max(kind.tokens_per_s.get(batch, 0.0), tokens_per_s)
            for kind in candidates:
                kind.gains.append(log(walls[kind.number, True] / walls[kind.number, False]))

    def _timed_request(self, run_id: RunId, kind: _Kind, batch: int, samples: int) -> RunRequest:
        arguments = {
            "per_device_train_batch_size": batch,
            "num_train_epochs": 1,
            "max_steps": -1,
            "auto_find_batch_size": False,
        }
        return self._request(run_id, kind.arm, train_samples=samples, arguments=arguments)

    def _timed(self, result: Result, kind: _Kind, batch: int, samples: int) -> tuple[int, float]:
        """T in nanoseconds, and tokens per second once steps are steady."""
        record = result.record
        if record.status != "ok" or result.steps is None:
            raise MeasurementError(
                f"{kind.arm.name} at {batch} samples {record.status}: {record.error}"
            )
        timeline = result.steps.timeline
        steps = timeline.steps_ns
        tokens = record.train_tokens / samples * batch * self._job.micro_batches
        # the first step is slower, and the last one may not be full
        steady = median(steps[1:-1] or steps) / 1e9
        return timeline.wall_ns, tokens / steady

    def _request(
        self,
        run_id: RunId,
        arm: Arm,
        *,
        arguments: Mapping[str, Any] | None = None,
        **parts: Any,
    ) -> RunRequest:
        schedule = arm.schedule if isinstance(arm.schedule, Off) else FinalOnly()
        return RunRequest(
            id=run_id,
            arm=arm.name,
            schedule=schedule,
            evaluation_samples=arm.evaluation_samples,
            measure="memory" if run_id.purpose == "trial" else "time",
            seed=self._spec.design.seed,
            restore_random_state=self._spec.design.restore_random_state,
            evaluation=dict(arm.evaluation),
            arguments={**self._job.arguments(schedule), **(arguments or {})},
            **parts,
        )

    def _sizes(self) -> list[int]:
        """Of the evaluation sets that runs need."""
        sizes = {arm.evaluation_samples for arm in self._spec.all_arms() if arm.evaluation_samples}
        return sorted(sizes)

    def _headroom_of(self, kind: _Kind, arm: Arm) -> Headroom:
        gain = mean_interval(kind.gains, self._spec.design.level) if kind.gains else None
        return Headroom(
            arm=arm.name,
            schedule=arm.schedule.note,
            evaluation_samples=arm.evaluation_samples,
            settings=arm.settings,
            max_batch=kind.largest,
            limit_bytes=self._limit,
            bound_by=kind.bound_by,
            trials=kind.trials,
            peak_bytes=kind.peak_bytes or None,
            base_bytes=self._base,
            evaluation_bytes=kind.evaluation_bytes,
            own_batch=self._job.own_batch,
            tokens_per_s={str(batch): speed for batch, speed in kind.tokens_per_s.items()},
            throughput_gain=throughput_gain(gain) if gain else None,
        )


def _gibibytes(count: int) -> str:
    return f"{count / 2**30:.4g} GiB"
