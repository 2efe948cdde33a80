"""What sparser evaluation would have missed: dense runs, everything else replayed from them."""

from __future__ import annotations

import json
import time
from contextlib import closing
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from evalskip.analysis.curves import Curve, overfits, replay
from evalskip.analysis.identity import summary_of
from evalskip.analysis.interim import simultaneous_level
from evalskip.analysis.intervals import mean_interval
from evalskip.analysis.regret import (
    ReplayCosts,
    looks_of,
    of_others,
    recommended,
    rows_of,
    substitutes,
)
from evalskip.cut import cut
from evalskip.errors import InputError, MeasurementError
from evalskip.files import append_line
from evalskip.jobs import CurveRequest, RunRequest
from evalskip.launch import launcher_for
from evalskip.notes import note
from evalskip.plan import CURVES
from evalskip.probe.measured import as_report
from evalskip.schedules import EveryEpoch, EveryNEpochs, EveryNSteps, FinalOnly, Off
from evalskip.summary import Effort, RegretSummary, Summary, write_sections

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from evalskip.analysis.pieces import Floats
    from evalskip.launch import Launcher, Outcome
    from evalskip.notes import Note
    from evalskip.probe.measured import Curve as MeasuredCurve
    from evalskip.probe.measured import Measured
    from evalskip.results import ResultDirectory
    from evalskip.schedules import Schedule
    from evalskip.spec import Spec
    from evalskip.summary import ScheduleRegret

_RUN_TIME_S = 600.0
_EPOCHS = (2, 5, 10)
# epochs between evaluations of the real runs that prove the replay, each with and without patience
_PROVEN = ((1, True), (2, True), (5, True), (1, False), (5, False))


def find_regret(
    spec: Spec,
    results: ResultDirectory,
    tell: Callable[[str], None],
    *,
    within_share: float = 0.05,
) -> Summary:
    """Train densely evaluated runs, replay every schedule and substitute, and prove the replay.

    Args:
        spec: of the job; all of its arms evaluate the same rows.
        results: where runs are recorded and the summary is written.
        tell: called with a line for people, as things are found.
        within_share: of T, what evaluations may take, for the recommendation.

    Raises:
        InputError: the job's losses cannot be kept, or its arms evaluate different rows.
        MeasurementError: a run did not end well.
    """
    section = _Regret(spec, results, tell).run(within_share)
    return write_sections(results.path, summary_of(spec, results, regret=section))


