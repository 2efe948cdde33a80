"""The claim that early stopping is not to be had without evaluation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.claims import seen
from evalskip.messages import message, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.summary import Claim, Observation

ID = "early_stopping"
SAYS = message("Features that need evaluation results, such as early stopping, are not available.")


def judged(observations: Sequence[Observation]) -> Claim:
    """Ask for it without evaluation."""
    runs = seen.of(observations, "early_stopping")
    return seen.judged(
        (ID, SAYS),
        runs,
        [bool(seen.error(run)) for run in runs],
        measured=say("; ").join(
            say(
                "{trainer}: asked for without evaluation: {ended}",
                trainer=run.trainer,
                ended=seen.error(run)[:160] or say("ran"),
            )
            for run in runs
        ),
    )
