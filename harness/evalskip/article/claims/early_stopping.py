"""The claim that early stopping is not to be had without evaluation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.article import observed
from evalskip.notes import note
from evalskip.report.words import N_

if TYPE_CHECKING:
    from evalskip.summary import Claim, Summary

ID, PLACE = "early_stopping", 70
WORDS = {
    "early_stopping.says": N_(
        "Features that need evaluation results, such as early stopping, are not available."
    ),
    "early_stopping.asked": N_("{trainer}: asked for without evaluation: {ended}"),
    "early_stopping.none": N_("{trainer} has no early stopping, with evaluation or without"),
}


def judge(summary: Summary) -> Claim | None:
    """Ask for it without evaluation; of those that have it, since they stop early with it."""
    runs = observed.observations_of(summary, "early_stopping")
    have = {
        run.trainer
        for run in observed.observations_of(summary, "early_stopping_on")
        if not observed.error(run)
    }
    able = [run for run in runs if run.trainer in have]
    return observed.judged(
        ID,
        able,
        [bool(observed.error(run)) for run in able],
        measured=[
            note("early_stopping.asked", trainer=run.trainer, ended=observed.ending(run, 160))
            if run in able
            else note("early_stopping.none", trainer=run.trainer)
            for run in runs
        ],
    )
