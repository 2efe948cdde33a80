"""Peaks of memory."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from evalskip.report import digits
from evalskip.report.tables.table import QUANTITIES, WHO, Table, has, peak, who
from evalskip.report.words import N_

if TYPE_CHECKING:
    from evalskip.report.words import Language
    from evalskip.summary import BenchSummary


def memory(bench: BenchSummary, language: Language) -> Table:
    """Every peak that was read, per phase."""
    names = ("train", "evaluate", "save", "other")
    around = ("before_evaluation", "after_evaluation")
    rows = [
        (
            *who(name, arm, language),
            language.gettext(quantity),
            *(peak(arm, phase, quantity) for phase in names),
            *(digits.size(arm.train_peaks.get(part, {}).get(quantity)) for part in around),
        )
        for name, arm in bench.arms.items()
        for quantity in QUANTITIES
        if has(bench, quantity)
    ]
    return Table(
        title=language.gettext("Peak memory per phase, MiB"),
        note=language.gettext(
            "The highest reading in each phase. On a CPU: the resident set of the run's "
            "process, metered in separate runs. The last two columns: train steps before and "
            "after the first evaluation."
        ),
        columns=language.texts(*WHO, N_("quantity"), *names, N_("train before"), N_("train after")),
        rows=rows,
    )


def peak_differences(bench: BenchSummary, language: Language) -> Table:
    """By how much evaluation raises peaks, and whether that matters."""
    return Table(
        title=language.gettext("Peaks against those of runs without evaluation, MiB"),
        note=language.gettext(
            "Differences of means, with confidence intervals. After evaluation: peaks of train "
            "steps that follow one. Higher: by more than the fourth column."
        ),
        columns=language.texts(
            N_("arm"), N_("peak of"), N_("difference"), N_("higher from"), N_("verdict")
        ),
        rows=[
            (
                each.arm,
                language.gettext(_PEAKS[each.what]),
                digits.size_interval(each.difference),
                digits.size(round(each.material_bytes)),
                language.gettext(MATERIALLY[each.verdict]),
            )
            for each in bench.peak_differences
        ],
    )


_PEAKS = {"peak": N_("a run"), "after_evaluation": N_("after evaluation")}
MATERIALLY = {
    "supported": N_("higher"),
    "refuted": N_("not higher"),
    "inconclusive": N_("inconclusive"),
}
"""Whether a difference of peaks matters, by its verdict."""


def _where_untimed(bench: BenchSummary, language: Language) -> Table:
    """The differences, before all else where nothing but memory was metered."""
    table = peak_differences(bench, language)
    return table if not bench.is_timed else replace(table, rows=())


FIRST = (_where_untimed,)
REST = (memory, peak_differences)
