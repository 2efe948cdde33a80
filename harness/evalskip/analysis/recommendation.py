"""The densest schedule whose evaluation keeps within a share of T."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from evalskip.analysis.prediction import amounts, predict
from evalskip.digits import per_cent
from evalskip.messages import message, say
from evalskip.summary import Recommendation

if TYPE_CHECKING:
    from evalskip.summary import CostModel, Interval

_ENOUGH_DIGITS = 100

_EVERY = {
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


def recommend(model: CostModel, within: float, *, before: int, closing: int) -> Recommendation:
    """The most that a user can afford, as lines to paste.

    Args:
        model: of the job.
        within: the share of T that evaluation may have, its upper limit included.
        before: evaluations before the first step, wherever there are any.
        closing: those that the job adds after training, wherever there are any.
    """
    steps = model.size.steps
    most = densest(model, within, before + closing)
    if most > 1:
        every = min(steps, rounded_up(math.ceil(steps / most)))
        evaluations = math.ceil(steps / every)
        total = evaluations + before + closing
        share = _share(model, total, evaluations - 1)
        template = _EVERY[before > 0, closing > 0]
        says = say(template, every=every, share=_with_limits(share))
        yaml = ["eval_strategy: steps", f"eval_steps: {every}"]
        arguments = ['eval_strategy="steps",', f"eval_steps={every},"]
    elif densest(model, within):
        every, total = None, 1
        share = _share(model, 1, 0)
        says = say("evaluate once, after training: {share} of the run", share=_with_limits(share))
        yaml = ['eval_strategy: "no"', "do_eval: true"]
        after = say("# and trainer.evaluate() after trainer.train()")
        arguments = ['eval_strategy="no",', after]
    else:
        every, total = None, 0
        share = _share(model, 0, 0)
        says = say(
            "do not evaluate: even once, at the end, would take {share} of the run",
            share=_with_limits(_share(model, 1, 0)),
        )
        yaml = ['eval_strategy: "no"', "do_eval: false"]
        arguments = ['eval_strategy="no",']
    return Recommendation(
        evaluation=model.evaluation,
        within=within,
        every_steps=every,
        evaluations=total,
        share=share,
        says=says,
        lines={say("a LLaMA-Factory YAML"): yaml, "TrainingArguments": arguments},
    )


def densest(model: CostModel, within: float, extra: int = 0) -> int:
    """The most evaluations of which the upper limit of the share is within a share.

    Args:
        model: of the job.
        within: the share.
        extra: evaluations that come on top whenever there are any.
    """

    def fits(evaluations: int) -> bool:
        found = _share(model, evaluations + extra, max(0, evaluations - 1))
        return (found.estimate if found.high is None else found.high) <= within

    low, high = 0, model.size.steps
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


def _share(model: CostModel, evaluations: int, followed: int) -> Interval:
    of = amounts(model.size, evaluations, followed)
    return predict(model, of, arm="", schedule="", evaluation_rows=None).share


def _with_limits(share: Interval) -> str:
    if share.low is None or share.high is None:
        return per_cent(share)
    return say(
        "{share:.1f} % (at {level:g} %: {low:.1f} to {high:.1f} %)",
        share=100 * share.estimate,
        level=100 * share.level,
        low=100 * share.low,
        high=100 * share.high,
    )
