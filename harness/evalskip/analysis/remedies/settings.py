"""What else of ``TrainingArguments``, or of what a Trainer is given, makes evaluation cheaper."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evalskip.analysis.remedies.offer import Evaluated, Offer, Refusal
from evalskip.analysis.remedies.tries import OWN_SETTINGS, of_way, ratio_of, settings_s
from evalskip.notes import note

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalskip.analysis.remedies.tries import Rounds

_LEVEL, _LEAST = 0.95, 0.98
"""Of what evaluation takes, the most that a setting may leave, at its upper limit."""


@dataclass(frozen=True)
class _Setting:
    code: str
    group: str
    """What it is about; those of one group save the same time."""
    loses: str | None = None
    """The code of what it changes of the metrics; None: nothing."""
    bears_on_training: bool = False
    keeps_workers: bool = False


SETTINGS = {
    "workers": _Setting("loader_workers", "workers", bears_on_training=True, keeps_workers=True),
    "accumulation": _Setting("accumulation", "logits"),
    "batch_metrics": _Setting("batch_metrics", "logits"),
    "reduced_logits": _Setting("reduced_logits", "logits"),
    "loss_only": _Setting("loss_only", "logits", loses="metrics_lost"),
    "fewer_tokens": _Setting("fewer_tokens", "tokens", loses="answers_cut"),
}
"""By way, as :mod:`evalskip.probe.remedies` tries it."""


def offers(job: Evaluated) -> Iterator[Offer | Refusal]:
    """Those that the job could set otherwise, and that save time.

    Args:
        job: whose evaluation it is.
    """
    survey = job.survey
    batches = math.ceil(job.samples / survey.batch)
    for way, setting in SETTINGS.items():
        remedy = note(setting.code)
        if way in survey.refused:
            yield Refusal(remedy, note(survey.refused[way]))
        elif of_way(survey.setting_tries, way):

            def taken(rounds: Rounds, way: str = way, setting: _Setting = setting) -> Any:
                starts = not setting.keeps_workers
                own = settings_s(rounds, OWN_SETTINGS, batches, starts=True)
                return settings_s(rounds, way, batches, starts=starts), own

            ratio = ratio_of(survey.setting_tries, taken)
            if ratio.estimate * math.exp(ratio.half_width(_LEVEL)) > _LEAST:
                yield Refusal(remedy, note("saves_nothing", ratio=ratio.estimate))
                continue
            yield Offer(
                name=way,
                remedy=remedy,
                ratio=ratio,
                settings=survey.ways[way],
                group=setting.group,
                loses=note(setting.loses, metrics=survey.metrics) if setting.loses else None,
                bears_on_training=setting.bears_on_training,
            )
