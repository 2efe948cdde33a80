"""The claim that ``do_eval`` is a setting like learning rate and batch size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.claims import observed
from evalskip.messages import message, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.summary import Claim, Observation

ID = "config"
SAYS = message("do_eval is a top-level setting, beside the learning rate and the batch size.")


def judged(observations: Sequence[Observation]) -> Claim:
    """Is it taken at the top level, from a file and a command line, and does it change a run?"""
    on = observed.of(observations, "switch", do_eval=True, eval_strategy=None)
    off = observed.of(observations, "switch", do_eval=None, eval_strategy=None)
    options = observed.of(observations, "command_line")
    found = list(zip(on, off, options, strict=False))
    return observed.judged(
        (ID, SAYS),
        [*on, *options],
        [
            not observed.error(a)
            and not observed.error(c)
            and observed.evaluations(a) == observed.evaluations(c) != observed.evaluations(b)
            for a, b, c in found
        ],
        measured=say("; ").join(
            say(
                "{trainer}: {file} and {option}, {count} where it is not set",
                trainer=a.trainer,
                file=_taken(a, say("from a YAML file")),
                option=_taken(c, say("as an option")),
                count=observed.evaluations(b),
            )
            for a, b, c in found
        ),
        condition=say("alone it brings an evaluation after training, and none during it"),
    )


def _taken(observation: Observation, how: str) -> str:
    if error := observed.error(observation):
        return say("refused {how} ({error})", how=how, error=error)
    return say(
        "{count} evaluation(s) with do_eval: true {how}",
        count=observed.evaluations(observation),
        how=how,
    )
