"""The claim that ``do_eval: false`` is all it takes to skip evaluation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.article import observed
from evalskip.notes import note
from evalskip.report.words import N_

if TYPE_CHECKING:
    from evalskip.notes import Note
    from evalskip.summary import Claim, Observation, Summary

ID, PLACE = "switch", 20
WORDS = {
    "switch.says": N_("Setting do_eval: false is all it takes to skip evaluation."),
    "switch.evaluates": N_(
        "with do_eval: false, eval_strategy {settings}: {inside} in the loop and {after} after it "
        "({trainer})"
    ),
    "switch.never": N_("with do_eval: false, there was no evaluation"),
    "switch.not_set": N_("not set"),
    "switch.works": N_(
        'the switch that works is eval_strategy: "no" (in quotes), which is the default'
    ),
    "switch.once_more": N_("with it, do_eval: true evaluates once more, after training"),
    "switch.in_answer": N_("do_eval: false alone does not skip evaluation."),
}
IN_ANSWER = {"refuted": "switch.in_answer"}


def judge(summary: Summary) -> Claim | None:
    """Does a run with ``do_eval: false`` evaluate, whatever else is set?"""
    runs = observed.observations_of(summary, "switch", do_eval=False)
    by_trainer: dict[str, list[Observation]] = {}
    for run in runs:
        by_trainer.setdefault(run.trainer, []).append(run)
    evaluating = [
        note(
            "switch.evaluates",
            settings=run.settings.get("eval_strategy", note("switch.not_set")),
            inside=run.behaviour.get("evaluations_inside"),
            after=run.behaviour.get("evaluations_after"),
            trainer=run.trainer,
        )
        for run in runs
        if observed.evaluations(run)
    ]
    return observed.judged(
        ID,
        runs,
        [not any(map(observed.evaluations, own)) for own in by_trainer.values()],
        measured=evaluating or [note("switch.never")],
        condition=_what_works(summary),
    )


def _what_works(summary: Summary) -> list[Note]:
    """The settings under which no run evaluated, whatever the other setting was."""
    off = observed.observations_of(summary, "switch", eval_strategy="no")
    inside = [run for run in off if run.behaviour.get("evaluations_inside")]
    after = [run for run in off if run.behaviour.get("evaluations_after")]
    if not off or inside:
        return []
    notes = [note("switch.works")]
    if after and all(run.settings.get("do_eval") is True for run in after):
        notes.append(note("switch.once_more"))
    return notes
