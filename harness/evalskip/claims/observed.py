"""What claims about behaviour share: which observations bear on them, and how they are told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalskip.messages import say
from evalskip.summary import Claim

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.summary import Observation, Verdict


def of(
    observations: Sequence[Observation], what: str, *, trainer: str = "LLaMA-Factory", **asked: Any
) -> list[Observation]:
    """The observations of one kind that were asked for exactly this; of any, if for nothing.

    Args:
        observations: all that was seen.
        what: the kind.
        trainer: whose; the name without its version.
        **asked: of ``do_eval`` and ``eval_strategy``, what was set; None: not set.
    """
    return [
        observation
        for observation in observations
        if observation.what == what
        and observation.trainer.rpartition(" ")[0] == trainer
        and all(observation.asked.get(key) == value for key, value in asked.items())
    ]


def evaluations(observation: Observation) -> int:
    """In the loop and after it."""
    seen = observation.seen
    return int(seen.get("evaluations_inside", 0)) + int(seen.get("evaluations_after", 0))


def error(observation: Observation) -> str:
    """What ended a run; empty if it ended well."""
    return str(observation.seen.get("error") or "")


def judged(
    claim: tuple[str, str],
    observations: Sequence[Observation],
    holds: Sequence[bool],
    *,
    measured: str,
    condition: str = "",
) -> Claim:
    """A claim, judged by whether it was seen to hold, once per trainer.

    Args:
        claim: its id and what it says.
        observations: those that it rests on; none makes it ``not_run``.
        holds: per trainer.
        measured: what was seen, in words.
        condition: on which it holds, or what holds in its place.
    """
    verdict: Verdict = "not_run"
    if observations and holds:
        verdict = "conditional" if len(set(holds)) > 1 else "supported" if holds[0] else "refuted"
    trainers = sorted({observation.trainer for observation in observations})
    return Claim(
        id=claim[0],
        says=say(claim[1]),
        verdict=verdict,
        scope=", ".join(trainers) or say("nothing was run"),
        measured=measured if observations else say("nothing"),
        condition=condition if observations else "",
        evidence=[evidence(observation) for observation in observations],
    )


def evidence(observation: Observation) -> str:
    """What was run and what was seen, in one line."""
    asked = ", ".join(f"{key}: {value}" for key, value in observation.asked.items())
    seen = error(observation) or ", ".join(
        f"{key} {value}" for key, value in observation.seen.items() if key not in _LONG
    )
    return f"{observation.trainer}, {asked or say('nothing set')}: {seen}"


_LONG = ("losses", "log")
