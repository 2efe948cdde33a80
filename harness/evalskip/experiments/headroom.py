"""The largest batch of each arm within a limit that is really run into, and whether it pays."""

from __future__ import annotations

import json
import random
import time
from contextlib import closing
from dataclasses import dataclass, field
from math import log
from statistics import median
from typing import TYPE_CHECKING, Any

import psutil

from evalskip.analysis.headroom import Search
from evalskip.analysis.identity import summary_of
from evalskip.analysis.intervals import mean_interval, throughput_gain
from evalskip.errors import InputError, MeasurementError
from evalskip.files import append_line
from evalskip.jobs import RunRequest, TrialRequest
from evalskip.launch import launcher_for
from evalskip.machine.devices import free_gpu_memory
from evalskip.memory.peaks import CONTEXT_BYTES
from evalskip.notes import note
from evalskip.plan import TRIALS
from evalskip.probe.measured import TriedBatch, as_report
from evalskip.schedules import FinalOnly, Off
from evalskip.summary import Effort, Headroom, HeadroomSummary, Summary, write_sections

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

    from evalskip.jobs import Measure
    from evalskip.launch import Launcher, Outcome
    from evalskip.results import ResultDirectory
    from evalskip.spec import Arm, Spec
    from evalskip.summary import BoundBy

_RUN_TIME_S = 600.0
_MOST_TRIALS = 24
_ROUNDS = 4
# the first steps of a process touch its memory for the first time
_STEPS_AT_LARGEST = 6
# of the memory that is free, where nothing says how much may be had
_SHARE = 0.8


def headroom(
    spec: Spec, results: ResultDirectory, tell: Callable[[str], None], *, timing: bool = True
) -> Summary:
    """Find the largest batch of every arm, and what it is worth.

    Args:
        spec: of the experiment.
        results: where trials are recorded and the summary is written.
        tell: called with a line for people, as things are found.
        timing: whether to find out what it is worth.

    Raises:
        InputError: no batch of the job can be tried, or not even its model fits.
        MeasurementError: a trial ended by something else than memory.
    """
    began = time.monotonic()
    spec.job.check_trials()
    experiment = _Headroom(spec, results, tell)
    found = experiment.run(timing=timing)
    effort = Effort(
        runs=experiment.trials,
        seconds=time.monotonic() - began,
        stopped=note("all_batches_found"),
    )
    section = HeadroomSummary(arms=found, effort=effort)
    return write_sections(results.path, summary_of(spec, results, headroom=section))


