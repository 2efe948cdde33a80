"""The claim that the log stays coherent without evaluation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.claims import seen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.summary import Claim, Observation

ID = "logging"
SAYS = "The log adapts to skipped evaluation and stays coherent."


def judged(observations: Sequence[Observation]) -> Claim:
    """Are the lines of training the same, with evaluation and without, and is none missing?"""
    on = seen.of(observations, "files_on")
    off = {found.trainer: found for found in seen.of(observations, "files_off")}
    pairs = [(found, off[found.trainer]) for found in on if found.trainer in off]
    return seen.judged(
        (ID, SAYS),
        [part for pair in pairs for part in pair],
        [bool(a.seen["log"]) and _coherent(b) and a.seen["log"] == b.seen["log"] for a, b in pairs],
        measured="; ".join(
            f"{b.trainer}: {len(b.seen['log'])} lines of training without evaluation, "
            f"{'the same steps and losses as' if a.seen['log'] == b.seen['log'] else 'other than'}"
            " with it"
            for a, b in pairs
        ),
    )


def _coherent(found: Observation) -> bool:
    """Every step has its line."""
    steps = [int(step) for step, _ in found.seen["log"]]
    return steps == list(range(1, len(steps) + 1))
