"""What a run measured, from the reports of its ranks."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any, Literal

from evalskip.probe.combined import combined_digest
from evalskip.probe.measured import EvaluatedTimes, Rank
from evalskip.probe.memory import highest
from evalskip.probe.report import place_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from evalskip.probe.measured import Measured


def collected(report: Path) -> list[dict[str, Any]] | None:
    """What each process of a run reported, in the order of ranks; the reports are taken away.

    Args:
        report: where one process reports; :func:`evalskip.probe.report.place_of` says where one of
            several does.

    Returns:
        None where a rank, or the only process, has reported nothing.
    """
    reports = [_pop_report(report)] if report.exists() else list(_ranks(report))
    worlds = [each.pop("world") for each in reports]
    return reports if reports and len(reports) >= worlds[0] else None


def _ranks(report: Path) -> Iterator[dict[str, Any]]:
    for rank in count():
        place = place_of(report, rank)
        if not place.exists():
            return
        yield _pop_report(place)


def _pop_report(place: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(place.read_text())
    place.unlink()
    return content


def merged(measured: Sequence[Measured]) -> Measured:
    """One run's measurements, from those of its ranks; of one alone, its own.

    T and all that is told of single steps are the slowest rank's: the job has not ended before.
    A peak of memory is the highest that any rank had, each on a device of its own. Digests are of
    all ranks' data and of all ranks' shards, in their order.
    """
    first = measured[0]
    if len(measured) == 1:
        return first
    slowest = max(measured, key=lambda each: each.timeline.wall_ns)
    return replace(
        slowest,
        losses=first.losses,
        batch_digests=first.batch_digests,
        train_tokens=sum(each.train_tokens for each in measured),
        began_at_ns=first.began_at_ns,
        evaluated_times=EvaluatedTimes(
            samples=_times("samples", slowest, measured), tokens=_times("tokens", slowest, measured)
        ),
        peak_bytes=highest(each.peak_bytes for each in measured),
        setup_ns=_longest([each.setup_ns for each in measured]),
        ranks=[
            Rank(rank, each.timeline.wall_ns, each.phases_ns, each.peak_bytes)
            for rank, each in enumerate(measured)
        ],
        work_digest=_of_all([each.work_digest for each in measured]),
        losses_digest=_of_all([each.losses_digest for each in measured]),
        weights_digest=_of_all([each.weights_digest for each in measured]),
        weights_sketch=[norm for each in measured for norm in each.weights_sketch],
    )


def _of_all(digests: Sequence[str | None]) -> str | None:
    """The digest of all ranks' digests; None where one has none."""
    parts = [digest for digest in digests if digest]
    return combined_digest(parts) if len(parts) == len(digests) else None


def _times(
    what: Literal["samples", "tokens"], one: Measured, measured: Sequence[Measured]
) -> float:
    def evaluated(each: Measured) -> int:
        return sum(getattr(evaluation, what) for evaluation in each.timeline.evaluations)

    own = evaluated(one)
    return sum(map(evaluated, measured)) / own if own else 1.0


def _longest(setups: Sequence[dict[str, int]]) -> dict[str, int]:
    parts = dict.fromkeys(part for setup in setups for part in setup)
    return {part: max(setup.get(part, 0) for setup in setups) for part in parts}
