"""What evaluation costs a job, as matched runs have measured it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.analysis.verdicts import FEWEST_BLOCKS
from evalskip.report import digits
from evalskip.report.answers.card import Answer, advised
from evalskip.report.provenance import matching_of
from evalskip.report.tables.table import evaluation_of
from evalskip.report.words import N_

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.report.words import Language
    from evalskip.summary import BenchSummary, Comparison, Interval, Verdict

_MATTERS = 0.05
"""A gain that cannot be told from none is none that matters if it is at most this."""


def answer(bench: BenchSummary, language: Language) -> Answer | None:
    """What skipping evaluation gains, and what becomes of a claimed range."""
    points = bench.judged() or _densest(bench)
    if not points:
        return _of_memory(bench, language)
    statement = _statement(bench, points, language)
    if bench.claimed:
        statement = language.sentences([statement, _claimed(bench, points, language)])
    statement = language.sentences(
        [statement, *_proven(bench, language), *_elsewhere(bench, language)]
    )
    advice, lines = advised(bench.recommendations, language)
    return Answer(
        statement,
        advice or _unknown(points, language),
        lines,
        matching_of(bench, language),
        _cautions(bench, points, language),
    )


def _proven(bench: BenchSummary, language: Language) -> list[str]:
    """What remedies made of evaluation's share, and of the losses."""
    sentences = []
    for each in bench.proven:
        template = N_(
            "With {remedies} it takes {remedied:.1f%} of the time in place of {share:.1f%}."
        )
        values: dict[str, object] = {
            "remedies": list(bench.arms[each.remedied].settings),
            "remedied": each.remedied_share,
            "share": each.share,
        }
        if each.sample_means is not None:
            template = N_(
                "With {remedies} it takes {remedied:.1f%} of the time in place of {share:.1f%}, "
                "and the loss per sample changes by {change:.4f} nats."
            )
            values["change"] = each.sample_means.change
        sentences.append(language.gettext(template, **values))
    return sentences


def _elsewhere(bench: BenchSummary, language: Language) -> list[str]:
    """What evaluation costs where training does not wait for it."""
    sentences = []
    for name, arm in bench.arms.items():
        headline = bench.headline(name)
        if arm.beside is None or headline is None:
            continue
        template = (
            N_("Beside training ({evaluation}) it adds {cost} to the time.")
            if arm.beside.where == "beside"
            else N_("Afterwards ({evaluation}) it adds {cost} to the time.")
        )
        cost = digits.per_cent(headline.throughput_gain)
        sentences.append(language.gettext(template, evaluation=arm.settings, cost=cost))
    return sentences


def verdict_on(bench: BenchSummary | None, language: Language) -> str:
    """What became of the range that somebody claims, and on what it depends; empty if none is."""
    claimed = bench.claimed if bench else None
    if claimed is None or claimed.verdict == "not_run":
        return ""
    verdict = language.gettext(
        "claimed, {claimed} faster: {verdict}",
        claimed=digits.claimed(claimed.gain),
        verdict=language.gettext(claimed.verdict),
    )
    return language.clauses([verdict, *claimed.conditions])


def _densest(bench: BenchSummary) -> list[Comparison]:
    """The comparison of the arm that costs most, of those in which training evaluates."""
    comparisons = [
        each
        for name, arm in bench.arms.items()
        if arm.beside is None and (each := bench.headline(name))
    ]
    ordered = sorted(comparisons, key=lambda each: each.throughput_gain.estimate)
    return ordered[-1:]


def _statement(bench: BenchSummary, points: Sequence[Comparison], language: Language) -> str:
    if len(points) == 1:
        return _of_one(bench, points[0], language)
    each = language.gettext("; ").join(
        language.gettext(
            "{faster} {where}",
            faster=_faster(point.throughput_gain, language),
            where=_where(bench, point, language),
        )
        for point in points
    )
    return language.gettext(
        "Compared with evaluation {schedule}, this training without it is {each} ({level:.3g%} "
        "confidence).",
        schedule=bench.arms[points[0].arm].schedule,
        each=each,
        level=points[0].throughput_gain.level,
    )


