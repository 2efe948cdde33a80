"""The claim that the log stays coherent without evaluation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.article import observed
from evalskip.notes import note
from evalskip.report.words import N_

if TYPE_CHECKING:
    from evalskip.summary import Claim, Observation, Summary

ID, PLACE = "logging", 50
WORDS = {
    "logging.says": N_("The log adapts to skipped evaluation and stays coherent."),
    "logging.same": N_(
        "{trainer}: {count} lines of training without evaluation, the same steps and losses as "
        "with it"
    ),
    "logging.other": N_(
        "{trainer}: {count} lines of training without evaluation, other than with it"
    ),
}


def judge(summary: Summary) -> Claim | None:
    """Are the lines of training the same, with evaluation and without, and is none missing?"""
    on = observed.observations_of(summary, "files_on")
    off = {
        observation.trainer: observation
        for observation in observed.observations_of(summary, "files_off")
    }
    pairs = [
        (observation, off[observation.trainer]) for observation in on if observation.trainer in off
    ]
    same = [a.behaviour["log"] == b.behaviour["log"] for a, b in pairs]
    return observed.judged(
        ID,
        [part for pair in pairs for part in pair],
        [
            bool(a.behaviour["log"]) and _is_coherent(b) and alike
            for (a, b), alike in zip(pairs, same, strict=True)
        ],
        measured=[
            note(
                "logging.same" if alike else "logging.other",
                trainer=b.trainer,
                count=len(b.behaviour["log"]),
            )
            for (_, b), alike in zip(pairs, same, strict=True)
        ],
    )


def _is_coherent(observation: Observation) -> bool:
    """Whether every step has its line."""
    steps = [int(step) for step, _ in observation.behaviour["log"]]
    return steps == list(range(1, len(steps) + 1))
