"""Verdicts on memory: from at least three runs an arm, and on what is material."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from evalskip.analysis.peak_differences import MATERIAL, peak_differences
from support import run_record

if TYPE_CHECKING:
    from evalskip.summary import PeakDifference

MIB = 2**20


def differences(
    offs: list[float], ons: list[float], after: list[float]
) -> dict[str, PeakDifference]:
    """Of peaks in MiB: without evaluation, with it, and of the steps after one."""
    records = [
        run_record(arm="off", block=block, peak_bytes={"train": {"resident": round(peak * MIB)}})
        for block, peak in enumerate(offs)
    ]
    records += [
        run_record(
            arm="every_epoch@8",
            block=block,
            evaluations=1,
            peak_bytes={
                "train": {"resident": 400 * MIB},
                "evaluate": {"resident": round(peak * MIB)},
            },
            train_peaks={"after_evaluation": {"resident": round(steps * MIB)}},
        )
        for block, (peak, steps) in enumerate(zip(ons, after, strict=True))
    ]
    return {found.what: found for found in peak_differences(records, 0.95)}


@pytest.mark.parametrize(
    ("offs", "ons", "verdict"),
    [
        ([500.0, 500.1, 500.2], [600.0, 600.3, 600.1], "supported"),
        ([500.0, 500.0, 500.0], [600.0, 600.0, 600.0], "supported"),
        ([500.0, 500.2, 499.9], [501.0, 501.2, 500.9], "refuted"),  # 1 MiB: no material difference
        ([500.0, 500.1, 500.2], [480.0, 480.1, 480.2], "refuted"),  # lower is not higher
        # 15 MiB of 996, where repeats differ by 10: nobody knows
        ([996.0, 986.0, 1001.0], [1011.0, 1016.0, 1002.0], "inconclusive"),
        ([500.0, 500.1], [600.0, 600.1], "inconclusive"),  # two runs are too few
        ([500.0], [600.0], "inconclusive"),
    ],
)
def test_a_verdict_on_the_peak(offs: list[float], ons: list[float], verdict: str) -> None:
    found = differences(offs, ons, after=ons)["peak"]
    assert found.verdict == verdict
    assert found.runs == len(offs)
    assert (found.difference.low is None) is (len(offs) < 3)
    assert found.material_bytes == pytest.approx(MATERIAL * found.off_bytes)


def test_what_is_kept_after_an_evaluation_is_a_question_of_its_own() -> None:
    found = differences([500.0] * 3, [600.0, 600.1, 600.2], after=[501.0, 501.1, 501.2])
    assert (found["peak"].verdict, found["after_evaluation"].verdict) == ("supported", "refuted")
    assert found["after_evaluation"].difference.estimate == pytest.approx(1.1 * MIB, rel=0.01)


def test_without_runs_of_off_there_is_nothing_to_compare() -> None:
    assert differences([], [600.0] * 3, after=[600.0] * 3) == {}
