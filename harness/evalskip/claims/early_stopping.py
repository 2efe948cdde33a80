"""The claim that early stopping is not to be had without evaluation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.claims import observed
from evalskip.messages import message, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.summary import Claim, Observation

ID = "early_stopping"
SAYS = message("Features that need evaluation results, such as early stopping, are not available.")


def judged(observations: Sequence[Observation]) -> Claim:
    """Ask for it without evaluation; of those that have it, since they stop early with it."""
    runs = observed.of(observations, "early_stopping")
    have = {
        run.trainer
        for run in observed.of(observations, "early_stopping_on")
        if not observed.error(run)
    }
    told = [
        say(
            "{trainer}: asked for without evaluation: {ended}",
            trainer=run.trainer,
            ended=observed.error(run)[:160] or say("ran"),
        )
        if run.trainer in have
        else say("{trainer} has no early stopping, with evaluation or without", trainer=run.trainer)
        for run in runs
    ]
    able = [run for run in runs if run.trainer in have]
    return observed.judged(
        (ID, SAYS),
        able,
        [bool(observed.error(run)) for run in able],
        measured=say("; ").join(told),
    )
