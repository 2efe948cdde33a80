"""The densest schedule whose evaluation keeps within a share of T."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalskip.notes import note
from evalskip.summary import Interval, Recommendation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from evalskip.jobs import Keeping
    from evalskip.notes import Note
    from evalskip.summary import CostModel, Spacing

WITHIN = 0.05
"""The share of T that evaluation may have, where nobody says."""
_ENOUGH_DIGITS = 100
_LEVEL = 0.95

_EVERY = {
    (False, False): "evaluate_every",
    (True, False): "evaluate_every_and_before",
    (False, True): "evaluate_every_and_after",
    (True, True): "evaluate_every_before_and_after",
}
"""By whether one before training, and one after it, are counted as well."""


@dataclass(frozen=True)
class EvaluationShares:
    """What any number of evaluations of one kind takes of a run."""

    evaluation: list[Note | str]
    """Its samples and settings."""
    steps: int
    """Of the run."""
    share: Callable[[int, int], Interval]
    """Of T, by evaluations, and by how many of them a step follows."""

    @classmethod
    def from_model(cls, model: CostModel) -> EvaluationShares:
        """As a pilot predicts them."""
        # which needs scipy, and what else is recommended does not
        from evalskip.analysis.prediction import predict, workload

        def share(evaluations: int, with_next_step: int) -> Interval:
            work = workload(model.size, evaluations, with_next_step)
            return predict(model, work, arm="", schedule=note("off"), evaluation_samples=None).share

        return cls(model.evaluation, model.size.steps, share)

    @classmethod
    def from_gain(
        cls, gain: Interval, evaluations: int, steps: int, evaluation: list[Note | str]
    ) -> EvaluationShares:
        """As measured, every evaluation taken to cost the same.

        Args:
            gain: of throughput without evaluation, T / T(off) - 1.
            evaluations: that it was measured with.
            steps: of the run.
            evaluation: its samples and settings.
        """

        def share(count: int, _: int) -> Interval:
            estimate, low, high = (
                None if each is None else _share_of_gain(max(0.0, each) * count / evaluations)
                for each in (gain.estimate, gain.low, gain.high)
            )
            return Interval(estimate=estimate or 0.0, low=low, high=high, level=gain.level)

        return cls(evaluation, steps, share)


def _share_of_gain(gain: float) -> float:
    return gain / (1 + gain)


def recommend(
    shares: EvaluationShares,
    within: float,
    *,
    before: int = 0,
    closing: int,
    keeping: Keeping,
    own_steps: Sequence[int] | None = None,
) -> Recommendation:
    """The most that a user can afford, as lines to paste; none where the job keeps within it.

    Args:
        shares: of the job.
        within: the share of T that evaluation may have, its upper limit included.
        before: evaluations before the first step, wherever there are any.
        closing: those that the job adds after training, wherever there are any.
        keeping: what the job keeps of training, and when it stops.
        own_steps: steps after which it evaluates by the schedule that it has; None: not known.
    """
    steps = shares.steps
    if own_steps:
        share = shares.share(len(own_steps), sum(0 < step < steps for step in own_steps))
        if share.most <= within:
            return Recommendation(
                evaluation=shares.evaluation,
                within=within,
                every_steps=None,
                evaluations=len(own_steps),
                share=share,
                advice=note("keep_as_written", share=_with_limits(share)),
                lines={},
            )
    most = densest(shares, within, before + closing)
    if most > 1:
        every = min(steps, rounded_up(math.ceil(steps / most)))
        evaluations = math.ceil(steps / every)
        total = evaluations + before + closing
        share = shares.share(total, evaluations - 1)
        code = _EVERY[before > 0, closing > 0]
        advice = note(code, every=every, share=_with_limits(share))
    elif (share := shares.share(1, 0)).estimate <= within:
        every, total = None, 1
        advice = note("evaluate_once", share=_with_limits(share))
        if share.most > within:
            advice = note("evaluate_once_perhaps_beyond", share=_with_limits(share), within=within)
    else:
        every, total = None, 0
        least_share, share = share, shares.share(0, 0)
        advice = note("do_not_evaluate", share=_with_limits(least_share))
    settings = settings_for(every, evaluates=total > 0, keeping=keeping)
    against = _against(every, total - before - closing if every else 0, keeping)
    return Recommendation(
        evaluation=shares.evaluation,
        within=within,
        every_steps=every,
        evaluations=total,
        share=share,
        advice=note("advice_against", advice=advice, against=against) if against else advice,
        lines=lines_of(settings, evaluates_once=total == 1 and every is None),
    )


def recommend_cheaper(
    remedy: Note, remedy_lines: Mapping[str, list[str | Note]], recommended: Recommendation
) -> Recommendation:
    """What is recommended of a job whose evaluation is made cheaper first.

    Args:
        remedy: that makes it so.
        remedy_lines: of it, to paste.
        recommended: of the job with it.
    """
    lines = {place: [*told] for place, told in remedy_lines.items()}
    for place, told in recommended.lines.items():
        lines[place] = [*lines.get(place, []), *told]
    if recommended.advice.code == "keep_as_written":
        share = _with_limits(recommended.share)
        advice = note("evaluate_for_less_and_keep", remedy=remedy, share=share)
    else:
        advice = note("evaluate_for_less", remedy=remedy, advice=recommended.advice)
    return recommended.model_copy(update={"advice": advice, "lines": lines})


def recommend_nothing(why: Note, within: float, evaluation: list[Note | str]) -> Recommendation:
    """No spacing, where none stops training sooner than any other; and why.

    Args:
        why: there is none.
        within: see :func:`recommend_spacing`.
        evaluation: the same.
    """
    return Recommendation(
        evaluation=evaluation,
        within=within,
        stops=True,
        every_steps=None,
        evaluations=0,
        share=Interval(estimate=0.0, level=_LEVEL),
        advice=why,
        lines={},
    )


def recommend_spacing(
    spacing: Spacing,
    within: float,
    evaluation: list[Note | str],
    keeping: Keeping,
) -> Recommendation:
    """The spacing with which training stops soonest, as lines to paste.

    Args:
        spacing: as of :func:`evalskip.analysis.stopping.spacing`.
        within: the share that evaluation would be kept to if training did not stop by it.
        evaluation: which one.
        keeping: what the job keeps of training, and when it stops.
    """
    every = spacing.every_steps
    (cost,) = (each for each in spacing.costs if each.every_steps == every)
    share = cost.evaluations * spacing.evaluation_s / cost.training_s
    advice = note(
        "evaluate_to_stop",
        count=every,
        low=spacing.near_low,
        high=spacing.near_high,
        near=spacing.near,
        work=round(spacing.work_steps),
        source=spacing.work_from,
    )
    if spacing.at_most_longer is not None:
        advice = note(
            "advice_for_range",
            advice=advice,
            low=round(spacing.work_low or 0),
            high=round(spacing.work_high or 0),
            longer=spacing.at_most_longer,
        )
    return Recommendation(
        evaluation=evaluation,
        within=within,
        stops=True,
        every_steps=every,
        evaluations=round(cost.evaluations),
        share=Interval(estimate=share, level=_LEVEL),
        advice=advice,
        lines=lines_of(settings_for(every, evaluates=True, keeping=keeping)),
    )


def lines_of(
    settings: Mapping[str, object], *, evaluates_once: bool = False
) -> dict[str, list[str | Note]]:
    """Settings as lines to paste, by where they go.

    Args:
        settings: as of :func:`settings_for`.
        evaluates_once: whether the only evaluation comes after training.
    """
    return {
        "llamafactory_yaml": [f"{name}: {_yaml(value)}" for name, value in settings.items()],
        "training_arguments": _arguments(settings, evaluates_once=evaluates_once),
    }


def settings_for(every: int | None, *, evaluates: bool, keeping: Keeping) -> dict[str, object]:
    """What a LLaMA-Factory configuration has to say, with what else it says.

    Args:
        every: steps from one evaluation to the next; None: none inside training.
        evaluates: whether there is one at all.
        keeping: what it keeps of training, and when it stops.
    """
    if every is not None:
        settings: dict[str, object] = {"eval_strategy": "steps", "eval_steps": every}
        if keeping.loads_best:  # which wants a checkpoint of each evaluation
            settings |= {"save_strategy": "steps", "save_steps": every}
        return settings
    settings = {"eval_strategy": "no", "do_eval": evaluates}
    if keeping.loads_best:
        settings["load_best_model_at_end"] = False
    if keeping.saves_best:
        settings["save_strategy"] = "epoch"
    if keeping.patience is not None:
        settings["early_stopping_steps"] = None
    return settings


def _yaml(value: object) -> str:
    # unquoted, YAML reads no as false
    return value if isinstance(value, str) and value != "no" else json.dumps(value)


def _arguments(settings: Mapping[str, object], *, evaluates_once: bool) -> list[str | Note]:
    """The same for ``TrainingArguments``, which knows neither of two."""
    lines: list[str | Note] = [
        f'{name}="{value}",' if isinstance(value, str) else f"{name}={value},"
        for name, value in settings.items()
        if name not in ("do_eval", "early_stopping_steps")
    ]
    if "early_stopping_steps" in settings:
        lines.append(note("without_early_stopping"))
    if evaluates_once:
        lines.append(note("evaluate_after_training"))
    return lines


def _against(every: int | None, evaluations: int, keeping: Keeping) -> Note | None:
    """What the job's own configuration has against it, if anything."""
    if every is not None:
        if keeping.patience is not None and evaluations <= keeping.patience:
            return note("early_stopping_starves", patience=keeping.patience)
        return None
    wants = [
        name
        for name, is_so in (
            ("load_best_model_at_end", keeping.loads_best),
            ("save_strategy: best", keeping.saves_best),
            ("early_stopping_steps", keeping.patience is not None),
        )
        if is_so
    ]
    return note("needs_evaluation", wants=wants) if wants else None


def densest(shares: EvaluationShares, within: float, extra: int = 0) -> int:
    """The most evaluations of which the upper limit of the share is within a share.

    Args:
        shares: of the job.
        within: the share.
        extra: evaluations that come on top whenever there are any.
    """

    def fits(evaluations: int) -> bool:
        return shares.share(evaluations + extra, max(0, evaluations - 1)).most <= within

    low, high = 0, shares.steps
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return low


def rounded_up(steps: int) -> int:
    """To a number that people write: two digits."""
    unit = 1
    while steps >= _ENOUGH_DIGITS * unit:
        unit *= 10
    return math.ceil(steps / unit) * unit


def _with_limits(share: Interval) -> Note:
    if share.low is None or share.high is None:
        return note("share_alone", share=share.estimate)
    return note(
        "share_with_limits",
        share=share.estimate,
        level=share.level,
        low=share.low,
        high=share.high,
    )