@dataclass
class _Kind:
    """Arms whose evaluations hold the same in memory: one search serves all."""

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
    def __init__(self, spec: Spec, results: ResultDirectory, tell: Callable[[str], None]) -> None:
        self._spec, self._job, self._results, self._tell = spec, spec.job, results, tell
        self._on_cuda = spec.job.describe()["device"] == "cuda"
        self._asked = self._limit = spec.limits.memory or self._free()
        self._run_time = spec.limits.run_time or _RUN_TIME_S
        self.trials = self._base = 0

    def run(self, *, timing: bool) -> list[Headroom]:
        kinds = self._kinds()
        with closing(self._launcher("memory")) as launcher:
            peaks = dict[int, int]()
            for kind in kinds:
                peaks = self._search(launcher, kind, peaks)
        if timing and not self._job.is_virtual:  # on a virtual clock there is no throughput
            try:
                self._pay(kinds)
            except MeasurementError as error:
                # what was found before stands
                self._tell(f"not timed: {error}")
                for kind in kinds:
                    kind.gains.clear()
        return [self._told(kind, arm) for kind in kinds for arm in kind.arms]

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
                alike = job.evaluates_alike(arm.evaluation_rows)
                key = (alike, json.dumps(arm.evaluation, sort_keys=True))
            kinds.setdefault(key, _Kind([])).arms.append(arm)
        return list(kinds.values())

    def _launcher(self, measure: Measure) -> Launcher:
        sizes = sorted({arm.evaluation_rows or 0 for arm in self._spec.all_arms()} - {0})
        launcher = launcher_for(
            self._job, measure, sizes, self._results.logs, self._spec.limits.start_time
        )
        prepared = launcher.prepared
        self._results.note_environment(software=prepared["software"])
        if prepared["parameters"] is not None:
            self._results.note_environment(parameters=prepared["parameters"])
        return launcher

    def _search(self, launcher: Launcher, kind: _Kind, peaks: dict[int, int]) -> dict[int, int]:
        """Find a kind's largest batch; what is then known of the peaks of train steps."""
        first = max(peaks, default=self._job.own_batch)
        if not first:  # not one row can be trained, and so none evaluated after it
            kind.bound_by = "train"
            return peaks
        if kind.evaluates:
            # evaluation alone: a batch of one row beside it, for the optimizer's state
            alone = self._try(launcher, kind, 1)
            kind.evaluation_bytes = alone.peak_bytes if alone.fits else None
            if not alone.fits:
                kind.bound_by = alone.phase
                self._tell(f"{kind.arm.name}: not one row fits: {alone.phase} exceeds the limit")
                return peaks
        batch: int | None = first
        found = self._try(launcher, kind, first)
        search = Search(first, self._limit, self._base, peaks)
        search.fits = int(kind.evaluates)
        while batch:
            search.note(batch, found.peak_bytes if found.fits else None)
            if found.fits and batch == search.fits:
                kind.peak_bytes = found.peak_bytes
            elif batch == search.fails:
                kind.bound_by = found.phase
            if batch := search.next():
                found = self._try(launcher, kind, batch)
        kind.largest = search.fits
        self._tell(
            f"{kind.arm.name}: {kind.largest} rows fit within {_gibibytes(self._limit)}, "
            f"{kind.largest + 1} do not: {kind.bound_by}; {kind.trials} trials"
        )
        return peaks if kind.evaluates else {kind.largest: kind.peak_bytes}

    def _try(self, launcher: Launcher, kind: _Kind, batch: int) -> TriedBatch:
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
            limit_bytes=self._asked,
            beyond_process=self._spec.limits.beyond_process,
            # its allocator's fragments differ from pass to pass
            passes=3 if self._on_cuda else 1,
        )
        request = self._request(kind.arm, "memory", trial=trial)
        began = time.monotonic()
        outcome = self._outcome(launcher, request)
        found = outcome.tried
        if outcome.status == "out_of_memory":  # killed by the kernel, where no limit was reached
            found = TriedBatch(False, None, 0, self._base, self._limit)
        elif found is None:
            raise MeasurementError(
                f"a trial of {kind.arm.name} at {batch} rows {outcome.status}: {outcome.error}"
            )
        if found.environment:
            self._results.note_environment(device=found.environment)
        told = as_report(found)
        del told["environment"]
        self._record({"arm": kind.arm.name, **trial.model_dump(), **told}, began)
        if found.phase == "model" and not found.fits:
            raise InputError(
                f"limits.memory: {_gibibytes(self._limit)} is less than the model itself needs "
                f"beside the {_gibibytes(found.base_bytes)} that its process holds; expected more"
            )
        self._base, self._limit = found.base_bytes, found.limit_bytes
        return found

    def _pay(self, kinds: list[_Kind]) -> None:
        """Time the same rows at the job's own batch and at the largest, in blocks."""
        wanted = [kind for kind in kinds if kind.largest > self._job.own_batch]
        if not wanted:
            return
        steps = _STEPS_AT_LARGEST * self._job.micro_batches
        rows = steps * max(kind.largest for kind in wanted)
        self._tell(f"{rows:,} rows at the job's own batch and at the largest, {_ROUNDS} times")
        order = random.Random(self._spec.design.seed)
        with closing(self._launcher("time")) as launcher:
            for _ in range(_ROUNDS):
                runs = [(kind, own) for kind in wanted for own in (True, False)]
                order.shuffle(runs)
                walls: dict[tuple[int, bool], float] = {}
                for kind, own in runs:
                    batch = self._job.own_batch if own else kind.largest
                    timed = self._timed(launcher, kind, batch, rows)
                    walls[id(kind), own] = timed["wall_ns"]
                    kind.tokens_per_s[batch] = max(
                        kind.tokens_per_s.get(batch, 0.0), timed["tokens_per_s"]
                    )
                for kind in wanted:
                    kind.gains.append(log(walls[id(kind), True] / walls[id(kind), False]))

    def _timed(self, launcher: Launcher, kind: _Kind, batch: int, rows: int) -> dict[str, Any]:
        arguments = {
            "per_device_train_batch_size": batch,
            "num_train_epochs": 1,
            "max_steps": -1,
            "auto_find_batch_size": False,
        }
        request = self._request(kind.arm, "time", train_rows=rows, arguments=arguments)
        began = time.monotonic()
        outcome = self._outcome(launcher, request)
        if outcome.status != "ok" or outcome.measured is None:
            raise MeasurementError(
                f"{kind.arm.name} at {batch} rows {outcome.status}: {outcome.error}"
            )
        timeline = outcome.measured.timeline
        steps = timeline.steps_ns
        tokens = outcome.measured.train_tokens / rows * batch * self._job.micro_batches
        # the first step is slower, and the last one may not be full
        steady = median(steps[1:-1] or steps) / 1e9
        found = {"wall_ns": timeline.wall_ns, "tokens_per_s": tokens / steady}
        self._record({"arm": kind.arm.name, "batch": batch, "rows": rows, **found}, began)
        return found

    def _request(
        self,
        arm: Arm,
        measure: Measure,
        *,
        arguments: Mapping[str, Any] | None = None,
        **parts: Any,
    ) -> RunRequest:
        schedule = arm.schedule if isinstance(arm.schedule, Off) else FinalOnly()
        return RunRequest(
            arm=arm.name,
            schedule=schedule,
            evaluation_rows=arm.evaluation_rows,
            measure=measure,
            block=TRIALS,
            position=self.trials,
            seed=self._spec.design.seed,
            restore_random_state=self._spec.design.restore_random_state,
            evaluation=dict(arm.evaluation),
            arguments={**self._job.arguments(schedule), **(arguments or {})},
            **parts,
        )

    def _outcome(self, launcher: Launcher, request: RunRequest) -> Outcome:
        return launcher.run(request, self._run_time)

    def _record(self, found: dict[str, Any], began: float) -> None:
        took = round(time.monotonic() - began, 3)
        append_line(self._results.path / "trials.jsonl", json.dumps({**found, "seconds": took}))

    def _told(self, kind: _Kind, arm: Arm) -> Headroom:
        gain = mean_interval(kind.gains, self._spec.design.level) if kind.gains else None
        return Headroom(
            arm=arm.name,
            max_batch=kind.largest,
            limit_bytes=self._limit,
            bound_by=kind.bound_by,
            trials=kind.trials,
            peak_bytes=kind.peak_bytes or None,
            base_bytes=self._base,
            evaluation_bytes=kind.evaluation_bytes,
            own_batch=self._job.own_batch,
            tokens_per_s={str(batch): found for batch, found in kind.tokens_per_s.items()},
            throughput_gain=throughput_gain(gain) if gain else None,
        )


def _gibibytes(count: int) -> str:
    return f"{count / 2**30:.4g} GiB"
