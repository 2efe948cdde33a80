"""The claim that ``do_eval: false`` is all it takes to skip evaluation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.claims import observed
from evalskip.messages import message, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.summary import Claim, Observation

ID = "switch"
SAYS = message("Setting do_eval: false is all it takes to skip evaluation.")


def judged(observations: Sequence[Observation]) -> Claim:
    """Does a run with ``do_eval: false`` evaluate, whatever else is set?"""
    runs = observed.of(observations, "switch", do_eval=False)
    by_trainer: dict[str, list[Observation]] = {}
    for run in runs:
        by_trainer.setdefault(run.trainer, []).append(run)
    told = [
        say(
            "eval_strategy {asked}: {inside} in the loop and {after} after it ({trainer})",
            asked=run.asked.get("eval_strategy", say("not set")),
            inside=run.seen.get("evaluations_inside"),
            after=run.seen.get("evaluations_after"),
            trainer=run.trainer,
        )
        for run in runs
        if observed.evaluations(run)
    ]
    return observed.judged(
        (ID, SAYS),
        runs,
        [not any(map(observed.evaluations, own)) for own in by_trainer.values()],
        measured=say(
            "with do_eval: false, {told}",
            told=say("; ").join(told) or say("there was no evaluation"),
        ),
        condition=_what_works(observations),
    )


def _what_works(observations: Sequence[Observation]) -> str:
    """The settings under which no run evaluated, whatever the other setting was."""
    off = observed.of(observations, "switch", eval_strategy="no")
    inside = [run for run in off if run.seen.get("evaluations_inside")]
    after = [run for run in off if run.seen.get("evaluations_after")]
    if not off or inside:
        return ""
    texts = [say('the switch that works is eval_strategy: "no" (in quotes), which is the default')]
    if after and all(run.asked.get("do_eval") is True for run in after):
        texts.append(say("with it, do_eval: true evaluates once more, after training"))
    return say("; ").join(texts)
