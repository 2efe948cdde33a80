"""What a prediction proposes, as arms beside the job as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.errors import InputError
from evalskip.spec.arms import ArmEntry, ArmRemedies

if TYPE_CHECKING:
    from evalskip.spec import Spec
    from evalskip.summary import BenchSummary, PredictionSummary, Remedy


def with_remedies(spec: Spec, prediction: PredictionSummary) -> Spec:
    """The arms that remedies were found for, each as it is and with them.

    Args:
        spec: whose arms were predicted.
        prediction: of it.

    Raises:
        InputError: no remedy was found.
    """
    arms = {arm.name: arm for entry in spec.arms for arm in entry.arms()}
    entries = []
    for found in prediction.remedies:
        proposed = [each for each in (found.best, found.best_of_subset) if each is not None]
        if found.arm not in arms or not proposed:
            continue
        arm = arms[found.arm]
        samples = None if arm.evaluation_samples is None else [arm.evaluation_samples]
        entries += [
            ArmEntry(
                schedule=arm.schedule,
                evaluation_samples=samples,
                evaluation=dict(arm.evaluation),
                remedies=remedies,
            )
            for remedies in (ArmRemedies(), *map(_as_arm, proposed))
        ]
    if not entries:
        raise InputError("--remedies: expected a remedy that saves time, and predict found none")
    return spec.model_copy(update={"arms": entries})


def with_predicted_shares(bench: BenchSummary, prediction: PredictionSummary) -> BenchSummary:
    """What was measured of remedies, beside what was predicted of them."""
    shares = {
        "+".join([found.arm, *_as_arm(each).texts]): each.share
        for found in prediction.remedies
        for each in (found.best, found.best_of_subset)
        if each is not None
    }
    proven = [
        each.model_copy(update={"predicted_share": shares.get(each.remedied)})
        for each in bench.proven
    ]
    return bench.model_copy(update={"proven": proven})


def _as_arm(remedy: Remedy) -> ArmRemedies:
    return ArmRemedies(
        arguments=dict(remedy.settings), by_length=remedy.by_length, samples=remedy.samples
    )
