"""The claim that the log stays coherent without evaluation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.claims import observed
from evalskip.messages import message, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.summary import Claim, Observation

ID = "logging"
SAYS = message("The log adapts to skipped evaluation and stays coherent.")


def judged(observations: Sequence[Observation]) -> Claim:
    """Are the lines of training the same, with evaluation and without, and is none missing?"""
    on = observed.of(observations, "files_on")
    off = {found.trainer: found for found in observed.of(observations, "files_off")}
    pairs = [(found, off[found.trainer]) for found in on if found.trainer in off]
    return observed.judged(
        (ID, SAYS),
        [part for pair in pairs for part in pair],
        [bool(a.seen["log"]) and _coherent(b) and a.seen["log"] == b.seen["log"] for a, b in pairs],
        measured=say("; ").join(
            say(
                _SAME if a.seen["log"] == b.seen["log"] else _OTHER,
                trainer=b.trainer,
                count=len(b.seen["log"]),
            )
            for a, b in pairs
        ),
    )


_SAME = message(
    "{trainer}: {count} lines of training without evaluation, the same steps and losses as with it"
)
_OTHER = message("{trainer}: {count} lines of training without evaluation, other than with it")


def _coherent(found: Observation) -> bool:
    """Every step has its line."""
    steps = [int(step) for step, _ in found.seen["log"]]
    return steps == list(range(1, len(steps) + 1))
