"""What would make a job's evaluation cheaper, from what a pilot tried.

Each module has an idea of its own, and yields what it offers of a job, or why it offers nothing.
"""

from __future__ import annotations

import math
from functools import reduce
from typing import TYPE_CHECKING

from evalskip.analysis.prediction import predict, workload
from evalskip.analysis.remedies import batches, settings, subset
from evalskip.analysis.remedies.lines import remedy_lines
from evalskip.analysis.remedies.offer import SAVES, Evaluated, Offer, Refusal
from evalskip.notes import note
from evalskip.summary import Interval, LeftOut, RemediesSummary, Remedy

if TYPE_CHECKING:
    from evalskip.analysis.prediction import Workload
    from evalskip.probe.surveyed import RemedySurvey
    from evalskip.summary import CostModel, Prediction

__all__ = ["cheaper", "remedies_of"]

_MODULES = (batches, settings, subset)


def remedies_of(
    model: CostModel, survey: RemedySurvey, prediction: Prediction, with_next_step: int
) -> RemediesSummary:
    """What would make evaluation cheaper under a schedule.

    Args:
        model: what the job costs as it is.
        survey: what a process of the pilot tried.
        prediction: of the schedule.
        with_next_step: of its evaluations, those that a step comes after.
    """
    samples = sum(model.size.evaluation_sets)
    work = workload(model.size, prediction.evaluations, with_next_step)
    offered, left_out = list[Offer](), list[LeftOut]()
    if why := survey.refused.get("all"):
        left_out = [LeftOut(remedy=note("all_remedies"), why=note(why))]
    else:
        for module in _MODULES:
            for each in module.offers(Evaluated(survey, samples, max(1, prediction.evaluations))):
                if isinstance(each, Refusal):
                    left_out.append(LeftOut(remedy=each.remedy, why=each.why))
                elif each.ratio.estimate > SAVES:
                    why_not = note("saves_nothing", ratio=each.ratio.estimate)
                    left_out.append(LeftOut(remedy=each.remedy, why=why_not))
                else:
                    offered.append(each)
    best = _combined(offered)
    of_subset = next((each for each in offered if each.samples), None)
    if of_subset is not None and best is not None:
        of_subset = best.with_other(of_subset)

    def told(offer: Offer) -> Remedy:
        return _told(offer, model, work, prediction)

    return RemediesSummary(
        evaluation=model.evaluation,
        arm=prediction.arm,
        schedule=prediction.schedule,
        share=prediction.share,
        remedies=sorted(
            (told(each) for each in offered if each.is_listed),
            key=lambda each: (each.loses is not None, -each.time_saved),
        ),
        best=told(best) if best else None,
        best_of_subset=told(of_subset) if of_subset else None,
        subset=None if why else subset.errors_of(survey, samples),
        left_out=left_out,
    )


def cheaper(model: CostModel, ratio: Interval) -> CostModel:
    """A job whose evaluations take so much of what they take as it is."""
    names = ("loader_s", "batch_s", "evaluation_token_s", "gathered_sample_s")
    scaled = {name: ratio.estimate * getattr(model.costs, name) for name in names}
    return model.model_copy(
        update={
            "costs": model.costs.model_copy(update=scaled),
            "sampled_half_width": math.hypot(
                model.sampled_half_width, math.log(ratio.most / ratio.estimate)
            ),
        }
    )


def _combined(offered: list[Offer]) -> Offer | None:
    """All that lose nothing, of each group the best."""
    best: dict[str, Offer] = {}
    for each in sorted(offered, key=lambda each: each.ratio.estimate):
        if each.loses is None:
            best.setdefault(each.group, each)
    return reduce(Offer.with_other, best.values()) if best else None


def _told(offer: Offer, model: CostModel, work: Workload, prediction: Prediction) -> Remedy:
    half_width = offer.ratio.half_width(model.level) if offer.ratio.error else 0.0
    ratio = _interval(offer.ratio.estimate, half_width, model.level)
    then = predict(
        cheaper(model, ratio),
        work,
        arm=prediction.arm,
        schedule=prediction.schedule,
        evaluation_samples=prediction.evaluation_samples,
    )
    return Remedy(
        name=offer.name,
        remedy=offer.remedy,
        loses=offer.loses,
        settings=dict(offer.settings),
        by_length=offer.by_length,
        samples=offer.samples,
        bears_on_training=offer.bears_on_training,
        lines=remedy_lines(offer.settings, by_length=offer.by_length, samples=offer.samples),
        cost_ratio=ratio,
        share=then.share,
        time_saved=1 - then.wall_s.estimate / prediction.wall_s.estimate,
    )


def _interval(ratio: float, half_width: float, level: float) -> Interval:
    return Interval(
        estimate=ratio,
        low=ratio * math.exp(-half_width),
        high=ratio * math.exp(half_width),
        level=level,
    )
