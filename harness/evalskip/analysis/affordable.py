"""What of evaluation a job can afford, from what its arms were measured to cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.analysis.recommendation import (
    WITHIN,
    EvaluationShares,
    recommend,
    recommend_cheaper,
)
from evalskip.analysis.remedies.lines import remedy_lines
from evalskip.notes import note
from evalskip.spec.arms import evaluation_notes
from evalskip.summary import Recommendation, headline_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalskip.spec import Arm, Spec
    from evalskip.summary import ArmSummary, Comparison, Interval


def affordable(
    spec: Spec,
    arms: Mapping[str, ArmSummary],
    comparisons: Sequence[Comparison],
    evaluated_steps: Mapping[str, Sequence[int] | None],
    steps: int,
) -> list[Recommendation]:
    """One recommendation per kind of evaluation, from the arm of it that evaluates most often.

    There is none from a cost that is not known well enough to act on: it may be nothing, and it
    may be more than a run should spend.

    Args:
        spec: of the experiment.
        arms: their figures, by name.
        comparisons: of arms with off, by all estimators.
        evaluated_steps: after which each arm evaluates; None: not known.
        steps: of a run.
    """
    densest: dict[tuple[object, ...], Arm] = {}
    for arm in spec.all_arms():
        if not (steps and arms[arm.name].evaluations and headline_of(comparisons, arm.name)):
            continue
        if not arm.place.is_inside:
            continue
        kind = (arm.evaluation_samples, *arm.settings)
        before = densest.get(kind)
        if before is None or arms[before.name].evaluations < arms[arm.name].evaluations:
            densest[kind] = arm
    recommendations = []
    # one that loses nothing goes before the job as it is
    cheaper = [arm for arm in densest.values() if arm.remedies.texts and not arm.remedies.samples]
    for arm in cheaper or [arm for arm in densest.values() if not arm.remedies.texts]:
        comparison = headline_of(comparisons, arm.name)
        if comparison is None or not _is_known(comparison.throughput_gain):
            continue
        own = recommend(
            EvaluationShares.from_gain(
                comparison.throughput_gain,
                arms[arm.name].evaluations,
                steps,
                evaluation_notes(arms[arm.name].evaluation_samples, arm.settings),
            ),
            WITHIN,
            closing=spec.job.closing_evaluations,
            keeping=spec.job.keeping,
            own_steps=evaluated_steps.get(arm.name),
        )
        if arm.remedies.texts:
            remedies = arm.remedies
            own = recommend_cheaper(
                note("remedies_named", names=remedies.texts),
                remedy_lines(remedies.arguments, by_length=remedies.by_length),
                own,
            )
        recommendations.append(own)
    return recommendations


def _is_known(gain: Interval) -> bool:
    if gain.low is None or gain.high is None:
        return False
    return gain.low > 0 or gain.high <= WITHIN
