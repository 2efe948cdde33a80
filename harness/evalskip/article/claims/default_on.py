"""The claim that evaluation is on unless it is switched off."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.article import observed
from evalskip.notes import note
from evalskip.report.words import N_

if TYPE_CHECKING:
    from evalskip.summary import Claim, Summary

ID, PLACE = "default_on", 10
WORDS = {
    "default_on.says": N_("do_eval controls evaluation, and is true unless it is set."),
    "default_on.never": N_("with nothing set, there was no evaluation"),
    "default_on.counts": N_("with nothing set, evaluations: {counts}"),
    "default_on.must_ask": N_("evaluation has to be asked for"),
}


def judge(summary: Summary) -> Claim | None:
    """Does a run in which nothing is set evaluate?"""
    unset = observed.observations_of(summary, "switch", do_eval=None, eval_strategy=None)
    counts = [observed.evaluations(run) for run in unset]
    if any(counts):
        measured, condition = note("default_on.counts", counts=list(counts)), []
    else:
        measured, condition = note("default_on.never"), [note("default_on.must_ask")]
    return observed.judged(
        ID, unset, [count > 0 for count in counts], measured=[measured], condition=condition
    )
