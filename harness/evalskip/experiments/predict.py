"""What every schedule of a job would cost, told from a pilot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalskip.analysis.identity import summary_of
from evalskip.analysis.peaks import predicted_peaks
from evalskip.analysis.prediction import cost_model, predict, workload
from evalskip.analysis.recommendation import (
    WITHIN,
    EvaluationShares,
    recommend,
    recommend_cheaper,
    recommend_nothing,
    recommend_spacing,
    rounded_up,
)
from evalskip.analysis.remedies import cheaper, remedies_of
from evalskip.analysis.stopping import spacing_of
from evalskip.analysis.survey import Survey
from evalskip.experiments.pilots import kinds_of, make_pilots
from evalskip.experiments.stopping import TRAINS_ALL, StopQuestion, stopping_of
from evalskip.notes import Note, note
from evalskip.schedules import AsWritten, EveryEpoch, EveryNSteps, EveryNthEpoch, FinalOnly, Off
from evalskip.spec.arms import Arm, arm_of, evaluation_notes
from evalskip.summary import (
    CostModel,
    Effort,
    PilotSummary,
    Prediction,
    PredictionSummary,
    Recommendation,
    RemediesSummary,
    Summary,
    write_sections,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.experiments.pilots import EvaluationKind, Piloted
    from evalskip.experiments.stopping import EarlierRuns
    from evalskip.schedules import Schedule
    from evalskip.session import Session
    from evalskip.spec import Spec
    from evalskip.summary import Stopping

_EPOCHS = (2, 5, 10)


def predict_costs(
    session: Session,
    *,
    within: float = WITHIN,
    every: Sequence[int] = (),
    budget_s: float = 40.0,
    stops: StopQuestion = TRAINS_ALL,
) -> Summary:
    """Make a pilot, and tell what every schedule would cost.

    Args:
        session: makes the processes of the pilot.
        within: the share of T that evaluation may have, for the recommendation.
        every: numbers of steps between evaluations to tell of, beside the recommended one.
        budget_s: see :func:`evalskip.experiments.pilots.make_pilots`.
        stops: what is known of when training stops by its evaluations.

    Raises:
        InputError: the job is too short for a pilot.
        MeasurementError: a process of the pilot did not end well.
    """
    spec, results = session.spec, session.results
    stopwatch = session.stopwatch("pilot")
    earlier = stops.earlier_runs()
    piloted = make_pilots(session, budget_s)
    predictions = _Predictions(spec, piloted, within, every)
    for kind in kinds_of(spec):
        predictions.predict_kind(kind)
    patience = _patience(spec, piloted)
    stopping = []
    if stops.target is not None or patience is not None:
        stopping = predictions.stopping(stops, earlier, patience)
    elif stops != TRAINS_ALL:
        predictions.warnings.append(note("never_stops"))
    seconds = stopwatch.seconds
    section = PredictionSummary(
        claimed_gain=spec.claimed_gain,
        pilot=PilotSummary(
            processes=len(piloted.runs) + len(piloted.memory),
            steps=piloted.steps,
            of_steps=piloted.of_steps,
            evaluation_batches=piloted.evaluation_batches,
            seconds=seconds,
            disturbed=piloted.disturbed,
            stops_early=any(run.full_run.may_stop_early for run in piloted.runs),
        ),
        cost_models=predictions.models,
        schedules=list(predictions.predictions.values()),
        recommendations=predictions.recommendations,
        stopping=stopping,
        remedies=predictions.remedies,
        closing_evaluations=spec.job.closing_evaluations,
        effort=Effort(runs=session.runs("pilot"), seconds=seconds, stopped=note("pilot_made")),
        warnings=[*results.store.warnings, *predictions.warnings],
    )
    return write_sections(results.path, summary_of(spec, results, prediction=section))


def _patience(spec: Spec, piloted: Piloted) -> int | None:
    """With which the job stops early, as its configuration or its own callback has it."""
    seen = [run.full_run.patience for run in piloted.runs if run.full_run.patience is not None]
    return min(seen, default=spec.job.keeping.patience)


class _Predictions:
    """Tells of one kind of evaluation after another."""

    def __init__(self, spec: Spec, piloted: Piloted, within: float, every: Sequence[int]) -> None:
        self._spec, self._piloted = spec, piloted
        self._within, self._every = within, every
        self.models: list[CostModel] = []
        self.predictions: dict[str, Prediction] = {}
        self.recommendations: list[Recommendation] = []
        self.remedies: list[RemediesSummary] = []
        self.warnings: list[Note] = []

    def predict_kind(self, kind: EvaluationKind) -> None:
        """Every schedule with every number of samples that an arm of the kind evaluates."""
        survey = Survey(self._piloted.surveys[kind.name])
        sizes = {arm.evaluation_samples for arm in kind.arms}
        for samples in sorted(sizes, key=lambda samples: samples or 0):
            evaluation = evaluation_notes(samples, kind.texts)
            model = cost_model(
                self._piloted.runs,
                kind.name,
                survey.size(samples),
                window=self._spec.design.window,
                notes=evaluation or [note("own_samples")],
                jobs=survey.counts(),
                level=self._spec.design.level,
                operations_ratio=survey.operations_ratio(),
                unseen=survey.unseen(),
                widening=self._piloted.widening,
            )
            self.models.append(model)
            recommended = self._recommended(model, kind, samples, survey)
            for arm in self._arms(kind, samples, survey, recommended):
                self._predict(model, arm, survey, self._piloted.memory.get(kind.name))
            remedies = self._remedy(kind, samples, model, survey)
            if remedies is not None and remedies.best is not None:
                cheap = cheaper(model, remedies.best.cost_ratio)
                recommended = recommend_cheaper(
                    remedies.best.remedy,
                    remedies.best.lines,
                    self._recommended(cheap, kind, samples, survey),
                )
            self.recommendations.append(recommended)

    def _recommended(
        self, model: CostModel, kind: EvaluationKind, samples: int | None, survey: Survey
    ) -> Recommendation:
        return recommend(
            EvaluationShares.from_model(model),
            self._within,
            before=int(survey.job.eval_on_start),
            closing=self._spec.job.closing_evaluations,
            keeping=self._spec.job.keeping,
            own_steps=self._as_written(kind, samples),
        )

    def _remedy(
        self, kind: EvaluationKind, samples: int | None, model: CostModel, survey: Survey
    ) -> RemediesSummary | None:
        """What would make the kind cheaper, under the schedule that the job has."""
        own = [arm for arm in kind.arms if arm.evaluation_samples == samples]
        arm = min(own, key=_is_not_as_written)
        after = self._evaluated_after(arm.schedule, survey)
        prediction = self.predictions.get(arm.name)
        if survey.remedies is None or not after or prediction is None:
            return None
        following = _with_next_step(after, survey)
        self.remedies.append(remedies_of(model, survey.remedies, prediction, following))
        return self.remedies[-1]

    def stopping(
        self, stops: StopQuestion, earlier: EarlierRuns | None, patience: int | None
    ) -> list[Stopping]:
        """When training stops, and how often to evaluate until then, which is then recommended."""
        own_every = spacing_of(self._piloted.as_written)
        found = []
        for number, model in enumerate(self.models):
            stopping = stopping_of(stops, earlier, patience, model, own_every)
            found.append(stopping)
            if stopping.spacing is not None:
                self.recommendations[number] = recommend_spacing(
                    stopping.spacing, self._within, model.evaluation, self._spec.job.keeping
                )
            elif stopping.why_none is not None:
                self.recommendations[number] = recommend_nothing(
                    stopping.why_none, self._within, model.evaluation
                )
        return found

    def _as_written(self, kind: EvaluationKind, samples: int | None) -> list[int] | None:
        """Steps after which the job evaluates as its author wrote it; None: it was not seen."""
        own = [arm for arm in kind.arms if isinstance(arm.schedule, AsWritten)]
        is_own = any(arm.evaluation_samples == samples for arm in own)
        return self._piloted.as_written if is_own else None

    def _evaluated_after(self, schedule: Schedule, survey: Survey) -> list[int] | None:
        """Steps after which the job evaluates, what its program adds included; None: not known."""
        if isinstance(schedule, AsWritten):
            return self._piloted.as_written
        after = survey.evaluated_after(schedule)
        if not after or isinstance(schedule, FinalOnly):
            return after
        return [*after, *[survey.steps] * self._spec.job.closing_evaluations]

    def _arms(
        self, kind: EvaluationKind, samples: int | None, survey: Survey, recommended: Recommendation
    ) -> list[Arm]:
        """Those of the spec, and all others of interest that evaluate when none of them does."""
        steps = survey.steps
        every = {*self._every, recommended.every_steps or rounded_up(steps // 10 or 1)}
        schedules: list[Schedule] = [
            FinalOnly(),
            EveryEpoch(),
            *(EveryNthEpoch(n=n) for n in _EPOCHS),
            *(EveryNSteps(n=n) for n in sorted(every)),
        ]
        own = [arm for arm in kind.arms if arm.evaluation_samples == samples]
        others = [
            arm_of(schedule, samples, kind.settings, kind.remedies)
            for schedule in schedules
            if self._evaluated_after(schedule, survey)
        ]
        # of those that evaluate after the same steps the first: as written, as the spec has it
        one_each: dict[tuple[int, ...], Arm] = {}
        for arm in [*sorted(own, key=_is_not_as_written), *others]:
            after = self._evaluated_after(arm.schedule, survey)
            if after is None:
                self.warnings.append(note("not_predicted", arm=arm.name))
            else:
                one_each.setdefault(tuple(after), arm)
        pairs = sorted(one_each.items(), key=lambda each: len(each[0]))
        off = Arm(Off().label, Off(), None, kind.settings, kind.remedies)
        return [off, *(arm for after, arm in pairs if after or arm in own)]

    def _predict(self, model: CostModel, arm: Arm, survey: Survey, memory: Any) -> None:
        if arm.name in self.predictions:  # off, once more
            return
        after = self._evaluated_after(arm.schedule, survey)
        if after is None:
            return
        prediction = predict(
            model,
            workload(model.size, len(after), _with_next_step(after, survey)),
            arm=arm.name,
            schedule=arm.schedule.note,
            evaluation=model.evaluation if arm.evaluation else [],
            evaluation_samples=arm.evaluation_samples,
        )
        if memory is not None:
            peak = predicted_peaks(memory, survey.job, evaluates=bool(after), level=model.level)
            prediction = prediction.model_copy(update={"peak_bytes": peak})
        self.predictions[arm.name] = prediction


def _with_next_step(after: Sequence[int], survey: Survey) -> int:
    """Of evaluations after these steps, those that a step comes after."""
    return sum(0 < step < survey.steps for step in after)


def _is_not_as_written(arm: Arm) -> bool:
    return not isinstance(arm.schedule, AsWritten)
