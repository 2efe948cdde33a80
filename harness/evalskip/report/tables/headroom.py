"""The largest batch of each arm."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.report import digits
from evalskip.report.tables.table import Table
from evalskip.report.words import N_

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.report.words import Language
    from evalskip.summary import HeadroomSummary


def headroom(section: HeadroomSummary, language: Language) -> Table:
    """The largest batch of each arm, what bounds it and whether it pays."""
    rows = []
    for arm_headroom in [each for each in (section.off, *section.evaluating) if each]:
        own, largest = (
            arm_headroom.tokens_per_s.get(str(batch))
            for batch in (arm_headroom.own_batch, arm_headroom.max_batch)
        )
        rows.append(
            (
                arm_headroom.arm,
                str(arm_headroom.max_batch)
                if arm_headroom.max_batch
                else language.gettext("not one fits"),
                language.gettext(arm_headroom.bound_by)
                if arm_headroom.bound_by
                else digits.NOTHING,
                str(arm_headroom.trials),
                digits.size(arm_headroom.peak_bytes),
                digits.size(arm_headroom.evaluation_bytes),
                digits.rate(own),
                digits.rate(largest),
                digits.interval(arm_headroom.throughput_gain),
            )
        )
    limits = sorted({digits.bytes_of(arm_headroom.limit_bytes) for arm_headroom in section.arms})
    bases = sorted({digits.bytes_of(arm_headroom.base_bytes) for arm_headroom in section.arms})
    own_batches = sorted({str(arm_headroom.own_batch) for arm_headroom in section.arms})
    return Table(
        title=language.gettext("Headroom: the largest batch"),
        note=language.gettext(
            "Largest number of samples per device with which training and the arm's evaluation "
            "complete within {limits}; one sample more runs out of memory, in the phase that is "
            "named. Peaks include the {bases} that the process holds before it builds a model. "
            "Evaluation alone: its peak beside train steps of one sample. Tokens/s: of steady "
            "train steps, at the job's own batch ({own}) and at the largest. Faster: the whole "
            "run, first steps and fixed costs included, so less than tokens/s: training time at "
            "the own batch over that at the largest, less 1, for the same samples, wall-clock.",
            limits=language.join(limits),
            bases=language.join(bases),
            own=language.join(own_batches),
        ),
        columns=language.texts(
            N_("arm"),
            N_("largest batch"),
            N_("limited by"),
            N_("trials"),
            N_("peak MiB"),
            N_("evaluation alone MiB"),
            N_("own tokens/s"),
            N_("largest tokens/s"),
            N_("whole run faster %"),
        ),
        rows=_merged(rows, language),
        spare=language.texts(
            N_("trials"),
            N_("evaluation alone MiB"),
            N_("own tokens/s"),
            N_("largest tokens/s"),
            N_("peak MiB"),
        ),
    )


def _merged(rows: Sequence[tuple[str, ...]], language: Language) -> list[tuple[str, ...]]:
    """Arms that evaluate alike are measured once, and share a row."""
    names: dict[tuple[str, ...], list[str]] = {}
    for name, *figures in rows:
        names.setdefault(tuple(figures), []).append(name)
    return [(language.join(own), *figures) for figures, own in names.items()]


FIRST = (headroom,)
