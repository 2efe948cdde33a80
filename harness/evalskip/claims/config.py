"""The claim that ``do_eval`` is a setting like learning rate and batch size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.claims import seen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.summary import Claim, Observation

ID = "config"
SAYS = "do_eval is a top-level setting, beside the learning rate and the batch size."


def judged(observations: Sequence[Observation]) -> Claim:
    """Is it taken at the top level, and does it change what a run does?"""
    on = seen.of(observations, "switch", do_eval=True, eval_strategy=None)
    off = seen.of(observations, "switch", do_eval=None, eval_strategy=None)
    pairs = list(zip(on, off, strict=False))
    return seen.judged(
        (ID, SAYS),
        on,
        [not seen.error(a) and seen.evaluations(a) != seen.evaluations(b) for a, b in pairs],
        measured="; ".join(
            f"{a.trainer}: taken, {seen.evaluations(a)} evaluation(s) with do_eval: true, "
            f"{seen.evaluations(b)} without"
            for a, b in pairs
        ),
        condition="alone it brings an evaluation after training, and none during it",
    )
