"""The claim that all nodes must have the same ``do_eval``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.article import observed
from evalskip.notes import note
from evalskip.report.words import N_

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.notes import Note
    from evalskip.summary import Claim, Observation, Summary

ID, PLACE = "distributed", 80
WORDS = {
    "distributed.says": N_("In distributed training, all nodes must have the same do_eval."),
    "distributed.ended": N_("without a check, ended well: {runs}"),
    "distributed.hung": N_("without a check, hung until ended by a time limit: {runs}"),
    "distributed.failed": N_("without a check, ended with an error that names neither: {runs}"),
    "distributed.run": N_("{trainer} ({settings}; {seconds:g} s)"),
    "distributed.setting": N_("{setting} {one} and {other}"),
    "distributed.checked": N_(
        "RanksAgree ended {part} of the {whole} that hang or fail, before the first step, naming "
        "the ranks and the setting, {slowest:g} s at most after they were started, and {in_vain} "
        "of the {harmless} that end well without it"
    ),
    "distributed.same": N_(
        "what must be the same is what decides when a rank evaluates: {settings}; do_eval only "
        "where the program itself asks for it, as LLaMA-Factory does after training"
    ),
}
_ENDED = {"ok": "distributed.ended", "timed_out": "distributed.hung"}


def judge(summary: Summary) -> Claim | None:
    """Does a training whose ranks differ in ``do_eval`` end well, and does the check name them?"""
    runs = [each for each in observed.all_observations(summary) if each.what == "ranks"]
    unchecked = [run for run in runs if "rank 1" in run.settings and not run.settings["check"]]
    on_do_eval = [run for run in unchecked if "do_eval" in run.settings["rank 1"]]
    elsewhere = [run for run in unchecked if "do_eval" not in run.settings["rank 1"]]
    by_trainer: dict[str, list[bool]] = {}
    for run in on_do_eval:
        by_trainer.setdefault(run.trainer, []).append(run.behaviour["status"] != "ok")
    # each setting that both ranks were given is one occasion on which it may matter
    holds = [bad for each in by_trainer.values() for bad in each]
    checked = [run for run in runs if "rank 1" in run.settings and run.settings["check"]]
    ended = [run for run in checked if "do not evaluate alike" in observed.error(run)]
    harmless = [run for run in checked if _ends_well(run, unchecked)]
    in_vain = [run for run in ended if run in harmless]
    check = note(
        "distributed.checked",
        part=len(ended) - len(in_vain),
        whole=len(checked) - len(harmless),
        slowest=max((run.behaviour["seconds"] for run in ended), default=0),
        in_vain=len(in_vain),
        harmless=len(harmless),
    )
    return observed.judged(
        ID, runs, holds, measured=[*_outcomes(unchecked), check], condition=_condition(elsewhere)
    )


def _ends_well(run: Observation, unchecked: Sequence[Observation]) -> bool:
    """Whether the same training does without the check."""
    same = (run.trainer, {**run.settings, "check": False})
    return any(
        each.behaviour["status"] == "ok"
        for each in unchecked
        if (each.trainer, each.settings) == same
    )


def _condition(elsewhere: Sequence[Observation]) -> list[Note]:
    bad = dict.fromkeys(
        field
        for run in elsewhere
        if run.behaviour["status"] != "ok"
        for field in run.settings["rank 1"]
    )
    return [note("distributed.same", settings=list(bad))] if bad else []


def _outcomes(runs: Sequence[Observation]) -> list[Note]:
    """What became of them, those of one outcome together."""
    notes_by_code: dict[str, list[Note]] = {}
    for run in runs:
        code = _ENDED.get(run.behaviour["status"], "distributed.failed")
        notes_by_code.setdefault(code, []).append(_differing(run))
    return [note(code, runs=each) for code, each in notes_by_code.items()]


def _differing(run: Observation) -> Note:
    """Whose ranks differed, and in what."""
    shared = [
        f"{key} {value}"
        for key, value in run.settings.items()
        if key not in ("rank 1", "check", *run.settings["rank 1"])
    ]
    differing = [
        note("distributed.setting", setting=key, one=run.settings.get(key), other=value)
        for key, value in run.settings["rank 1"].items()
    ]
    return note(
        "distributed.run",
        trainer=run.trainer,
        settings=[*differing, *shared],
        seconds=run.behaviour["seconds"],
    )
