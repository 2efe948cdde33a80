"""Estimates from steps: matched, with its after-effect, and the whole span that checks it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalskip.analysis.agreement import agreements
from evalskip.analysis.comparisons import comparison_of
from evalskip.analysis.intervals import jackknife_t, replicate_weights
from evalskip.analysis.matched import Matching, matched_gains
from evalskip.analysis.places import places_of
from evalskip.analysis.whole_span import drift_of, whole_span_gains

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalskip.analysis.matched import MatchedGain
    from evalskip.analysis.pieces import Floats, Pieces
    from evalskip.summary import Comparison, Interval

LEAST_HALF_WIDTH = 0.025
"""No interval of the matched estimate is narrower, as a share of the gain. A machine that is faster
in its first second, or a run that slows as it ages, moves it by up to so much, and no block shows
it (`make simulate`: boost, ageing)."""
WIDENING = 1.05
"""Noise that is more likely in one part of a run than in another moves evaluations and steps a
little differently; with this factor the interval covers as much as it says (`make simulate`)."""


@dataclass(frozen=True)
class Replicated:
    """What arms gain at the blocks that they share, and on each of the jackknife's sets."""

    blocks: int
    matched: dict[str, MatchedGain]
    """By arm; none where too few steps lie outside the windows."""
    whole_span: dict[str, Floats]
    """By arm, log T(on) / T(off) of shape (replicates,)."""
    drift: dict[str, float]
    """By arm; see :func:`evalskip.analysis.whole_span.drift_of`."""
    offs: int
    """Arms that do not evaluate."""


def replicated(arms: Mapping[str, Pieces], offs: Sequence[Pieces], window: int) -> list[Replicated]:
    """The gains of arms that evaluate; one entry per set of blocks that arms share with off.

    Args:
        arms: by name, their pieces.
        offs: those of the arms that do not evaluate.
        window: steps after an evaluation that may bear its after-effect.
    """
    entries = []
    for blocks, names in _by_blocks(arms, offs).items():
        weights = replicate_weights(len(blocks))
        beside = [off.at(blocks) for off in offs]
        matchings = {
            name: Matching(own := arms[name].at(blocks), beside, places_of(own, window))
            for name in names
        }
        enough = {name: own for name, own in matchings.items() if own.places.has_outside}
        gains = matched_gains(list(enough.values()), weights)
        spans = whole_span_gains(list(matchings.values()), weights)
        entries.append(
            Replicated(
                blocks=len(blocks),
                matched=dict(zip(enough, gains, strict=True)),
                whole_span=dict(zip(matchings, spans, strict=True)),
                drift={name: drift_of(own) for name, own in matchings.items()},
                offs=len(offs),
            )
        )
    return entries


def compared(gains: Replicated, *, level: float, level_of_check: float) -> list[Comparison]:
    """The matched estimate, its after-effect, the whole-span figure, and whether they agree.

    Args:
        gains: of the arms.
        level: of the intervals, which holds over all looks and questions.
        level_of_check: of the difference between matched and whole span; so too.
    """
    comparisons = []
    checks = agreements(
        gains.matched, gains.whole_span, gains.drift, offs=gains.offs, level=level_of_check
    )
    for name, span in gains.whole_span.items():
        if name in gains.matched:
            own = gains.matched[name]
            comparison = comparison_of(
                name, "matched", matched_interval(own, level), blocks=gains.blocks
            )
            comparisons.append(comparison.model_copy(update={"agreement": checks.get(name)}))
            after = jackknife_t(own.after_effect, level)
            comparisons.append(comparison_of(name, "after_effect", after, blocks=gains.blocks))
        over_span = jackknife_t(span, level)
        comparisons.append(comparison_of(name, "whole_span", over_span, blocks=gains.blocks))
    return comparisons


def matched_interval(gain: MatchedGain, level: float) -> Interval:
    """The log gain by the matched estimate, with the interval that verdicts rest on.

    Args:
        gain: on all blocks, and on each of the jackknife's sets.
        level: of the interval.
    """
    estimate = float(gain.together[0])
    # of the gain, on the scale of its logarithm
    floor = LEAST_HALF_WIDTH * abs(-math.expm1(-estimate))
    return jackknife_t(
        gain.together,
        level,
        variance_within=gain.variance_within,
        widening=WIDENING,
        floor=floor,
    )


def _by_blocks(
    arms: Mapping[str, Pieces], offs: Sequence[Pieces]
) -> dict[tuple[int, ...], list[str]]:
    """Arms by the blocks that they share with those that do not evaluate."""
    names: dict[tuple[int, ...], list[str]] = {}
    for name, arm in arms.items():
        blocks = set(arm.blocks).intersection(*(off.blocks for off in offs))
        if offs and blocks:
            names.setdefault(tuple(sorted(blocks)), []).append(name)
    return names
