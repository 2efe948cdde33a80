"""The claim that early stopping is not to be had without evaluation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.claims import seen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.summary import Claim, Observation

ID = "early_stopping"
SAYS = "Features that need evaluation results, such as early stopping, are not available."


def judged(observations: Sequence[Observation]) -> Claim:
    """Ask for it without evaluation."""
    runs = seen.of(observations, "early_stopping")
    return seen.judged(
        (ID, SAYS),
        runs,
        [bool(seen.error(run)) for run in runs],
        measured="; ".join(
            f"{run.trainer}: asked for without evaluation: {seen.error(run)[:160] or 'ran'}"
            for run in runs
        ),
    )
