"""The claim that evaluation is on unless it is switched off."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.claims import seen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.summary import Claim, Observation

ID = "default_on"
SAYS = "do_eval controls evaluation, and is true unless it is set."


def judged(observations: Sequence[Observation]) -> Claim:
    """Does a run in which nothing is set evaluate?"""
    unset = seen.of(observations, "switch", do_eval=None, eval_strategy=None)
    counts = [seen.evaluations(run) for run in unset]
    return seen.judged(
        (ID, SAYS),
        unset,
        [count > 0 for count in counts],
        measured=f"with nothing set, {_counted(counts)}",
        condition="evaluation has to be asked for" if not any(counts) else "",
    )


def _counted(counts: Sequence[int]) -> str:
    return "there was no evaluation" if not any(counts) else f"evaluations: {list(counts)}"