class _Regret:
    def __init__(self, spec: Spec, results: ResultDirectory, tell: Callable[[str], None]) -> None:
        self._spec, self._results, self._tell = spec, results, tell
        self._design = spec.regret
        self.runs, self._began = 0, time.monotonic()
        sizes = {arm.evaluation_rows for entry in spec.arms for arm in entry.arms()}
        if len(sizes) != 1:
            raise InputError(
                "arms: expected one number of evaluation_rows, since checkpoints are compared on "
                f"the same rows, got {', '.join(map(str, sorted(s or 0 for s in sizes)))}"
            )
        for number, entry in enumerate(spec.arms):
            if entry.evaluation:
                raise InputError(
                    f"arms.{number}.evaluation: expected none, since every point is evaluated alike"
                )
        (rows,) = sizes
        self._size = spec.job.curve_size(rows or 0, self._design.test_rows, self._design.holdout)
        if rows is None:
            raise InputError("arms.0.evaluation_rows: missing; expected rows that choose")
        self._rows = rows

    def run(self, within_share: float) -> RegretSummary:
        design, level = self._design, self._spec.design.level
        schedules = self._schedules()
        points = sorted({step for steps in schedules.values() for step in steps[1]})
        with closing(self._launcher()) as launcher:
            dense = [self._dense(launcher, seed, points) for seed in range(design.seeds)]
            curves = [curve for curve, _, _ in dense]
            proven = [
                self._prove(
                    launcher, curves[number % len(curves)], dense[number % len(curves)][2], *each
                )
                for number, each in enumerate(_PROVEN)
                if each[0] <= self._size.epochs
            ]
        costs = [cost for _, cost, _ in dense]
        looks = looks_of(schedules, self._shifts())
        as_written = looks[0]
        looks += substitutes(as_written, self._size.train_rows, self._size.holdout_rows)
        # of each it is asked whether it loses more than it may, but of the job as written
        level_of_verdict = simultaneous_level(level, (1,), len(looks) - 1)
        rows = rows_of(
            looks,
            curves,
            costs,
            margin=design.margin,
            patience=design.patience,
            level=level,
            level_of_verdict=level_of_verdict,
            limit=design.regret,
        )
        seen = [curve.loss[list(as_written.places(curve))] for curve in curves]
        chosen = recommended(rows, within_share, design.regret)
        return RegretSummary(
            seeds=len(curves),
            points=len(points),
            steps=curves[0].all_steps,
            level=level,
            margin=design.margin,
            patience=design.patience,
            level_of_verdict=level_of_verdict,
            dense_overfits=sum(overfits(loss, design.margin) for loss in seen),
            best_step=rows[0].kept_step,
            last_rise=mean_interval([float(loss[-1] - loss.min()) for loss in seen], level),
            proven=sum(each is None for each in proven),
            not_proven=[each for each in proven if each is not None],
            rows=rows,
            within_share=within_share,
            within_regret=design.regret,
            recommended=chosen.name if chosen else None,
            advice=_advice(chosen, within_share, design.regret),
            effort=Effort(
                runs=self.runs,
                seconds=time.monotonic() - self._began,
                stopped=note("all_seeds_trained"),
            ),
        )

    @property
    def _steps_per_epoch(self) -> int:
        """Of what is left to train on."""
        job = self._spec.job
        batches = -(-(self._size.train_rows - self._size.holdout_rows) // job.own_batch)
        return -(-batches // job.micro_batches)

    def _wanted(self) -> list[Schedule]:
        """Every schedule that is told of; first that of the job as it is usually written."""
        return [
            EveryEpoch(),
            *(EveryNEpochs(n=n) for n in _EPOCHS),
            *(arm.schedule for entry in self._spec.arms for arm in entry.arms()),
            FinalOnly(),
            Off(),
        ]

    def _schedules(self) -> dict[str, tuple[Note, list[int]]]:
        """By label: the schedule as a note, and the steps after which it evaluates."""
        found = {}
        for schedule in self._wanted():
            steps = schedule.evaluated_steps(self._size.epochs, self._steps_per_epoch)
            if steps is None:
                raise InputError(f"arms: {schedule.label}: cannot be replayed")
            if steps or isinstance(schedule, Off):  # one that never evaluates is off
                found[schedule.label] = (schedule.note, steps)
        return found

    def _shifts(self) -> dict[str, list[list[int]]]:
        """Schedules that count epochs, begun after each of the first N.

        Each sees the last epoch as well: it must not lose by training's having gone on after its
        last look.
        """
        per_epoch, last = self._steps_per_epoch, self._size.epochs
        found = {}
        for schedule in self._wanted():
            n = _period(schedule, per_epoch)
            if n is not None and 1 < n < last:
                found[schedule.label] = [
                    [epoch * per_epoch for epoch in sorted({*range(begin, last + 1, n), last})]
                    for begin in range(1, n + 1)
                ]
        return found

    def _launcher(self) -> Launcher:
        launcher = launcher_for(
            self._spec.job,
            "time",
            [self._rows],
            self._results.logs,
            self._spec.limits.start_time,
        )
        self._results.note_environment(software=launcher.prepared["software"])
        self._results.note_environment(parameters=launcher.prepared["parameters"])
        return launcher

    def _dense(
        self, launcher: Launcher, seed: int, points: Sequence[int]
    ) -> tuple[Curve, ReplayCosts, list[str]]:
        """One run that is evaluated at every point; its curve, costs, and weights at each."""
        request = CurveRequest(
            steps=list(points),
            test_rows=self._design.test_rows,
            holdout_rows=self._size.holdout_rows,
            holdout_set=self._held(seed),
        )
        measured = self._run(launcher, seed, request)
        told = _curve_of(measured).points
        curve = curve_from(measured, seed, request.holdout_set, self._steps_per_epoch)
        steps = curve.steps
        if not np.isfinite(curve.loss).all():
            raise MeasurementError(f"seed {seed}: the loss of an evaluation is not a number")
        pieces = cut(measured.timeline)
        cost = ReplayCosts(
            step_s=pieces.usual_step,
            # what follows the batches is the keeping of losses, which no user's evaluation has
            loader_s=median(each.loader for each in pieces.evaluations),
            batch_s=pieces.usual_batch,
            batch=self._size.evaluation_batch,
            evaluation_rows=self._rows,
        )
        best = int(np.argmin(curve.loss))
        self._tell(
            f"seed {seed}: {len(steps)} evaluations, the least loss {curve.loss[best]:.3f} after "
            f"step {steps[best]} of {curve.all_steps}, {curve.loss[-1]:.3f} at the end"
        )
        return curve, cost, [point.weights_digest for point in told]

    def _held(self, seed: int) -> int:
        """Which training samples a seed holds back: as far as there are enough, its own."""
        return seed % (self._size.train_rows // self._size.holdout_rows)

    def _prove(
        self, launcher: Launcher, curve: Curve, digests: Sequence[str], epochs: int, stops: bool
    ) -> Note | None:
        """How a real run that keeps its best, and may stop, differs from the replay, if it does."""
        every = epochs * self._steps_per_epoch
        patience = self._design.patience if stops else None
        request = CurveRequest(
            test_rows=0,
            holdout_rows=self._size.holdout_rows,
            holdout_set=curve.held,
            every=every,
            patience=patience,
        )
        real = _curve_of(self._run(launcher, curve.seed, request))
        last = curve.all_steps
        places = curve.places(EveryNSteps(n=every).evaluated_steps(1, last))
        expected = replay(curve, places, patience=patience)
        stopped = last if expected.stopped is None else curve.steps[expected.stopped]
        kept = curve.steps[expected.kept]
        found: dict[str, tuple[Any, Any]] = {
            "stopped_elsewhere": (stopped, real.stopped_at),
            "kept_another": (kept, real.kept),
        }
        if self._spec.job.describe()["device"] == "cpu":  # elsewhere sums may differ in order
            found["other_weights"] = (digests[expected.kept], real.weights_digest)
        differences = [
            note(code, replayed=ours, real=theirs)
            for code, (ours, theirs) in found.items()
            if ours != theirs
        ]
        run = note("real_run", seed=curve.seed, epochs=epochs)
        if patience:
            run = note("real_run_with_patience", **run.parameters, patience=patience)
        outcome = ", ".join(map(str, differences)) or f"stopped at {stopped}, kept {kept}"
        self._tell(f"proof, {run}: {outcome}")
        return note("replay_differs", run=run, differences=differences) if differences else None

    def _run(self, launcher: Launcher, seed: int, wanted: CurveRequest) -> Measured:
        request = RunRequest(
            arm="curve" if wanted.every is None else "proof",
            schedule=EveryEpoch(),
            evaluation_rows=self._rows,
            measure="time",
            block=CURVES + self.runs,
            position=0,
            seed=seed,
            curve=wanted,
        )
        outcome = launcher.run(request, self._spec.limits.run_time or _RUN_TIME_S)
        self.runs += 1
        self._record(seed, wanted, outcome)
        if outcome.measured is None:
            raise MeasurementError(f"seed {seed}: ended {outcome.status}: {outcome.error}")
        if device := outcome.measured.environment:
            self._results.note_environment(device=device)
        return outcome.measured

    def _record(self, seed: int, wanted: CurveRequest, outcome: Outcome) -> None:
        known = {
            "seed": seed,
            "request": wanted.model_dump(mode="json"),
            "status": outcome.status,
            "error": outcome.error,
            "measured": as_report(outcome.measured) if outcome.measured else None,
        }
        append_line(self._results.path / "curves.jsonl", json.dumps(known))


def curve_from(measured: Measured, seed: int, held: int, per_epoch: int) -> Curve:
    """The curve of a densely evaluated run.

    Args:
        measured: by the run, its curve among it.
        seed: of the run.
        held: which set of training samples it held back.
        per_epoch: steps.
    """
    found = _curve_of(measured)
    told, steps = found.points, tuple(point.step for point in found.points)
    return Curve(
        seed=seed,
        steps=steps,
        loss=np.array([point.loss for point in told]),
        all_steps=len(measured.timeline.steps_ns),
        test=np.array([point.test for point in told]),
        rows=np.array([point.rows for point in told]),
        holdout=np.array([point.holdout for point in told]),
        train=_of_the_epoch(steps, dict(found.train_losses), per_epoch),
        held=held,
    )


def _curve_of(measured: Measured) -> MeasuredCurve:
    if measured.curve is None:
        raise MeasurementError("a run told no curve; expected one of a job whose losses are kept")
    return measured.curve


def _period(schedule: Schedule, steps_per_epoch: int) -> int | None:
    """Epochs from one of a schedule's evaluations to the next; None: it does not count them."""
    if isinstance(schedule, EveryNEpochs):
        return schedule.n
    if isinstance(schedule, EveryNSteps) and schedule.n % steps_per_epoch == 0:
        return schedule.n // steps_per_epoch
    return None


def _of_the_epoch(steps: Sequence[int], losses: Mapping[int, float], per_epoch: int) -> Floats:
    """Per point, the mean of what was logged in the epoch before it."""
    found = []
    for step in steps:
        own = [loss for at, loss in losses.items() if step - per_epoch < at <= step]
        found.append(float(np.mean(own)) if own else float("nan"))
    return np.array(found)


def _advice(chosen: ScheduleRegret | None, within_share: float, within_regret: float) -> Note:
    limits = {"share": 100 * within_share, "regret": within_regret}
    if chosen is None:
        return note("none_within", **limits)
    return note("within", **limits, chosen=chosen.looks, others=of_others(chosen))
