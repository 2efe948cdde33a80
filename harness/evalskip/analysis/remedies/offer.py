"""A remedy as it is offered, before its share is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from evalskip.notes import Note, note

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalskip.analysis.remedies.tries import CostRatio
    from evalskip.probe.surveyed import RemedySurvey


SAVES = 0.98
"""Of what an evaluation takes, the most that is left by what is worth doing."""


@dataclass(frozen=True)
class Evaluated:
    """A kind of evaluation whose remedies are looked for."""

    survey: RemedySurvey
    samples: int
    """Of the whole evaluation."""
    evaluations: int
    """Of a run."""


@dataclass(frozen=True)
class Offer:
    """What is set or done otherwise, and what evaluation then takes of what it takes as it is."""

    name: str
    remedy: Note
    ratio: CostRatio
    settings: Mapping[str, Any] = field(default_factory=dict)
    by_length: bool = False
    samples: int | None = None
    loses: Note | None = None
    """Of the metrics; None: nothing."""
    bears_on_training: bool = False
    is_listed: bool = True
    """Whether it is told of by itself; else it is there for the best combination."""
    group: str = ""
    """What it is about; the best combination has one of each group."""

    def with_other(self, other: Offer) -> Offer:
        """Both at once."""
        return Offer(
            name=f"{self.name}+{other.name}",
            remedy=note("both_remedies", one=self.remedy, other=other.remedy),
            ratio=self.ratio.times(other.ratio),
            settings={**self.settings, **other.settings},
            by_length=self.by_length or other.by_length,
            samples=self.samples or other.samples,
            loses=self.loses or other.loses,
            bears_on_training=self.bears_on_training or other.bears_on_training,
            group=self.group,
        )


@dataclass(frozen=True)
class Refusal:
    """A remedy that is not offered, and why."""

    remedy: Note
    why: Note
