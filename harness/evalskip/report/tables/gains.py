"""What skipping evaluation gains, by every estimate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip import digits
from evalskip.messages import listed, say
from evalskip.report.tables.table import WHO, Table, gain_of, level, who
from evalskip.report.tables.times import times
from evalskip.spec import OFF_AGAIN
from evalskip.summary import TOGETHER

if TYPE_CHECKING:
    from evalskip.summary import Summary


def gains(summary: Summary) -> Table:
    """What skipping evaluation gains: as seen, undisturbed, and the verdict on the claim."""
    rows = []
    levels = set()
    for name, arm in summary.arms.items():
        direct = summary.noise_floor if name == OFF_AGAIN else gain_of(summary, name, "direct")
        matched = summary.compared(name, TOGETHER)
        if matched:
            levels.add(f"{100 * matched.throughput_gain.level:.3g}")
        rows.append(
            (
                *who(name, arm),
                digits.interval(direct),
                digits.interval(matched.throughput_gain if matched else None),
                say(matched.verdict) if matched and matched.verdict else digits.NOTHING,
            )
        )
    note = say(
        "Gain: T with evaluation over T without, less 1, and an interval over blocks. Direct: as "
        "seen, noise included ({level}). Matched: matched steps plus hidden cost, undisturbed",
        level=_levels(summary),
    )
    if levels:
        note += say(
            " ({level} %, so that all looks and questions hold together)",
            level=listed(sorted(levels)),
        )
    return Table(
        title=say("What skipping evaluation gains"),
        note=say("{note}. Verdicts are on “15-30 % faster”.", note=note),
        columns=(*map(say, WHO), say("direct gain %"), say("matched gain %"), say("verdict")),
        rows=rows,
    )


def _levels(summary: Summary) -> str:
    """Of what is seen directly; that of the noise floor is asked about at every look."""
    usual = level(summary)
    floor = f"{100 * summary.noise_floor.level:.3g}" if summary.noise_floor else usual
    if floor == usual:
        return f"{usual} %"
    return say("{level} %; off, again: {floor} %", level=usual, floor=floor)


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
            rows.append((*who(name, arm), floor, *[digits.NOTHING] * 6))
        direct = summary.compared(name, "direct")
        together = summary.compared(name, TOGETHER)
        if direct:
            rows.append(
                (
                    *who(name, arm),
                    digits.interval(direct.throughput_gain),
                    digits.interval(direct.throughput_gain_uncontaminated),
                    digits.interval(gain_of(summary, name, "attributed")),
                    digits.interval(gain_of(summary, name, "matched_steps")),
                    digits.interval(gain_of(summary, name, "hidden_cost")),
                    digits.interval(together.throughput_gain if together else None),
                    digits.interval(together.throughput_gain_at_median if together else None),
                )
            )
    return Table(
        title=say("Estimates that check each other"),
        note=say(
            "Throughput gain in per cent. Direct: whole runs, paired within blocks; once more "
            "without blocks that others disturbed. Attributed: T / (T - evaluate) within runs. "
            "Matched steps: each piece at the lower quartile across runs, then added up. Hidden "
            "cost: what evaluation adds to the steps after it. Verdicts rest on both together, at "
            "a level that holds over all looks and questions; the last column has pieces at the "
            "median instead."
        ),
        columns=(
            *map(say, WHO),
            say("direct"),
            say("undisturbed blocks"),
            say("attributed"),
            say("matched steps"),
            say("hidden cost"),
            say("both"),
            say("both, at the median"),
        ),
        rows=rows,
    )


def readings(summary: Summary) -> Table:
    """The direct estimate in both readings, and with set-up included."""
    rows = []
    for name, arm in summary.arms.items():
        if direct := summary.compared(name, "direct"):
            rows.append(
                (
                    *who(name, arm),
                    digits.load(arm.evaluation_load),
                    str(direct.blocks),
                    digits.interval(direct.throughput_gain),
                    digits.interval(direct.time_saved),
                    digits.seconds(arm.setup_s),
                    digits.interval(direct.throughput_gain_with_setup),
                )
            )
    return Table(
        title=say("Both readings of “faster”, and set-up"),
        note=say(
            "Evaluation load: evaluated tokens over trained tokens. Set-up: process, imports, "
            "model and data, as a process of its own would have it."
        ),
        columns=(
            *map(say, WHO),
            say("load"),
            say("blocks"),
            say("throughput gain %"),
            say("time saved %"),
            say("set-up s"),
            say("gain with set-up %"),
        ),
        rows=rows,
    )
