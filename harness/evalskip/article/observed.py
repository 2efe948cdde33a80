"""What claims about behaviour share: which observations bear on them, and their verdicts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalskip.notes import Note, note
from evalskip.report.words import N_
from evalskip.summary import Claim

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.summary import Observation, Summary, Verdict

WORDS = {
    "observation": N_("{trainer}, {settings}: {behaviour}"),
    "nothing_set": N_("nothing set"),
    "run_ended_well": N_("ran"),
    "no_such_run": N_("not run"),
}
_LONG = ("losses", "log")


def observations_of(
    summary: Summary, what: str, *, trainer: str = "LLaMA-Factory", **settings: Any
) -> list[Observation]:
    """The observations of one kind that were asked for exactly this; of any, if for nothing.

    Args:
        summary: that holds them.
        what: the kind.
        trainer: whose; the name without its version.
        **settings: of ``do_eval`` and ``eval_strategy``, what was set; None: not set.
    """
    return [
        observation
        for observation in all_observations(summary)
        if observation.what == what
        and observation.trainer.rpartition(" ")[0] == trainer
        and all(observation.settings.get(key) == value for key, value in settings.items())
    ]


def all_observations(summary: Summary) -> list[Observation]:
    """Of every kind."""
    return summary.claims.observations if summary.claims else []


def evaluations(observation: Observation) -> int:
    """In the loop and after it."""
    behaviour = observation.behaviour
    return int(behaviour.get("evaluations_inside", 0)) + int(behaviour.get("evaluations_after", 0))


def error(observation: Observation) -> str:
    """What ended a run; empty if it ended well."""
    return str(observation.behaviour.get("error") or "")


def ending(observation: Observation | None, letters: int) -> Note | str:
    """How a run ended: the first letters of its error, or that it ended well."""
    if observation is None:
        return note("no_such_run")
    return error(observation)[:letters] or note("run_ended_well")


def judged(
    claim: str,
    observations: Sequence[Observation],
    holds: Sequence[bool],
    *,
    measured: Sequence[Note],
    condition: Sequence[Note] = (),
) -> Claim | None:
    """A claim, judged by whether it was seen to hold, once per trainer.

    Args:
        claim: its id.
        observations: those that it rests on; without any there is no verdict.
        holds: per trainer.
        measured: what was observed.
        condition: on which it holds, or what holds in its place.
    """
    if not observations or not holds:
        return None
    verdict: Verdict = "supported" if holds[0] else "refuted"
    return Claim(
        id=claim,
        statement=note(f"{claim}.says"),
        verdict="conditional" if len(set(holds)) > 1 else verdict,
        scope=[", ".join(sorted({observation.trainer for observation in observations}))],
        measured=list(measured),
        condition=list(condition),
        evidence=[evidence(observation) for observation in observations],
    )


def evidence(observation: Observation) -> Note:
    """What was run and what was observed."""
    settings = ", ".join(f"{key}: {value}" for key, value in observation.settings.items())
    behaviour = error(observation) or ", ".join(
        f"{key} {value}" for key, value in observation.behaviour.items() if key not in _LONG
    )
    return note(
        "observation",
        trainer=observation.trainer,
        settings=settings or note("nothing_set"),
        behaviour=behaviour,
    )
