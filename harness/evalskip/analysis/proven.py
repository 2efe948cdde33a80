"""What remedies did, from arms that differ in them and in nothing else."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from evalskip.analysis.intervals import mean_interval
from evalskip.spec.arms import ArmRemedies
from evalskip.summary import LossesBeside, ProvenRemedies

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalskip.records import Attempt, RunRecord
    from evalskip.spec import Arm, Spec
    from evalskip.summary import ArmSummary, Interval


def proven_remedies(
    spec: Spec,
    arms: Mapping[str, ArmSummary],
    timed: Mapping[Attempt, Sequence[RunRecord]],
    usable: Sequence[Attempt],
) -> list[ProvenRemedies]:
    """Each arm with remedies, against the same arm without.

    Args:
        spec: of the experiment.
        arms: as they were summarised.
        timed: records of whole blocks.
        usable: those of them that match.
    """
    found = []
    for arm in spec.all_arms():
        without = _without(arm, spec)
        if without is None:
            continue
        pairs = [
            (runs[without.name], runs[arm.name])
            for attempt in usable
            for runs in [{run.arm: run for run in timed[attempt] if run.status == "ok"}]
            if without.name in runs and arm.name in runs
        ]
        as_is, remedied = arms[without.name].share, arms[arm.name].share
        if not pairs or as_is is None or remedied is None:
            continue
        told = [(a.evaluation_losses, b.evaluation_losses) for a, b in pairs]
        one = next(((a, b) for a, b in told if a is not None and b is not None), None)
        samples = batch_means = sample_means = None
        if one is not None:
            first, second = one
            samples = (first.samples, second.samples)
            batch_means = LossesBeside(as_is=first.batch_mean, remedied=second.batch_mean)
            if first.sample_mean is not None and second.sample_mean is not None:
                sample_means = LossesBeside(as_is=first.sample_mean, remedied=second.sample_mean)
        found.append(
            ProvenRemedies(
                arm=without.name,
                remedied=arm.name,
                blocks=len(pairs),
                share=as_is,
                remedied_share=remedied,
                cost_ratio=_cost_ratio(pairs, spec.design.level),
                batch_means=batch_means,
                sample_means=sample_means,
                samples=samples,
            )
        )
    return found


def _without(arm: Arm, spec: Spec) -> Arm | None:
    """The same arm as it is; None: it has no remedies, or there is no such arm."""
    if not arm.remedies.texts or not arm.place.is_inside:
        return None
    same = replace(arm, name="", remedies=ArmRemedies())
    return next((each for each in spec.all_arms() if replace(each, name="") == same), None)


def _cost_ratio(pairs: Sequence[tuple[RunRecord, RunRecord]], level: float) -> Interval:
    """Over blocks; in units of a run's own steps, since runs differ in pace."""
    ratios = [
        math.log(_in_steps(remedied)) - math.log(_in_steps(as_is)) for as_is, remedied in pairs
    ]
    interval = mean_interval(ratios, level)
    limits = {
        name: None if value is None else math.exp(value)
        for name, value in (("low", interval.low), ("high", interval.high))
    }
    return interval.model_copy(update={"estimate": math.exp(interval.estimate), **limits})


def _in_steps(run: RunRecord) -> float:
    return max(1, run.phases_ns["evaluate"]) / max(1, run.phases_ns["train"])
