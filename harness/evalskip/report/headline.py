"""The answer in a sentence, what it holds for, and each verdict."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from evalskip.analysis.verdicts import FEWEST_BLOCKS
from evalskip.report import digits
from evalskip.report.digits import nats, per_cent
from evalskip.report.provenance import provenance
from evalskip.report.tables.memory import MATERIALLY
from evalskip.report.tables.table import best_gain, schedule_of
from evalskip.report.words import N_
from evalskip.summary import Interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.report.words import Language
    from evalskip.summary import (
        BenchSummary,
        Claim,
        ClaimsSummary,
        Comparison,
        HeadroomSummary,
        PilotSummary,
        Prediction,
        PredictionSummary,
        RegretSummary,
        Scope,
        Source,
        Summary,
        Verdict,
    )


def answer(summary: Summary, language: Language) -> str:
    """What the result says, in one sentence: that of the first section that has an answer."""
    sentence = ""
    if summary.claims:
        sentence = _judged(summary.claims, language)
    if summary.bench:
        sentence = sentence or _cost(summary.bench, language)
    if summary.prediction:
        sentence = sentence or _predicted(summary.prediction, language)
    if summary.regret:
        sentence = sentence or _regret(summary.regret, language)
    if summary.headroom:
        sentence = sentence or _largest(summary.headroom, language)
    return sentence or language.gettext("Nothing was measured that gives an answer.")


def scopes(summary: Summary, language: Language) -> list[str]:
    """What the answer and the verdicts hold for."""
    if summary.claims:
        sources: Sequence[Source | Claim] = summary.claims.sources or summary.claims.claims
        each = [language.clauses(source.scope) for source in sources]
        return list(dict.fromkeys(filter(None, each)))
    return [on_what(summary.scope, language)]


def on_what(scope: Scope, language: Language) -> str:
    """The job, its model and the device."""
    return language.gettext(
        "{job}, {model}, on {device}", job=scope.job, model=scope.model, device=scope.device
    )


def headline(summary: Summary, language: Language) -> list[str]:
    """Answer, scope, where it comes from, and each verdict: a few lines."""
    lines = [
        answer(summary, language),
        f"scope: {'; '.join(scopes(summary, language))}",
        *provenance(summary, language),
    ]
    return lines + verdict_on(summary, language)


def verdict_on(summary: Summary, language: Language) -> list[str]:
    """What became of the range that somebody claims, and on what it depends."""
    claimed = summary.bench.claimed if summary.bench else None
    if claimed is None or claimed.verdict == "not_run":
        return []
    verdict = language.gettext(
        "claimed, {claimed} faster: {verdict}",
        claimed=digits.claimed(claimed.gain),
        verdict=language.gettext(claimed.verdict),
    )
    return [language.clauses([verdict, *claimed.conditions])]


def _judged(claims: ClaimsSummary, language: Language) -> str:
    if claims.answer:
        return language.sentences(map(language.note, claims.answer))
    counts = Counter(claim.verdict for claim in claims.claims)
    each = language.gettext(", ").join(
        language.gettext("{count} {verdict}", count=count, verdict=language.gettext(verdict))
        for verdict, count in counts.most_common()
    )
    return language.ngettext(
        "{count} claim was judged: {each}.",
        "{count} claims were judged: {each}.",
        len(claims.claims),
        each=each,
    )


def _cost(bench: BenchSummary, language: Language) -> str:
    """What evaluation costs, and what becomes of a claimed range; empty where nothing was timed."""
    if (points := bench.judged()) and bench.claimed:
        return language.gettext(
            "{speed}; {held}.",
            speed=_speed(bench, points, language),
            held=_claimed(bench, points, bench.claimed.gain, language),
        )
    costs = [(gain, name) for name in bench.arms if (gain := best_gain(bench, name)) is not None]
    if not costs:
        return _peaks(bench, language)
    gain, name = max(costs, key=lambda cost: cost[0].estimate)
    return language.gettext(
        "Skipping evaluation makes this training, against one with evaluation {schedule}, "
        "{faster}.",
        schedule=schedule_of(bench.arms[name], language),
        faster=_faster(gain, language),
    )


def _peaks(bench: BenchSummary, language: Language) -> str:
    """Where only memory was metered: the largest difference; empty where none was."""
    differences = [each for each in bench.peak_differences if each.what == "peak"]
    if not differences:
        return ""
    largest = max(differences, key=lambda each: each.difference.estimate)
    return language.gettext(
        "Against a run without evaluation, the peak of memory is {more} with {arm}: {verdict}.",
        more=digits.byte_change(largest.difference),
        arm=largest.arm,
        verdict=language.gettext(MATERIALLY[largest.verdict]),
    )


def _largest(headroom: HeadroomSummary, language: Language) -> str:
    off = headroom.off
    if off is None or not any(each.max_batch for each in headroom.arms):
        return language.gettext("Not one row fits.")
    each = language.gettext(", ").join(
        language.gettext("{batch:,} with {arm}", batch=arm_headroom.max_batch, arm=arm_headroom.arm)
        for arm_headroom in headroom.evaluating
    )
    return language.gettext(
        "A batch of {batch:,} rows fits without evaluation, {each}.",
        batch=off.max_batch,
        each=each,
    )


def _predicted(section: PredictionSummary, language: Language) -> str:
    """What the user's own schedule would cost, or else evaluating every epoch; and the advice."""
    evaluating = [prediction for prediction in section.schedules if prediction.evaluations]
    own = [prediction for prediction in evaluating if prediction.schedule.code == "as_written"]
    usual = [prediction for prediction in evaluating if prediction.schedule.code == "every_epoch"]
    prediction = next(iter([*own, *reversed(usual), *evaluating]), None)
    if prediction is None:
        return ""
    statement = next(
        (language.note(each.advice) for each in reversed(section.recommendations)),
        language.gettext("no schedule is recommended"),
    )
    within = section.recommendations[-1].within if section.recommendations else 0.05
    return _disturbed(section.pilot, language) + language.gettext(
        "Evaluation {schedule} would take {share} of this training's {duration}; to stay within "
        "{within:g} %, {statement}.",
        schedule=_with_rows(prediction, language),
        share=per_cent(prediction.share),
        duration=digits.duration(prediction.wall_s.estimate),
        within=100 * within,
        statement=statement,
    )