_SAYS = {
    "few": (
        N_(
            "Too few blocks to tell what evaluation {evaluation} costs: {blocks} of {needed}; so "
            "far about {gain:.0f%}."
        ),
        N_("so far about {gain:.0f%} faster"),
    ),
    "noise": (
        N_(
            "Too noisy to tell what evaluation {evaluation} costs: runs of the same work differ "
            "too much on this machine."
        ),
        N_("too noisy to tell"),
    ),
    "none": (
        N_(
            "No measurable difference: without evaluation this training is between "
            "{slower:.1f%} slower and {faster:.1f%} faster than with evaluation {evaluation} "
            "({level:.3g%} confidence)."
        ),
        N_("between {slower:.1f%} slower and {faster:.1f%} faster"),
    ),
    "open": (
        N_(
            "Not settled: without evaluation this training is between {slower:.1f%} slower "
            "and {faster:.1f%} faster than with evaluation {evaluation} "
            "({level:.3g%} confidence)."
        ),
        N_("between {slower:.1f%} slower and {faster:.1f%} faster"),
    ),
    "faster": (
        N_(
            "This training is {gain:.1f%} faster without evaluation than with evaluation "
            "{evaluation} ({level:.3g%} confidence: {low:.1f%} to {high:.1f%})."
        ),
        N_("{gain:.1f%} faster ({low:.1f%} to {high:.1f%})"),
    ),
    "slower": (
        N_(
            "This training is {gain:.1f%} slower without evaluation than with evaluation "
            "{evaluation} ({level:.3g%} confidence: {low:.1f%} to {high:.1f%})."
        ),
        N_("{gain:.1f%} slower ({low:.1f%} to {high:.1f%})"),
    ),
}
"""What a gain says: as a sentence, and in a few words beside others."""


def _kind(gain: Interval) -> tuple[str, dict[str, float]]:
    """Which of these a gain says, and the figures that their words hold."""
    if gain.low is None or gain.high is None:
        return "few", {"gain": max(0.0, gain.estimate)}
    if digits.is_noise(gain):
        return "noise", {}
    if gain.low <= 0 <= gain.high:
        kind = "none" if gain.high <= _MATTERS else "open"
        return kind, {"slower": -gain.low, "faster": gain.high}
    low, high = sorted((abs(gain.low), abs(gain.high)))
    kind = "faster" if gain.low > 0 else "slower"
    return kind, {"gain": abs(gain.estimate), "low": low, "high": high}


def _of_one(bench: BenchSummary, point: Comparison, language: Language) -> str:
    kind, figures = _kind(point.throughput_gain)
    return language.gettext(
        _SAYS[kind][0],
        evaluation=evaluation_of(bench.arms[point.arm], language),
        level=point.throughput_gain.level,
        blocks=point.blocks,
        needed=FEWEST_BLOCKS,
        **figures,
    )


def _faster(gain: Interval, language: Language) -> str:
    """One of several gains, in a few words."""
    kind, figures = _kind(gain)
    return language.gettext(_SAYS[kind][1], **figures)


def _where(bench: BenchSummary, point: Comparison, language: Language) -> str:
    """The arm by its samples, and by what it evaluates with where arms differ in that."""
    arm = bench.arms[point.arm]
    where = []
    if arm.evaluation_samples is not None:
        where.append(
            language.ngettext(
                "on {count:,} eval sample", "on {count:,} eval samples", arm.evaluation_samples
            )
        )
    if arm.settings:
        where.append(language.gettext("with {settings}", settings=arm.settings))
    return language.gettext(", ").join(where) or language.gettext("on its own samples")


