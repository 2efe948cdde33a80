"""What skipping evaluation gains, by every estimate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.report import digits
from evalskip.report.tables.table import WHO, Table, gain_of, level, who
from evalskip.report.tables.times import times
from evalskip.report.words import N_
from evalskip.spec import OFF_AGAIN

if TYPE_CHECKING:
    from evalskip.report.words import Language
    from evalskip.summary import BenchSummary, Estimator, Verdict


def gains(bench: BenchSummary, language: Language) -> Table:
    """What skipping evaluation gains: by the wall clock, matched, and the verdict on the claim."""
    rows = []
    spans = False
    for name, arm in bench.arms.items():
        wall_clock = bench.noise_floor if name == OFF_AGAIN else gain_of(bench, name, "wall_clock")
        comparison = bench.headline(name)
        matched = comparison if comparison and comparison.estimator != "wall_clock" else None
        text = digits.interval(matched.throughput_gain if matched else None)
        if matched and matched.estimator == "whole_span":
            spans, text = True, f"{text} *"
        rows.append(
            (
                *who(name, arm, language),
                digits.interval(wall_clock),
                text,
                *_verdicts(bench, matched.verdict if matched else None, language),
            )
        )
    note = language.gettext(
        "Speed-up from skipping evaluation: training time with it over training time without, "
        "less 1, with {level}% confidence intervals over blocks, corrected for interim analyses "
        "and multiple comparisons. Wall-clock: whole runs, noise included. Matched: each "
        "evaluation against the steps next to it.",
        level=level(bench),
    )
    if bench.claimed:
        note += language.gettext(
            " Verdicts are on “{claimed} faster”.", claimed=digits.claimed(bench.claimed.gain)
        )
    if spans:
        note += language.gettext(
            " *: whole-span estimate, since the matched one disagrees with it."
        )
    return Table(
        title=language.gettext("Speed-up from skipping evaluation"),
        note=note,
        columns=(
            *map(language.gettext, WHO),
            language.gettext("wall-clock speed-up %"),
            language.gettext("matched speed-up %"),
            *_verdict_columns(bench, language),
        ),
        rows=rows,
    )


def overview(bench: BenchSummary, language: Language) -> Table:
    """Times and gains in one table, for where there is room."""
    left, right = times(bench, language), gains(bench, language)
    skip = len(WHO)
    return Table(
        title=language.gettext("What evaluation costs, extrapolated")
        if bench.extrapolated
        else language.gettext("What evaluation costs"),
        note=language.sentences((right.note, left.note)),
        columns=left.columns + right.columns[skip:],
        spare=(*left.spare, language.gettext("wall-clock speed-up %")),
        rows=[one + other[skip:] for one, other in zip(left.rows, right.rows, strict=True)]
        if bench.is_timed
        else [],
    )


def estimates(bench: BenchSummary, language: Language) -> Table:
    """Every estimate of throughput gain, side by side."""
    rows = []
    for name, arm in bench.arms.items():
        if name == OFF_AGAIN and bench.noise_floor:
            floor = digits.interval(bench.noise_floor)
            rows.append((*who(name, arm, language), floor, *[digits.NOTHING] * 5))
        wall_clock = bench.compared(name, "wall_clock")
        if wall_clock:
            estimators: tuple[Estimator, ...] = (
                "attributed",
                "matched",
                "after_effect",
                "whole_span",
            )
            rows.append(
                (
                    *who(name, arm, language),
                    digits.interval(wall_clock.throughput_gain),
                    digits.interval(wall_clock.throughput_gain_undisturbed),
                    *(digits.interval(gain_of(bench, name, each)) for each in estimators),
                )
            )
    return Table(
        title=language.gettext("Estimates that check one another"),
        note=language.gettext(
            "Speed-up from skipping evaluation in per cent, with {level}% confidence intervals. "
            "Wall-clock: whole runs, paired within blocks; then without the blocks that were "
            "disturbed. Attributed: T / (T - evaluate) within runs, T being the training time. "
            "Matched: each evaluation against the steps next to it, with its after-effect, the "
            "time that it adds to the steps of its window. Whole span: T in units of the steps "
            "before the first evaluation. Verdicts rest on the matched estimate, unless the "
            "whole span differs from it.",
            level=level(bench),
        ),
        columns=language.texts(
            *WHO,
            N_("wall-clock"),
            N_("undisturbed blocks"),
            N_("attributed"),
            N_("matched"),
            N_("of that, after-effect"),
            N_("whole span"),
        ),
        rows=rows,
    )


def readings(bench: BenchSummary, language: Language) -> Table:
    """The same estimate in both readings, each with its verdict; and with set-up included."""
    rows = []
    for name, arm in bench.arms.items():
        comparison, wall_clock = bench.headline(name), bench.compared(name, "wall_clock")
        if comparison is None:
            continue
        with_setup = wall_clock.throughput_gain_with_setup if wall_clock else None
        rows.append(
            (
                *who(name, arm, language),
                digits.load(arm.evaluation_load),
                str(comparison.blocks),
                digits.interval(comparison.throughput_gain),
                *_verdicts(bench, comparison.verdict, language),
                digits.interval(comparison.time_saved),
                *_verdicts(bench, comparison.verdict_time_saved, language),
                digits.seconds(arm.setup_s),
                digits.interval(with_setup),
            )
        )
    return Table(
        title=language.gettext("Both readings of “faster”, and set-up time"),
        note=language.gettext(
            "Speed-up: training time with evaluation over training time without, less 1. Time "
            "saved: 1 less training time without over training time with. {level}% confidence "
            "intervals. Eval/train tokens: tokens evaluated per token trained. Set-up: starting "
            "the process, imports, model and data.",
            level=level(bench),
        ),
        columns=(
            *map(language.gettext, WHO),
            language.gettext("eval/train tokens"),
            language.gettext("blocks"),
            language.gettext("speed-up %"),
            *_verdict_columns(bench, language),
            language.gettext("time saved %"),
            *_verdict_columns(bench, language),
            language.gettext("set-up s"),
            language.gettext("wall-clock speed-up with set-up %"),
        ),
        rows=rows,
    )


def _verdict_columns(bench: BenchSummary, language: Language) -> list[str]:
    """A column for verdicts, where a claimed gain is judged."""
    return [language.gettext("verdict")] if bench.claimed else []


def _verdicts(bench: BenchSummary, verdict: Verdict | None, language: Language) -> list[str]:
    """What stands in that column."""
    if not bench.claimed:
        return []
    return [language.gettext(verdict) if verdict else digits.NOTHING]


FIRST = (overview,)
REST = (estimates, readings)
