"""The claim that memory falls when evaluation is skipped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.article import memory_evidence
from evalskip.notes import note
from evalskip.report.words import N_
from evalskip.summary.figures import size

if TYPE_CHECKING:
    from evalskip.summary import Claim, Summary

ID, PLACE = "memory", 100
WORDS = {
    "memory.says": N_("Memory falls when evaluation is skipped."),
    "memory.peak": N_("peak of a run: {off} without evaluation"),
    "memory.material": N_("higher: by more than {material}"),
    "memory.falls": N_("it falls against {arms}"),
    "memory.train_sets_peak": N_("train steps set the peak, and what is evaluated stays below it"),
    "memory.fell": N_("Peak memory fell."),
    "memory.fell_where": N_("Peak memory fell only where evaluation sets it."),
    "memory.did_not_fall": N_("Peak memory did not fall."),
}
IN_ANSWER = {
    "supported": "memory.fell",
    "conditional": "memory.fell_where",
    "refuted": "memory.did_not_fall",
}


def judge(summary: Summary) -> Claim | None:
    """Is the peak of runs that evaluate materially higher than that of runs that do not?"""
    differences = memory_evidence.peak_differences(summary.bench, "peak") if summary.bench else {}
    if not differences:
        return None
    first = next(iter(differences.values()))
    falls = [arm for arm, each in differences.items() if each.verdict == "supported"]
    condition = [note("memory.falls", arms=falls)] if falls else []
    if all(each.verdict == "refuted" for each in differences.values()):
        condition = [note("memory.train_sets_peak")]
    return memory_evidence.judged(
        ID,
        summary,
        {arm: each.verdict for arm, each in differences.items()},
        measured=[
            note("memory.peak", off=size(first.off_bytes)),
            *memory_evidence.differences(differences),
            note("memory.material", material=size(first.material_bytes)),
        ],
        condition=memory_evidence.few_runs(differences) or condition,
        evidence=[f"bench.peak_differences: {arm}, peak" for arm in differences],
    )
