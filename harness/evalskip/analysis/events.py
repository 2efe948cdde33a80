"""How evaluations differ from each other: from one moment of a job to another, and at one moment.

Of a short job a pilot has room for few evaluations between its steps, so some follow others at
once. These show how an evaluation differs by itself, slow ones among them; not what others do to
the machine, which is the same at one moment.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from evalskip.analysis.levels import shrunk_variance

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalskip.analysis.parts import PilotPart
    from evalskip.analysis.pieces import Floats
    from evalskip.cut import EvaluationPieces
    from evalskip.summary import PieceCosts

_PRIOR_SD_MOMENT, _PRIOR_DF_MOMENT = 0.14, 3.0
"""What is believed beforehand: the standard deviation of the log of a short evaluation from one
moment to another, beyond what the number of its batches makes of it; and how much that weighs, in
degrees of freedom. More than was found on a quiet machine of two cores: a short pilot sees few
moments."""
_DISTURBED_S = 5.0
"""Seconds for which what disturbs an evaluation is believed to last: a longer one meets several
such spells, which differ less in their mean."""


@dataclass(frozen=True)
class Events:
    """The evaluations of a pilot, but for how a process's first differs.

    Attributes:
        moments: steps after which there was one, of all processes.
        count: of them all.
        batches: of one, in the mean.
        seconds: of one, in the mean.
        batch_variance: of the log of one batch.
        paces: of the usual ones after each step, what they took over what they cost.
    """

    moments: int
    count: int
    batches: float
    seconds: float
    batch_variance: float
    paces: list[Floats]

    def sampled(self, tail: float) -> float:
        """Half-width of the log of their mean, for the quantile of a tail."""
        return self._half_width(tail, self.moments, self.count, self.batches)

    def single(self, tail: float, batches: int) -> float:
        """Half-width of the log of one of so many batches in a run to come."""
        return self._half_width(tail, 1, 1, batches)

    def _half_width(self, tail: float, moments: int, count: int, batches: float) -> float:
        of_moment, moment_degrees = self._between_moments()
        at_once, degrees = self._at_once(batches)
        # what few show of each other is known no worse than what is believed
        degrees_at_once = max(degrees, _PRIOR_DF_MOMENT) if degrees else moment_degrees
        return math.hypot(
            float(special.stdtrit(moment_degrees, tail)) * math.sqrt(of_moment / moments),
            float(special.stdtrit(degrees_at_once, tail)) * math.sqrt(at_once / count),
            float(special.ndtri(tail)) * math.sqrt(self._unseen() / count),
        )

    def _between_moments(self) -> tuple[float, float]:
        at_once, _ = self._at_once(self.batches)
        means = {
            number: (float(each.mean()), at_once / len(each))
            for number, each in enumerate(self.paces)
        }
        return shrunk_variance(means, _PRIOR_SD_MOMENT * self._of_length, _PRIOR_DF_MOMENT)

    @property
    def _of_length(self) -> float:
        """By how much less an evaluation of its length is believed to differ than a short one."""
        return 1 / math.sqrt(1 + self.seconds / _DISTURBED_S)

    def _at_once(self, batches: float) -> tuple[float, int]:
        """The variance of those at one moment, with its degrees of freedom.

        At least what batches make of it; with 0 degrees where none followed another.
        """
        degrees = sum(len(each) - 1 for each in self.paces)
        apart = sum(float(((each / each.mean() - 1) ** 2).sum()) for each in self.paces)
        return max(self.batch_variance / batches, apart / max(1, degrees)), degrees

    def _unseen(self) -> float:
        """The variance of one, for slow ones of which so many may have shown none.

        Of twenty jobs one is believed to have short evaluations of which one in four takes three
        times as long.
        """
        chance, slow, factor = 0.05, 0.25, 1 + 2 * self._of_length
        hidden_chance = chance * (1 - slow) ** sum(map(len, self.paces))
        chance_still = hidden_chance / (hidden_chance + 1 - chance)
        return chance_still * (slow * (factor - 1) ** 2)


def events_of(
    own: Sequence[PilotPart], costs: PieceCosts, batch_variance: float, level: Mapping[int, float]
) -> Events:
    """The evaluations of a pilot.

    Args:
        own: parts of the processes that evaluated so.
        costs: of a piece.
        batch_variance: of the log of one evaluation batch.
        level: of each process's pace.
    """
    moments = [(level[part.process], part.evaluations) for part in own if part.evaluations]
    paces = [
        np.array([_pace(e, costs) / pace for e in evaluations if not e.is_first])
        for pace, evaluations in moments
    ]
    every = [e for _, evaluations in moments for e in evaluations]
    return Events(
        moments=len(moments),
        count=len(every),
        batches=sum(len(e.batches) for e in every) / len(every),
        seconds=sum(e.total for e in every) / len(every),
        batch_variance=batch_variance,
        paces=[each for each in paces if each.any()],
    )


def _pace(event: EvaluationPieces, costs: PieceCosts) -> float:
    """What it took over what it costs; 0: it costs nothing."""
    batches = sum(costs.batch_s + costs.evaluation_token_s * tokens for tokens in event.tokens)
    expected_s = batches + costs.loader_s + costs.gathered_sample_s * event.samples
    return event.total / expected_s if expected_s > 0 else 0.0
