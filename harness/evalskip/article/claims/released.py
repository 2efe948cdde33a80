"""The claim that resources which are kept for evaluation are released."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.article import memory_evidence
from evalskip.notes import note
from evalskip.report.words import N_
from evalskip.spec import OFF

if TYPE_CHECKING:
    from evalskip.notes import Note
    from evalskip.summary import BenchSummary, Claim, Summary

ID, PLACE = "released", 110
WORDS = {
    "released.says": N_("GPU and CPU resources that are kept for evaluation are released."),
    "released.peaks": N_(
        "peak of train steps that follow an evaluation, against those of a run without: {more}"
    ),
    "released.set_up": N_("set-up takes {least:.2f} to {most:.2f} s longer with an evaluation set"),
    "released.nothing": N_("between evaluations nothing is kept that could be released"),
}


def judge(summary: Summary) -> Claim | None:
    """Do train steps that follow an evaluation hold materially more than those of runs without?

    (Those before the first evaluation are no measure: a process grows in its first steps anyhow.)
    """
    if summary.bench is None:
        return None
    differences = memory_evidence.peak_differences(summary.bench, "after_evaluation")
    condition = []
    if differences and all(each.verdict == "refuted" for each in differences.values()):
        condition = [note("released.nothing")]
    if not differences:
        return None
    first, *others = memory_evidence.differences(differences)
    return memory_evidence.judged(
        ID,
        summary,
        {arm: each.verdict for arm, each in differences.items()},
        measured=[
            note("released.peaks", more=first),
            *others,
            *_set_up(summary.bench),
        ],
        condition=memory_evidence.few_runs(differences) or condition,
        evidence=[f"bench.peak_differences: {arm}, after_evaluation" for arm in differences],
    )


def _set_up(bench: BenchSummary) -> list[Note]:
    """What the evaluation set costs before training."""
    off = bench.arms.get(OFF)
    costs = [
        arm.setup_s - off.setup_s
        for name, arm in bench.arms.items()
        if off and off.setup_s is not None and arm.setup_s is not None and bench.evaluates(name)
    ]
    return [note("released.set_up", least=min(costs), most=max(costs))] if costs else []