def _disturbed(pilot: PilotSummary, language: Language) -> str:
    """A warning where others took what a pilot needed; else nothing."""
    if not pilot.disturbed:
        return ""
    return language.gettext(
        "Others disturbed {count} of the pilot's {processes} processes, so intervals are widened; "
        "on a quieter machine they would be narrower. ",
        count=pilot.disturbed,
        processes=pilot.processes,
    )


def _regret(regret_summary: RegretSummary, language: Language) -> str:
    """What skipping altogether loses, and the advice."""
    off = regret_summary.row("off")
    if off is None:
        return ""
    if off.time_saved is None:
        return language.gettext(
            "Without evaluation the model that is kept is {lost} worse than the best that "
            "evaluation would have kept; {statement}.",
            lost=nats(off.lost),
            statement=regret_summary.advice,
        )
    return language.gettext(
        "Without evaluation the model that is kept is {lost} worse than the best that "
        "evaluation would have kept, for {saved} of the time; {statement}.",
        lost=nats(off.lost),
        saved=per_cent(off.time_saved),
        statement=regret_summary.advice,
    )


def _with_rows(prediction: Prediction, language: Language) -> str:
    schedule = schedule_of(prediction, language)
    if prediction.evaluation_rows is None:
        return schedule
    return language.gettext(
        "{schedule} on {rows:,} rows", schedule=schedule, rows=prediction.evaluation_rows
    )


def _speed(bench: BenchSummary, points: Sequence[Comparison], language: Language) -> str:
    each = language.gettext(", ").join(
        language.gettext(
            "{faster} {where}",
            faster=_faster(point.throughput_gain, language),
            where=_where(bench, point, language),
        )
        for point in points
    )
    return language.gettext(
        "Skipping evaluation makes this training, against one every epoch, {each}", each=each
    )


def _claimed(
    bench: BenchSummary,
    points: Sequence[Comparison],
    claimed_gain: tuple[float, float],
    language: Language,
) -> str:
    """What became of the claimed range."""
    claimed = digits.claimed(claimed_gain)
    fewest = min(point.blocks for point in points)
    if fewest < FEWEST_BLOCKS:
        return language.gettext(
            "too few blocks to judge the claimed {claimed}: {blocks} of {needed}",
            claimed=claimed,
            blocks=fewest,
            needed=FEWEST_BLOCKS,
        )
    by_verdict: dict[Verdict, list[str]] = {}
    for point in points:
        if point.verdict:
            by_verdict.setdefault(point.verdict, []).append(_where(bench, point, language))
    if len(by_verdict) == 1:
        return language.gettext(
            "the claimed {claimed} {holds}",
            claimed=claimed,
            holds=language.gettext(_HOLDS[next(iter(by_verdict))]),
        )
    each = [
        language.gettext(
            "{holds} {where}",
            holds=language.gettext(holds),
            where=language.gettext(" and ").join(by_verdict[verdict]),
        )
        for verdict, holds in _HOLDS.items()
        if verdict in by_verdict
    ]
    return language.gettext(
        "the claimed {claimed} {holds}", claimed=claimed, holds=language.gettext(", ").join(each)
    )


_HOLDS: dict[Verdict, str] = {
    "supported": N_("holds"),
    "refuted": N_("does not hold"),
    "inconclusive": N_("is not settled"),
}


def _where(bench: BenchSummary, point: Comparison, language: Language) -> str:
    """The arm in words: its rows, and what it evaluates with where arms differ in that."""
    arm = bench.arms[point.arm]
    rows = arm.evaluation_rows
    where = [] if rows is None else [language.gettext("at {rows:,} rows", rows=rows)]
    if arm.settings:
        where.append(language.gettext("with {settings}", settings=arm.settings))
    return language.gettext(", ").join(where) or language.gettext("on its own rows")


def _faster(gain: Interval, language: Language) -> str:
    """How much faster, or slower, or that neither can be told."""
    if gain.low is None:
        if round(100 * gain.estimate) <= 0:
            return language.gettext("so far no faster")
        return language.gettext("so far about {gain:.0f} % faster", gain=100 * gain.estimate)
    if gain.high is not None and gain.low <= 0 <= gain.high:
        return language.gettext("no faster that can be told ({gain})", gain=per_cent(gain))
    if gain.estimate < 0:
        low, high = (None if limit is None else -limit for limit in (gain.high, gain.low))
        less = Interval(estimate=-gain.estimate, low=low, high=high, level=gain.level)
        return language.gettext("{gain} slower", gain=per_cent(less))
    return language.gettext("{gain} faster", gain=per_cent(gain))
