"""The claim that skipping evaluation makes training 15-30% faster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.analysis.claimed import place_of
from evalskip.article.scope import scope_of
from evalskip.notes import note
from evalskip.report.words import N_
from evalskip.summary import Claim
from evalskip.summary.figures import gain_range, percent

if TYPE_CHECKING:
    from evalskip.notes import Note
    from evalskip.summary import BenchSummary, Comparison, Summary

RANGE = (0.15, 0.30)
"""Of throughput gain, as the article has it: T(on) / T(off) - 1."""

ID, PLACE = "speed", 90
SAYS = note("speed.says", claimed=gain_range(RANGE))
WORDS = {
    "speed.says": N_(
        "Skipping evaluation makes training about {claimed} faster overall, depending on the size "
        "of the evaluation set."
    ),
    "speed.gain": N_("{gain} {place}: {verdict}"),
    "speed.gain_and_saved": N_(
        "{gain} {place}: {verdict} (as time saved, {saved}: {verdict_time_saved})"
    ),
    "speed.extrapolated": N_("extrapolated from {steps} steps"),
}


def points(summary: Summary) -> list[Comparison]:
    """The comparisons of a result that were judged on the article's range."""
    bench = summary.bench
    is_of_range = bench is not None and bench.claimed is not None and bench.claimed.gain == RANGE
    return bench.judged() if bench and is_of_range else []


def judge(summary: Summary) -> Claim | None:
    """Over all arms at which the range was judged."""
    judged, bench = points(summary), summary.bench
    if not judged or bench is None or bench.claimed is None:
        return None
    part = bench.extrapolated
    beside = [note("speed.extrapolated", steps=part.steps)] if part else []
    return Claim(
        id=ID,
        statement=SAYS,
        verdict=bench.claimed.verdict,
        scope=scope_of(summary.scope, *beside),
        measured=[_measured(bench, point) for point in judged],
        condition=bench.claimed.conditions,
        evidence=[f"bench.comparisons: {point.arm}, {point.estimator}" for point in judged],
    )


def _measured(bench: BenchSummary, point: Comparison) -> Note:
    values = {
        "gain": percent(point.throughput_gain),
        "place": place_of(bench.arms, point.arm),
        "verdict": note(str(point.verdict)),
    }
    if point.verdict_time_saved == point.verdict:
        return note("speed.gain", **values)
    return note(
        "speed.gain_and_saved",
        saved=percent(point.time_saved),
        verdict_time_saved=note(str(point.verdict_time_saved)),
        **values,
    )
