"""What every schedule of a job would cost, told from a pilot."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evalskip.analysis.costs import JobCounts
from evalskip.analysis.peaks import peaks_told
from evalskip.analysis.prediction import amounts, cost_model, densest, predict
from evalskip.analysis.summarise import scope_of
from evalskip.experiments.pilots import kinds_of, make_pilots
from evalskip.machine.fingerprint import fingerprint
from evalskip.messages import message, say
from evalskip.schedules import AsWritten, EveryEpoch, EveryNEpochs, EveryNSteps, FinalOnly, Off
from evalskip.spec.arms import Arm
from evalskip.summary import (
    CostModel,
    Effort,
    Interval,
    JobSize,
    PilotSummary,
    Prediction,
    Recommendation,
    Summary,
    write_sections,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from evalskip.analysis.parts import PilotRun
    from evalskip.experiments.pilots import Kind, Piloted
    from evalskip.results import ResultDirectory
    from evalskip.schedules import Schedule
    from evalskip.spec import Spec

SECTIONS = {"pilot", "cost_models", "predictions", "recommendations", "closing_evaluations"}
"""The sections of the summary that ``predict`` owns."""

_EPOCHS = (1, 2, 5, 10)
_ENOUGH_DIGITS = 100


def predict_costs(
    spec: Spec,
    results: ResultDirectory,
    tell: Callable[[str], None],
    *,
    within: float = 0.05,
    every: Sequence[int] = (),
    budget_s: float = 40.0,
) -> Summary:
    """Make a pilot, and tell what every schedule would cost.

    Args:
        spec: of the job.
        results: where the pilot is recorded and the summary is written.
        tell: called with a line for people, as things are found.
        within: the share of T that evaluation may have, for the recommendation.
        every: numbers of steps between evaluations to tell of, beside the recommended one.
        budget_s: see :func:`evalskip.experiments.pilots.make_pilots`.

    Raises:
        InputError: the job is too short for a pilot.
        MeasurementError: a process of the pilot did not end well.
    """
    began = time.monotonic()
    piloted = make_pilots(spec, results, tell, budget_s)
    teller = _Teller(spec, piloted, within, every)
    for kind in kinds_of(spec):
        teller.tell_of(kind)
    summary = Summary.of_nothing(
        name=results.name,
        scope=scope_of(spec, results.environment),
        machine=fingerprint(),
        effort=Effort(
            blocks=0,
            runs=0,
            seconds=time.monotonic() - began,
            run_overhead_s=None,
            block_start_s=None,
            stopped=say("the pilot is made"),
        ),
    )
    summary = summary.model_copy(
        update={
            "pilot": PilotSummary(
                processes=len(piloted.runs) + len(piloted.memory),
                steps=piloted.steps,
                of_steps=piloted.of_steps,
                evaluation_batches=piloted.evaluation_batches,
                seconds=time.monotonic() - began,
                contaminated=piloted.contaminated,
                stops_early=any(run.whole.get("may_stop_early") for run in piloted.runs),
            ),
            "cost_models": teller.models,
            "predictions": list(teller.predictions.values()),
            "recommendations": teller.recommendations,
            "closing_evaluations": spec.job.closing_evaluations,
        }
    )
    return write_sections(results.path, summary, SECTIONS)


@dataclass(frozen=True)
class _Survey:
    """What the whole job is, as one process of the pilot saw it."""

    run: PilotRun

    @property
    def whole(self) -> Mapping[str, Any]:
        return self.run.whole

    @property
    def job(self) -> Mapping[str, Any]:
        return self.whole["job"]  # type: ignore[no-any-return]

    @property
    def steps(self) -> int:
        return int(self.whole["training"]["steps"])

    def counts(self) -> JobCounts:
        """What the whole job does beside training and evaluating."""
        training = self.whole["training"]
        return JobCounts(self.steps, training["saves"], training["logs"])

    def sets(self, rows: int | None) -> list[int]:
        """Rows of each evaluation set, of the first so many of which an arm takes."""
        found = [there for there, _ in self.whole["sets"].values()]
        if not found:  # streams, which the pilot evaluated whole
            found = [self.run.timeline["evaluations"][-1]["rows"] * self.job["ranks"]]
        return found if rows is None else [min(rows, there) for there in found]

    @property
    def train_shapes(self) -> Sequence[Sequence[int]]:
        """Rows and tokens of micro-batches: of a stream, of those that the pilot trained on."""
        if self.job["train_rows"] is not None:
            return self.job["train_shapes"]  # type: ignore[no-any-return]
        return [
            (rows // count, tokens // count)
            for count, rows, tokens in self.run.timeline["step_shapes"]
            for _ in range(count)
        ]

    @property
    def evaluation_shapes(self) -> Sequence[Sequence[int]]:
        """The same of evaluation batches."""
        seen = self.run.timeline["evaluations"][-1]["shapes"]
        return self.job["evaluation_shapes"] or seen  # type: ignore[no-any-return]

    def within(self, schedule: Schedule) -> list[int] | None:
        """Steps after which the job evaluates under a schedule; 0: before the first.

        Returns:
            None where it cannot be told.
        """
        per_epoch = self.job["steps_per_epoch"]
        after = schedule.evaluated_within(self.steps, per_epoch)
        if after is None or isinstance(schedule, Off | FinalOnly):
            return after
        strategy = schedule.trainer_arguments()["eval_strategy"]
        if strategy != "no":  # a callback does not wait
            unit = per_epoch if strategy == "epoch" else 1
            after = [step for step in after if step / unit >= self.job["eval_delay"]]
        return [0, *after] if self.job["eval_on_start"] else after

    def size(self, rows: int | None) -> JobSize:
        """Of the job, for an arm that evaluates so many rows."""
        job = self.job
        sets = self.sets(rows)
        batch, ranks = job["evaluation_batch"], job["ranks"]
        shapes = self.evaluation_shapes
        if rows is not None and sum(row for row, _ in shapes) == sum(self.sets(None)) and rows:
            # all were looked at, in order, so those of a smaller set are its first
            shapes = shapes[: math.ceil(rows / batch)]
            there, tokens = shapes[-1]
            left = rows - batch * (len(shapes) - 1)
            shapes = [*shapes[:-1], (left, round(tokens * left / there))]
        return JobSize(
            steps=self.steps,
            epochs=self.steps / job["steps_per_epoch"],
            train_rows=job["train_rows"],
            train_batch=job["train_batch"] * ranks,
            accumulation=job["accumulation"],
            drop_last=job["drop_last"],
            train_tokens_per_row=_per_row(
                self.train_shapes, job["train_batch"] * ranks, [job["train_rows"] or 0]
            ),
            evaluation_sets=sets,
            evaluation_batch=batch * ranks,
            evaluation_tokens_per_row=_per_row(shapes, batch * ranks, sets),
        )

    def unseen(self) -> float:
        """Variance of the mean tokens of a batch, in log, since not all batches were looked at."""
        job = self.job
        seen = job["train_batch"] * job["ranks"] * len(job["train_shapes"])
        all_seen = job["train_rows"] is not None and seen >= job["train_rows"]
        found = 0.0 if all_seen else _variance_of_mean(self.train_shapes)
        evaluated = job["evaluation_batch"] * job["ranks"] * len(self.evaluation_shapes)
        if evaluated < sum(self.sets(None)):
            found += _variance_of_mean(self.evaluation_shapes)
        return found

    def operations_ratio(self) -> float | None:
        """Operations of an evaluated token over those of a trained one."""
        found = self.job["flops"]
        if not found or not found["train"] or not found["evaluation_tokens"]:
            return None
        evaluated = found["evaluation"] / found["evaluation_tokens"]
        return float(evaluated / (found["train"] / max(1, found["train_tokens"])))


def _per_row(shapes: Sequence[Sequence[int]], batch: int, sets: Sequence[int]) -> float:
    """Tokens on one rank per row of data sets, the last batch of each of which may be smaller.

    Args:
        shapes: of one rank's batches, of one or several passes over the sets.
        batch: rows on all ranks.
        sets: rows of each; 0: not known.
    """
    passes, rest = 0, len(shapes)
    if in_pass := sum(math.ceil(rows / batch) for rows in sets):
        passes, rest = divmod(rest, in_pass)
    rows = passes * sum(sets) + rest * batch
    return sum(tokens for _, tokens in shapes) / rows if rows else 0.0


def _variance_of_mean(shapes: Sequence[Sequence[int]]) -> float:
    tokens = [tokens for _, tokens in shapes]
    count = len(tokens)
    mean = sum(tokens) / count if count else 0.0
    if count < 2 or not mean:
        return 0.0
    spread = sum((each - mean) ** 2 for each in tokens) / (count - 1)
    return spread / mean**2 / count


class _Teller:
    """Tells of one kind of evaluation after another."""

    def __init__(self, spec: Spec, piloted: Piloted, within: float, every: Sequence[int]) -> None:
        self._spec, self._piloted = spec, piloted
        self._within, self._every = within, every
        self.models: list[CostModel] = []
        self.predictions: dict[str, Prediction] = {}
        self.recommendations: list[Recommendation] = []

    def tell_of(self, kind: Kind) -> None:
        """Every schedule with every number of rows that an arm of the kind evaluates."""
        survey = _Survey(self._piloted.surveys[kind.name])
        sizes = {arm.evaluation_rows for arm in kind.arms}
        for rows in sorted(sizes, key=lambda rows: rows or 0):
            own = say("{rows:,} rows", rows=rows) if rows else ""
            says = ", ".join(filter(None, (own, kind.name)))
            model = cost_model(
                self._piloted.runs,
                kind.name,
                survey.size(rows),
                window=self._spec.design.window,
                says=says or say("its own rows"),
                jobs=survey.counts(),
                level=self._spec.design.level,
                operations_ratio=survey.operations_ratio(),
                unseen=survey.unseen(),
            )
            self.models.append(model)
            recommended = self._recommended(model, survey)
            self.recommendations.append(recommended)
            for arm in self._arms(kind, rows, survey, recommended):
                self._tell(model, arm, survey, self._piloted.memory.get(kind.name))

    def _arms(
        self, kind: Kind, rows: int | None, survey: _Survey, recommended: Recommendation
    ) -> list[Arm]:
        """Those of the spec, and all that are told of in any case."""
        steps = survey.steps
        every = {*self._every, recommended.every_steps or _round(steps // 10 or 1)}
        schedules: list[Schedule] = [
            Off(),
            FinalOnly(),
            EveryEpoch(),
            *(EveryNEpochs(n=n) for n in _EPOCHS),
            *(EveryNSteps(n=n) for n in sorted(every)),
        ]
        own = [arm for arm in kind.arms if arm.evaluation_rows == rows]
        name = own[0].name.removeprefix(own[0].schedule.label)
        usual = [
            Arm(
                schedule.label if isinstance(schedule, Off) else f"{schedule.label}{name}",
                schedule,
                None if isinstance(schedule, Off) else rows,
                kind.settings,
            )
            for schedule in schedules
        ]
        return list({arm.name: arm for arm in [*usual, *own]}.values())

    def _tell(self, model: CostModel, arm: Arm, survey: _Survey, memory: Any) -> None:
        if arm.name in self.predictions:  # off, once more
            return
        steps = survey.steps
        if isinstance(arm.schedule, AsWritten):
            after = self._piloted.as_written
        else:
            after = survey.within(arm.schedule)
        if after is None:
            return
        followed = sum(0 < step < steps for step in after)
        words = [arm.schedule.phrase, *([model.evaluation] if arm.evaluation else [])]
        told = predict(
            model,
            amounts(model.size, len(after), followed),
            arm=arm.name,
            schedule=", ".join(words),
            evaluation_rows=arm.evaluation_rows,
        )
        if memory is not None:
            peak = peaks_told(memory, survey.job, evaluates=bool(after), level=model.level)
            told = told.model_copy(update={"peak_bytes": peak})
        self.predictions[arm.name] = told

    def _recommended(self, model: CostModel, survey: _Survey) -> Recommendation:
        closing_too = self._spec.job.closing_evaluations
        extra = closing_too + int(survey.job["eval_on_start"])
        steps = model.size.steps
        most = densest(model, self._within, extra)
        if most > 1:
            every = min(steps, _round(math.ceil(steps / most)))
            evaluations = math.ceil(steps / every)
            closing = _CLOSING[extra > closing_too, bool(closing_too)]
            lines = {
                say("a LLaMA-Factory YAML"): ["eval_strategy: steps", f"eval_steps: {every}"],
                "TrainingArguments": ['eval_strategy="steps",', f"eval_steps={every},"],
            }
        else:
            every = None
            evaluations = extra = min(1, densest(model, self._within))
            after = "true" if evaluations else "false"
            lines = {
                say("a LLaMA-Factory YAML"): ['eval_strategy: "no"', f"do_eval: {after}"],
                "TrainingArguments": ['eval_strategy="no",']
                + ([say("# and trainer.evaluate() after trainer.train()")] if evaluations else []),
            }
        total = evaluations + extra if every else evaluations
        share = self._share(model, total, max(0, evaluations - 1))
        if every:
            says = say(closing, every=every, share=_per_cent(share))
        elif evaluations:
            says = say("evaluate once, after training: {share} of the run", share=_per_cent(share))
        else:
            says = say(
                "do not evaluate: even once, at the end, would take {share} of the run",
                share=_per_cent(self._share(model, 1, 0)),
            )
        return Recommendation(
            evaluation=model.evaluation,
            within=self._within,
            every_steps=every,
            evaluations=total,
            share=share,
            says=says,
            lines=lines,
        )

    def _share(self, model: CostModel, evaluations: int, followed: int) -> Interval:
        of = amounts(model.size, evaluations, followed)
        return predict(model, of, arm="", schedule="", evaluation_rows=None).share


_CLOSING = {
    (False, False): message("evaluate every {every:,} steps: {share} of the run"),
    (True, False): message(
        "evaluate every {every:,} steps: {share} of the run, with the one before training"
    ),
    (False, True): message(
        "evaluate every {every:,} steps: {share} of the run, with the one that LLaMA-Factory adds "
        "after training"
    ),
    (True, True): message(
        "evaluate every {every:,} steps: {share} of the run, with the one before training, with "
        "the one that LLaMA-Factory adds after training"
    ),
}
"""By whether one before training, and one after it, are counted as well."""


def _round(steps: int) -> int:
    """Up, to a number that people write: two digits."""
    unit = 1
    while steps >= _ENOUGH_DIGITS * unit:
        unit *= 10
    return math.ceil(steps / unit) * unit


def _per_cent(share: Interval) -> str:
    if share.low is None or share.high is None:
        return f"{100 * share.estimate:.1f} %"
    return say(
        "{share:.1f} % (at {level:g} %: {low:.1f} to {high:.1f} %)",
        share=100 * share.estimate,
        level=100 * share.level,
        low=100 * share.low,
        high=100 * share.high,
    )
