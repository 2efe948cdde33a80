"""The claim that all nodes must have the same ``do_eval``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.claims import observed
from evalskip.messages import listed, message, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.summary import Claim, Observation

ID = "distributed"
SAYS = message("In distributed training, all nodes must have the same do_eval.")


def judged(observations: Sequence[Observation]) -> Claim:
    """Does a training whose ranks differ in ``do_eval`` end well, and does the check name them?"""
    runs = [observation for observation in observations if observation.what == "ranks"]
    unchecked = [run for run in runs if "rank 1" in run.asked and not run.asked["check"]]
    on_do_eval = [run for run in unchecked if "do_eval" in run.asked["rank 1"]]
    elsewhere = [run for run in unchecked if "do_eval" not in run.asked["rank 1"]]
    by_trainer: dict[str, list[bool]] = {}
    for run in on_do_eval:
        by_trainer.setdefault(run.trainer, []).append(run.seen["status"] != "ok")
    # each setting that both ranks were given is one occasion on which it may matter
    holds = [bad for each in by_trainer.values() for bad in each]
    checked = [run for run in runs if "rank 1" in run.asked and run.asked["check"]]
    ended = [run for run in checked if "do not evaluate alike" in observed.error(run)]
    harmless = [run for run in checked if _ends_well(run, unchecked)]
    in_vain = [run for run in ended if run in harmless]
    slowest = max((run.seen["seconds"] for run in ended), default=0)
    return observed.judged(
        (ID, SAYS),
        runs,
        holds,
        measured=say(
            "without a check, {outcomes}. RanksAgree ended {part} of the {whole} that hang or "
            "fail, before the first step, naming the ranks and the setting, {slowest:g} s at most "
            "after they were started, and {in_vain} of the {harmless} that end well without it",
            outcomes=_outcomes(unchecked),
            part=len(ended) - len(in_vain),
            whole=len(checked) - len(harmless),
            slowest=slowest,
            in_vain=len(in_vain),
            harmless=len(harmless),
        ),
        condition=_condition(elsewhere),
    )


def _ends_well(run: Observation, unchecked: Sequence[Observation]) -> bool:
    """Whether the same training does without the check."""
    same = (run.trainer, {**run.asked, "check": False})
    return any(
        each.seen["status"] == "ok" for each in unchecked if (each.trainer, each.asked) == same
    )


def _condition(elsewhere: Sequence[Observation]) -> str:
    bad = dict.fromkeys(
        field for run in elsewhere if run.seen["status"] != "ok" for field in run.asked["rank 1"]
    )
    if not bad:
        return ""
    return say(
        "what must be the same is what decides when a rank evaluates: {settings}; do_eval only "
        "where the program itself asks for it, as LLaMA-Factory does after training",
        settings=listed(bad),
    )


def _outcomes(runs: Sequence[Observation]) -> str:
    """What became of them, those of one outcome together."""
    found: dict[str, list[str]] = {}
    for run in runs:
        how = say(_ENDED.get(run.seen["status"], _BADLY))
        found.setdefault(how, []).append(_differing(run))
    return say("; ").join(
        say("{how}: {each}", how=how, each=listed(each)) for how, each in found.items()
    )


_ENDED = {"ok": message("ended well"), "timed_out": message("hung until ended by a time limit")}
_BADLY = message("ended with an error that names neither")


def _differing(run: Observation) -> str:
    """Whose ranks differed, and in what."""
    shared = [
        f"{key} {value}"
        for key, value in run.asked.items()
        if key not in ("rank 1", "check", *run.asked["rank 1"])
    ]
    differing = [
        say("{setting} {one} and {other}", setting=key, one=run.asked.get(key), other=value)
        for key, value in run.asked["rank 1"].items()
    ]
    return f"{run.trainer} ({', '.join([*differing, *shared])}; {run.seen['seconds']:g} s)"
