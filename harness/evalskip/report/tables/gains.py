"""What skipping evaluation gains, by every estimate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip import digits
from evalskip.messages import say
from evalskip.report.tables.table import WHO, Table, gain_of, level, who
from evalskip.report.tables.times import times
from evalskip.spec import OFF_AGAIN

if TYPE_CHECKING:
    from evalskip.summary import Estimator, Summary, Verdict


def gains(summary: Summary) -> Table:
    """What skipping evaluation gains: by the wall clock, matched, and the verdict on the claim."""
    rows = []
    spans = False
    for name, arm in summary.arms.items():
        wall_clock = (
            summary.noise_floor if name == OFF_AGAIN else gain_of(summary, name, "wall_clock")
        )
        found = summary.headline(name)
        matched = found if found and found.estimator != "wall_clock" else None
        text = digits.interval(matched.throughput_gain if matched else None)
        if matched and matched.estimator == "whole_span":
            spans, text = True, f"{text} *"
        rows.append(
            (
                *who(name, arm),
                digits.interval(wall_clock),
                text,
                *_verdicts(summary, matched.verdict if matched else None),
            )
        )
    note = say(
        "Gain: T with evaluation over T without, less 1, with {level} % confidence intervals over "
        "blocks, corrected for interim analyses and multiple comparisons. Wall clock: noise "
        "included. Matched: each evaluation against the steps beside it.",
        level=level(summary),
    )
    if summary.claimed_gain:
        note += say(
            " Verdicts are on “{claimed} faster”.", claimed=digits.claimed(summary.claimed_gain)
        )
    if spans:
        note += say(" *: over the whole span, with which matched does not agree.")
    return Table(
        title=say("What skipping evaluation gains"),
        note=note,
        columns=(
            *map(say, WHO),
            say("wall-clock gain %"),
            say("matched gain %"),
            *_verdict_columns(summary),
        ),
        rows=rows,
    )


def overview(summary: Summary) -> Table:
    """Times and gains in one table, for where there is room."""
    left, right = times(summary), gains(summary)
    skip = len(WHO)
    return Table(
        title=say("What evaluation costs, extrapolated")
        if summary.extrapolated
        else say("What evaluation costs"),
        note=say(" ").join((right.note, left.note)),
        columns=left.columns + right.columns[skip:],
        rows=[one + other[skip:] for one, other in zip(left.rows, right.rows, strict=True)],
    )


def estimates(summary: Summary) -> Table:
    """Every estimate of throughput gain, side by side."""
    rows = []
    for name, arm in summary.arms.items():
        if name == OFF_AGAIN and summary.noise_floor:
            floor = digits.interval(summary.noise_floor)
            rows.append((*who(name, arm), floor, *[digits.NOTHING] * 5))
        wall_clock = summary.compared(name, "wall_clock")
        if wall_clock:
            estimators: tuple[Estimator, ...] = (
                "attributed",
                "matched",
                "after_effect",
                "whole_span",
            )
            rows.append(
                (
                    *who(name, arm),
                    digits.interval(wall_clock.throughput_gain),
                    digits.interval(wall_clock.throughput_gain_undisturbed),
                    *(digits.interval(gain_of(summary, name, each)) for each in estimators),
                )
            )
    return Table(
        title=say("Estimates that check each other"),
        note=say(
            "Throughput gain in per cent, with {level} % confidence intervals. Wall clock: whole "
            "runs, paired within blocks; once more without blocks that others disturbed. "
            "Attributed: T / (T - evaluate) within runs. Matched: each evaluation against the "
            "steps beside it, with its after-effect, which is what it adds to the steps of its "
            "window. Whole span: T in units of the steps before the first evaluation. Verdicts "
            "rest on matched, where the whole span does not differ from it.",
            level=level(summary),
        ),
        columns=(
            *map(say, WHO),
            say("wall clock"),
            say("undisturbed blocks"),
            say("attributed"),
            say("matched"),
            say("of that, after-effect"),
            say("whole span"),
        ),
        rows=rows,
    )


def readings(summary: Summary) -> Table:
    """The same estimate in both readings, each with its verdict; and with set-up included."""
    rows = []
    for name, arm in summary.arms.items():
        found, wall_clock = summary.headline(name), summary.compared(name, "wall_clock")
        if found is None:
            continue
        with_setup = wall_clock.throughput_gain_with_setup if wall_clock else None
        rows.append(
            (
                *who(name, arm),
                digits.load(arm.evaluation_load),
                str(found.blocks),
                digits.interval(found.throughput_gain),
                *_verdicts(summary, found.verdict),
                digits.interval(found.time_saved),
                *_verdicts(summary, found.verdict_time_saved),
                digits.seconds(arm.setup_s),
                digits.interval(with_setup),
            )
        )
    return Table(
        title=say("Both readings of “faster”, and set-up"),
        note=say(
            "Throughput gain: T with evaluation over T without, less 1. Time saved: 1 less T "
            "without over T with. {level} % confidence intervals. Load: "
            "evaluated tokens over trained tokens. Set-up: process, imports, model and data, as a "
            "process of its own would have it.",
            level=level(summary),
        ),
        columns=(
            *map(say, WHO),
            say("load"),
            say("blocks"),
            say("throughput gain %"),
            *_verdict_columns(summary),
            say("time saved %"),
            *_verdict_columns(summary),
            say("set-up s"),
            say("wall-clock gain with set-up %"),
        ),
        rows=rows,
    )


def _verdict_columns(summary: Summary) -> list[str]:
    """A column for verdicts, where a claimed gain is judged."""
    return [say("verdict")] if summary.claimed_gain else []


def _verdicts(summary: Summary, verdict: Verdict | None) -> list[str]:
    """What stands in that column."""
    if not summary.claimed_gain:
        return []
    return [say(verdict) if verdict else digits.NOTHING]
