"""What sparser evaluation would have missed: dense runs, everything else replayed from them."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from evalskip.analysis.curves import mean_curve, overfits, replay
from evalskip.analysis.identity import summary_of
from evalskip.analysis.interim import simultaneous_level
from evalskip.analysis.intervals import mean_interval
from evalskip.analysis.policies import remedied, schedule_policies, settled, substitutes
from evalskip.analysis.recommendation import WITHIN
from evalskip.analysis.regret import ReplayCosts, of_others, recommended, regrets_of
from evalskip.cut import cut
from evalskip.errors import InputError, MeasurementError
from evalskip.experiments.curves import curve_from, curve_of
from evalskip.jobs import CurveRequest, RunId, RunRequest
from evalskip.notes import note
from evalskip.paired import FEWEST
from evalskip.schedules import EveryEpoch, EveryNSteps, EveryNthEpoch, FinalOnly, Off
from evalskip.session import Event, RunsPlanned
from evalskip.summary import Effort, RegretSummary, Summary, read_summary, write_sections

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.analysis.curves import LossCurve
    from evalskip.notes import Note
    from evalskip.records import Steps
    from evalskip.schedules import Schedule
    from evalskip.session import Session
    from evalskip.summary import Remedy, ScheduleRegret

_EPOCHS = (2, 5, 10)
# epochs between evaluations of the real runs that prove the replay, each with and without patience
_PROVEN = ((1, True), (2, True), (5, True), (1, False), (5, False))


@dataclass(frozen=True)
class CurveKept(Event):
    """A densely evaluated run has ended; its least loss, in nats, and that at its end."""

    seed: int
    evaluations: int
    least: float
    best_step: int
    steps: int
    last: float


@dataclass(frozen=True)
class ReplayProven(Event):
    """A real run has ended as the replay of its curve said, or has not."""

    run: Note
    differences: list[Note]
    stopped_at: int
    """After this step, by the replay, as the next."""
    kept_at: int


def find_regret(session: Session, *, within_share: float = WITHIN) -> Summary:
    """Train densely evaluated runs, replay every schedule and substitute, and prove the replay.

    Args:
        session: makes the runs; all arms of its spec evaluate the same samples.
        within_share: of T, what evaluations may take, for the recommendation.

    Raises:
        InputError: the job's losses cannot be kept, or its arms evaluate different samples.
        MeasurementError: a run did not end well.
    """
    section = _Regret(session).run(within_share)
    return write_sections(
        session.results.path, summary_of(session.spec, session.results, regret=section)
    )


class _Regret:
    def __init__(self, session: Session) -> None:
        spec = session.spec
        self._session, self._spec, self._design = session, spec, spec.regret
        self._stopwatch = session.stopwatch("curve", "proof")
        sizes = {arm.evaluation_samples for entry in spec.arms for arm in entry.arms()}
        if len(sizes) != 1:
            raise InputError(
                "arms: expected one number of evaluation_samples, since checkpoints are compared "
                f"on the same samples, got {', '.join(map(str, sorted(s or 0 for s in sizes)))}"
            )
        for number, entry in enumerate(spec.arms):
            if entry.evaluation:
                raise InputError(
                    f"arms.{number}.evaluation: expected none, since every point is evaluated alike"
                )
        (samples,) = sizes
        self._size = spec.job.curve_size(
            samples or 0, self._design.test_samples, self._design.holdout
        )
        if samples is None:
            raise InputError("arms.0.evaluation_samples: missing; expected samples that choose")
        self._samples = samples

    def run(self, within_share: float) -> RegretSummary:
        design, level = self._design, self._spec.design.level
        schedules = self._schedules()
        points = sorted({step for steps in schedules.values() for step in steps[1]})
        real = [each for each in enumerate(_PROVEN, 1) if each[1][0] <= self._size.epochs]
        self._session.emit(RunsPlanned(design.seeds + len(real)))
        dense = [self._dense(seed, points) for seed in range(design.seeds)]
        curves = [curve for curve, _, _ in dense]
        proven = []
        for number, (epochs, stops) in real:
            curve, _, digests = dense[(number - 1) % len(dense)]
            run_id = RunId(purpose="proof", block=number)
            proven.append(self._prove(run_id, curve, digests, epochs, stops))
        costs = [cost for _, cost, _ in dense]
        policies = schedule_policies(schedules, self._shifts())
        as_written = policies[0]
        policies += substitutes(as_written, self._size.train_samples, self._size.holdout_samples)
        if self._samples > FEWEST * self._size.evaluation_batch:
            policies.append(settled(as_written, self._size.evaluation_batch))
        if remedy := self._remedy():
            policies.append(remedied(as_written, remedy.remedy, remedy.cost_ratio.estimate))
        # of each it is asked whether it loses more than it may, but of the job as written
        level_of_verdict = simultaneous_level(level, (1,), len(policies) - 1)
        regrets = regrets_of(
            policies,
            curves,
            costs,
            margin=design.margin,
            patience=design.patience,
            level=level,
            level_of_verdict=level_of_verdict,
            limit=design.regret,
        )
        losses = [curve.loss[list(as_written.places(curve))] for curve in curves]
        chosen = recommended(regrets, within_share, design.regret)
        return RegretSummary(
            seeds=len(curves),
            points=len(points),
            steps=curves[0].all_steps,
            level=level,
            margin=design.margin,
            patience=design.patience,
            level_of_verdict=level_of_verdict,
            dense_overfits=sum(overfits(loss, design.margin) for loss in losses),
            best_step=regrets[0].kept_step,
            loss_curve=mean_curve(curves),
            last_rise=mean_interval([float(loss[-1] - loss.min()) for loss in losses], level),
            proven=sum(each is None for each in proven),
            not_proven=[each for each in proven if each is not None],
            policies=regrets,
            within_share=within_share,
            within_regret=design.regret,
            recommended=chosen.name if chosen else None,
            advice=_advice(chosen, within_share, design.regret),
            effort=Effort(
                runs=self._session.runs("curve", "proof"),
                seconds=self._stopwatch.seconds,
                stopped=note("all_seeds_trained"),
            ),
        )

    def _remedy(self) -> Remedy | None:
        """What evalskip predict has found in the same directory, all that loses nothing."""
        path = self._session.results.path
        if not (path / "summary.json").exists():
            return None
        prediction = read_summary(path).prediction
        arms = {arm.name for arm in self._spec.all_arms()}
        found = prediction.remedies if prediction else []
        return next((each.best for each in found if each.arm in arms and each.best), None)

    @property
    def _steps_per_epoch(self) -> int:
        """Of what is left to train on."""
        job = self._spec.job
        batches = -(-(self._size.train_samples - self._size.holdout_samples) // job.own_batch)
        return -(-batches // job.micro_batches)

    def _all_schedules(self) -> list[Schedule]:
        """Every schedule that is told of; first that of the job as it is usually written."""
        return [
            EveryEpoch(),
            *(EveryNthEpoch(n=n) for n in _EPOCHS),
            *(arm.schedule for entry in self._spec.arms for arm in entry.arms()),
            FinalOnly(),
            Off(),
        ]

    def _schedules(self) -> dict[str, tuple[Note, list[int]]]:
        """By label: the schedule as a note, and the steps after which it evaluates."""
        schedules = {}
        for schedule in self._all_schedules():
            steps = schedule.evaluated_steps(self._size.epochs, self._steps_per_epoch)
            if steps is None:
                raise InputError(f"arms: {schedule.label}: cannot be replayed")
            if steps or isinstance(schedule, Off):  # one that never evaluates is off
                schedules[schedule.label] = (schedule.note, steps)
        return schedules

    def _shifts(self) -> dict[str, list[list[int]]]:
        """Schedules that count epochs, begun after each of the first N.

        Each sees the last epoch as well: it must not lose by training's having gone on after its
        last policy.
        """
        per_epoch, last = self._steps_per_epoch, self._size.epochs
        shifts = {}
        for schedule in self._all_schedules():
            n = _period(schedule, per_epoch)
            if n is not None and 1 < n < last:
                shifts[schedule.label] = [
                    [epoch * per_epoch for epoch in sorted({*range(begin, last + 1, n), last})]
                    for begin in range(1, n + 1)
                ]
        return shifts

    def _dense(self, seed: int, points: Sequence[int]) -> tuple[LossCurve, ReplayCosts, list[str]]:
        """One run that is evaluated at every point; its curve, costs, and weights at each."""
        request = CurveRequest(
            steps=list(points),
            test_samples=self._design.test_samples,
            holdout_samples=self._size.holdout_samples,
            holdout_set=self._holdout_set(seed),
        )
        measured = self._run(RunId(purpose="curve", block=seed + 1), seed, request)
        curve = curve_from(measured, seed, request.holdout_set, self._steps_per_epoch)
        if not np.isfinite(curve.loss).all():
            raise MeasurementError(f"seed {seed}: the loss of an evaluation is not a number")
        pieces = cut(measured.timeline)
        cost = ReplayCosts(
            step_s=pieces.usual_step,
            # what follows the batches is the keeping of losses, which no user's evaluation has
            loader_s=median(each.loader for each in pieces.evaluations),
            batch_s=pieces.usual_batch,
            batch=self._size.evaluation_batch,
            evaluation_samples=self._samples,
        )
        best = int(np.argmin(curve.loss))
        self._session.emit(
            CurveKept(
                seed,
                len(curve.steps),
                float(curve.loss[best]),
                curve.steps[best],
                curve.all_steps,
                float(curve.loss[-1]),
            )
        )
        return curve, cost, [point.weights_digest for point in curve_of(measured).points]

    def _holdout_set(self, seed: int) -> int:
        """Which training samples a seed holds back: as far as there are enough, its own."""
        return seed % (self._size.train_samples // self._size.holdout_samples)

    def _prove(
        self, run_id: RunId, curve: LossCurve, digests: Sequence[str], epochs: int, stops: bool
    ) -> Note | None:
        """How a real run that keeps its best, and may stop, differs from the replay, if it does."""
        every = epochs * self._steps_per_epoch
        patience = self._design.patience if stops else None
        request = CurveRequest(
            test_samples=0,
            holdout_samples=self._size.holdout_samples,
            holdout_set=curve.holdout_set,
            every=every,
            patience=patience,
        )
        real = curve_of(self._run(run_id, curve.seed, request))
        last = curve.all_steps
        places = curve.places(EveryNSteps(n=every).evaluated_steps(1, last))
        expected = replay(curve, places, patience=patience)
        stop_step = last if expected.stopped_at is None else curve.steps[expected.stopped_at]
        kept_step = curve.steps[expected.kept_at]
        comparisons: dict[str, tuple[Any, Any]] = {
            "stopped_elsewhere": (stop_step, real.stopped_at),
            "kept_another": (kept_step, real.kept_at),
        }
        if self._spec.job.describe()["device"] == "cpu":  # elsewhere sums may differ in order
            comparisons["other_weights"] = (digests[expected.kept_at], real.weights_digest)
        differences = [
            note(code, replayed=ours, real=theirs)
            for code, (ours, theirs) in comparisons.items()
            if ours != theirs
        ]
        run = note("real_run", seed=curve.seed, epochs=epochs)
        if patience:
            run = note("real_run_with_patience", **run.parameters, patience=patience)
        self._session.emit(ReplayProven(run, differences, stop_step, kept_step))
        return note("replay_differs", run=run, differences=differences) if differences else None

    def _run(self, run_id: RunId, seed: int, curve_request: CurveRequest) -> Steps:
        request = RunRequest(
            id=run_id,
            arm=run_id.purpose,
            schedule=EveryEpoch(),
            evaluation_samples=self._samples,
            measure="time",
            seed=seed,
            curve=curve_request,
        )
        result = self._session.run(request, [self._samples])
        if result.steps is None:
            record = result.record
            raise MeasurementError(f"seed {seed}: ended {record.status}: {record.error}")
        return result.steps


def _period(schedule: Schedule, steps_per_epoch: int) -> int | None:
    """Epochs from one of a schedule's evaluations to the next; None: it does not count them."""
    if isinstance(schedule, EveryNthEpoch):
        return schedule.n
    if isinstance(schedule, EveryNSteps) and schedule.n % steps_per_epoch == 0:
        return schedule.n // steps_per_epoch
    return None


def _advice(chosen: ScheduleRegret | None, within_share: float, within_regret: float) -> Note:
    limits = {"share": within_share, "regret": within_regret}
    if chosen is None:
        return note("none_within", **limits)
    return note("within", **limits, chosen=chosen.policy, others=of_others(chosen))
