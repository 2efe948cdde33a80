"""A fixed random subset of the evaluation set, and how far it is off."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from evalskip.analysis.remedies.offer import Evaluated, Offer, Refusal
from evalskip.analysis.remedies.tries import CostRatio
from evalskip.notes import note
from evalskip.summary import SubsetError, SubsetErrors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalskip.probe.surveyed import RemedySurvey

_PARTS = (0.1, 0.2, 0.5)
_FEWEST_SEEN, _FEWEST = 8, 16
_SPREADING = 1.25
"""Where losses vary so many times as much after a few steps, a model has only begun to tell samples
apart, and how far a subset will be off is not known."""
_MOST_OF_ALL = 2 / 3
"""Of all samples; more is hardly a subset."""
DIFFERENCE = 0.02
"""In nats: of the difference of two checkpoints, how far a subset that is offered may be off."""


def offers(job: Evaluated) -> Iterator[Offer | Refusal]:
    """The smallest subset of which differences of checkpoints are as sure as they must be.

    Args:
        job: whose evaluation it is.
    """
    survey, samples = job.survey, job.samples
    if "subset" in survey.refused:
        yield Refusal(note("subset"), note(survey.refused["subset"]))
        return
    errors = errors_of(survey, samples)
    if errors is None:
        seen = len(survey.losses.after) if survey.losses else 0
        why = "losses_spread" if seen >= _FEWEST_SEEN else "few_samples"
        yield Refusal(note("subset"), note(why))
        return
    if samples < 2 * _FEWEST:
        yield Refusal(note("subset"), note("few_samples"))
        return
    deviation = errors.deviation_of_difference
    count = max(_FEWEST, samples_within(deviation, DIFFERENCE, samples, errors.level))
    if count > _MOST_OF_ALL * samples:
        yield Refusal(
            note("subset"), note("subset_not_smaller", samples=count, difference=DIFFERENCE)
        )
        return
    yield Offer(
        name=f"subset:{count}",
        remedy=note("subset_of", samples=count, whole=samples),
        # what starts and ends an evaluation stays, and is little
        ratio=CostRatio(count / samples, 0.0, math.inf),
        samples=count,
        loses=note(
            "subset_off",
            loss=half_width(errors.deviation, count, samples, errors.level),
            difference=half_width(deviation, count, samples, errors.level),
        ),
    )


def errors_of(survey: RemedySurvey, samples: int, level: float = 0.95) -> SubsetErrors | None:
    """How far subsets are off; None: too few losses were told."""
    losses = survey.losses
    if losses is None or len(losses.after) < _FEWEST_SEEN:
        return None
    before, after = np.array(losses.before), np.array(losses.after)
    if not (np.isfinite(before).all() and np.isfinite(after).all()):
        return None
    if after.std() > _SPREADING * before.std():
        return None
    deviation, of_difference = float(after.std(ddof=1)), float((after - before).std(ddof=1))
    counts = sorted({max(_FEWEST, round(part * samples)) for part in _PARTS})
    return SubsetErrors(
        seen=len(after),
        whole=samples,
        steps=losses.steps,
        level=level,
        deviation=deviation,
        deviation_of_difference=of_difference,
        subsets=[
            SubsetError(
                samples=count,
                loss_half_width=half_width(deviation, count, samples, level),
                difference_half_width=half_width(of_difference, count, samples, level),
            )
            for count in counts
            if count < samples
        ],
    )


def half_width(deviation: float, count: int, whole: int, level: float) -> float:
    """Of a mean over so many of a set, drawn without putting back, around that of all of it."""
    return (
        float(special.ndtri((1 + level) / 2)) * deviation * math.sqrt((1 - count / whole) / count)
    )


def samples_within(deviation: float, limit: float, whole: int, level: float) -> int:
    """The fewest of a set whose mean lies within a limit of that of all of it (Cochran 1977)."""
    unlimited = (float(special.ndtri((1 + level) / 2)) * deviation / limit) ** 2
    return math.ceil(unlimited / (1 + unlimited / whole))