_HOLDS: dict[Verdict, str] = {
    "supported": N_("holds for this job"),
    "refuted": N_("does not hold for this job"),
    "inconclusive": N_("is not settled for this job"),
}
_HOLDS_AT: dict[Verdict, str] = {
    "supported": N_("holds {where}"),
    "refuted": N_("does not hold {where}"),
    "inconclusive": N_("is not settled {where}"),
}


def _claimed(bench: BenchSummary, points: Sequence[Comparison], language: Language) -> str:
    """What became of the claimed range."""
    if bench.claimed is None:
        return ""
    claimed = digits.claimed(bench.claimed.gain)
    by_verdict: dict[Verdict, list[str]] = {}
    for point in points:
        if point.verdict:
            by_verdict.setdefault(point.verdict, []).append(_where(bench, point, language))
    if len(by_verdict) == 1:
        holds = language.gettext(_HOLDS[next(iter(by_verdict))])
    else:
        holds = language.gettext(", ").join(
            language.gettext(template, where=language.gettext(" and ").join(by_verdict[verdict]))
            for verdict, template in _HOLDS_AT.items()
            if verdict in by_verdict
        )
    return language.gettext("The claimed {claimed} {holds}.", claimed=claimed, holds=holds)


def _unknown(points: Sequence[Comparison], language: Language) -> str:
    """What to do where the cost is not known well enough to advise on."""
    if min(point.blocks for point in points) < FEWEST_BLOCKS:
        return language.gettext(
            "Run at least {count} blocks before acting on it.", count=FEWEST_BLOCKS
        )
    return language.gettext(
        "Run more blocks, with nothing else on the machine, before acting on it."
    )


def _cautions(bench: BenchSummary, points: Sequence[Comparison], language: Language) -> list[str]:
    cautions = [
        language.note(warning)
        for warning in bench.warnings
        if warning.code in ("blocks_disturbed", "blocks_differ", "whole_span_disagrees")
    ]
    return cautions + [text for point in points if (text := _by_stopwatch(bench, point, language))]


def _by_stopwatch(bench: BenchSummary, point: Comparison, language: Language) -> str:
    """Whole runs, where these do not hold what was found within them; else empty."""
    wall_clock = bench.compared(point.arm, "wall_clock")
    found, floor = point.throughput_gain, bench.noise_floor
    if point.estimator == "wall_clock" or wall_clock is None or found.low is None:
        return ""
    whole = wall_clock.throughput_gain
    if whole.low is None or whole.high is None or whole.low <= found.estimate <= whole.high:
        return ""
    text = language.gettext(
        "the wall-clock time of whole runs does not confirm this: by it the speed-up is {whole}",
        whole=digits.per_cent(whole),
    )
    if floor is None or floor.low is None:
        return text
    return language.clauses(
        [
            text,
            language.gettext(
                "the same work run twice differs by {floor}", floor=digits.per_cent(floor)
            ),
        ]
    )


def _of_memory(bench: BenchSummary, language: Language) -> Answer | None:
    """Where only memory was metered: what evaluation adds to the peak, and what avoids it."""
    differences = [each for each in bench.peak_differences if each.what == "peak"]
    if not differences:
        return None
    usual = next((each for each in differences if not bench.arms[each.arm].settings), None)
    shown = usual or max(differences, key=lambda each: each.difference.estimate)
    template = (
        N_("Evaluation {evaluation} raises peak memory, by {more}.")
        if shown.verdict == "supported"
        else N_("Evaluation {evaluation} does not raise peak memory: the difference is {more}.")
    )
    statement = language.gettext(
        template,
        evaluation=evaluation_of(bench.arms[shown.arm], language),
        more=digits.byte_change(shown.difference),
    )
    free = [
        bench.arms[each.arm].settings
        for each in differences
        if each.verdict == "refuted" and bench.arms[each.arm].settings
    ]
    basis = matching_of(bench, language)
    if shown.verdict != "supported" or not free:
        return Answer(statement, basis=basis)
    return Answer(
        statement,
        language.gettext("With {settings} it does not.", settings=language.join(free[0])),
        {"job_settings": free[0]},
        basis,
    )
