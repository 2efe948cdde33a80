"""A claimed range of the throughput gain, over all arms at which it is judged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.analysis.verdicts import FEWEST_BLOCKS, blocks_to_settle, overall
from evalskip.notes import Note, note
from evalskip.summary import ClaimedGain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalskip.summary import ArmSummary, Comparison, Interval


def claimed_gain(
    gain: tuple[float, float], arms: Mapping[str, ArmSummary], comparisons: Sequence[Comparison]
) -> ClaimedGain:
    """One verdict over all arms, with the regions in which it holds and what would settle the rest.

    Args:
        gain: the claimed range of throughput gain, as fractions.
        arms: of the experiment.
        comparisons: by all estimators, those that are judged with their verdicts.
    """
    judged = [each for each in comparisons if each.verdict is not None]
    points = sorted(judged, key=lambda each: arms[each.arm].evaluation_load)
    verdict = overall([point.verdict for point in points if point.verdict])
    return ClaimedGain(
        gain=gain, verdict=verdict, conditions=_conditions(gain, arms, comparisons, points)
    )


def place_of(arms: Mapping[str, ArmSummary], arm: str) -> Note:
    """An arm by its evaluation samples, or else by its name."""
    samples = arms[arm].evaluation_samples
    return note("with_arm", arm=arm) if samples is None else note("at_samples", samples=samples)


def _conditions(
    gain: tuple[float, float],
    arms: Mapping[str, ArmSummary],
    comparisons: Sequence[Comparison],
    points: Sequence[Comparison],
) -> list[Note]:
    if not points:
        return []
    fewest = min(point.blocks for point in points)
    if fewest < FEWEST_BLOCKS:
        return [note("verdict_needs_blocks", blocks=FEWEST_BLOCKS, fewest=fewest)]
    disagreeing = {each.arm for each in comparisons if each.disagrees}
    notes = [
        note("span_disagrees", place=place_of(arms, point.arm))
        for point in points
        if point.arm in disagreeing
    ]
    if len(points) > 1:
        loads = [0.0, *(arms[point.arm].evaluation_load for point in points)]
        readings = {
            "range_crossed": [point.throughput_gain for point in points],
            "range_crossed_by_time_saved": [point.time_saved for point in points],
        }
        for code, values in readings.items():
            entered, left = (_crossing(loads, values, edge) for edge in gain)
            notes.append(note(code, entered=entered, left=left))
    notes += [
        _open(gain, arms, point)
        for point in points
        if point.verdict == "inconclusive" and point.arm not in disagreeing
    ]
    return notes


def _open(gain: tuple[float, float], arms: Mapping[str, ArmSummary], point: Comparison) -> Note:
    """What would settle a point without a verdict."""
    needed = blocks_to_settle(point.throughput_gain, gain, point.blocks)
    place = place_of(arms, point.arm)
    if needed is None:
        return note("on_the_edge", place=place)
    return note("open_after_blocks", place=place, blocks=point.blocks, needed=needed)


def _crossing(loads: Sequence[float], values: Sequence[Interval], edge: float) -> Note:
    """The evaluation load at which a reading crosses an edge of the range, with its interval.

    Between the measured loads the values, and each limit of their intervals, are taken to be
    straight; they are 0 at a load of 0.
    """

    def crossed(limits: Sequence[float | None]) -> Note:
        curve = [0.0, *(0.0 if limit is None else limit for limit in limits)]
        for (x0, y0), (x1, y1) in zip(
            zip(loads, curve, strict=True), zip(loads[1:], curve[1:], strict=True), strict=False
        ):
            if y0 < edge <= y1:
                return note("load", load=x0 + (edge - y0) / (y1 - y0) * (x1 - x0))
        return note("load_beyond", load=loads[-1])

    return note(
        "with_limits",
        estimate=crossed([value.estimate for value in values]),
        low=crossed([value.high for value in values]),
        high=crossed([value.low for value in values]),
    )
