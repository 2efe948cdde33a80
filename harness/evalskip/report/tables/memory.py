"""Peaks of memory, and the largest batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip import digits
from evalskip.messages import listed, say
from evalskip.report.tables.table import QUANTITIES, WHO, Table, has, peak, who

if TYPE_CHECKING:
    from evalskip.summary import Summary


def memory(summary: Summary) -> Table:
    """Every peak that was read, per phase."""
    names = ("train", "evaluate", "save", "other")
    around = ("before_evaluation", "after_evaluation")
    rows = [
        (
            *who(name, arm),
            say(quantity),
            *(peak(arm, phase, quantity) for phase in names),
            *(digits.size(arm.train_peaks.get(part, {}).get(quantity)) for part in around),
        )
        for name, arm in summary.arms.items()
        for quantity in QUANTITIES
        if has(summary, quantity)
    ]
    return Table(
        title=say("Peak memory per phase, MiB"),
        note=say(
            "The largest reading of each phase. On a CPU: the resident set of the run's process, "
            "in runs of their own. The last two: of train steps before the first evaluation and "
            "after it."
        ),
        columns=(
            *map(say, WHO),
            say("quantity"),
            *map(say, names),
            say("train before"),
            say("train after"),
        ),
        rows=rows,
    )


def headroom(summary: Summary) -> Table:
    """The largest batch of each arm, what bounds it and whether it pays."""
    rows = []
    for found in summary.headroom:
        own, largest = (
            found.tokens_per_s.get(str(batch)) for batch in (found.own_batch, found.max_batch)
        )
        rows.append(
            (
                found.arm,
                str(found.max_batch) if found.max_batch else say("not one fits"),
                say(found.bound_by) if found.bound_by else digits.NOTHING,
                str(found.trials),
                digits.size(found.peak_bytes),
                digits.size(found.evaluation_bytes),
                digits.rate(own),
                digits.rate(largest),
                digits.interval(found.throughput_gain),
            )
        )
    limits = sorted({digits.bytes_of(found.limit_bytes) for found in summary.headroom})
    bases = sorted({digits.bytes_of(found.base_bytes) for found in summary.headroom})
    own_batches = sorted({str(found.own_batch) for found in summary.headroom})
    return Table(
        title=say("Headroom: the largest batch"),
        note=say(
            "Rows per device that complete train steps and what the arm evaluates within "
            "{limits}; one row more runs out of memory, in the phase that is named. "
            "Peaks are of what the limit is on, with the {bases} that the process holds before it "
            "builds a model; alone: an evaluation beside train steps of one row. Tokens/s of "
            "steady train steps at the job's own batch ({own}) and at the largest; faster: T at "
            "the own batch over T at the largest, less 1, for the same rows, with an evaluation "
            "at the end where the arm evaluates; by the wall clock, since another batch is other "
            "work.",
            limits=listed(limits),
            bases=listed(bases),
            own=listed(own_batches),
        ),
        columns=(
            say("arm"),
            say("largest batch"),
            say("bound by"),
            say("trials"),
            say("peak MiB"),
            say("evaluation alone MiB"),
            say("own tokens/s"),
            say("largest tokens/s"),
            say("faster %"),
        ),
        rows=rows,
    )
