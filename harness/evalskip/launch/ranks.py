"""What a run measured, from the reports of its ranks."""

from __future__ import annotations

import json
from itertools import count
from typing import TYPE_CHECKING, Any

from evalskip.probe.combined import combined_digest
from evalskip.probe.memory import highest
from evalskip.probe.report import place_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_PROOFS = ("work_digest", "losses_digest", "weights_digest")


def collected(report: Path) -> dict[str, Any] | None:
    """What a run measured, on one process or on several; its reports are taken away.

    Args:
        report: where one process reports; :func:`evalskip.probe.report.place_of` says where one of
            several does.

    Returns:
        None where a rank, or the only process, has reported nothing.
    """
    found = [_taken(report)] if report.exists() else list(_ranks(report))
    if not found or len(found) < found[0].pop("world"):
        return None
    return merged(found) if len(found) > 1 else found[0]


def _ranks(report: Path) -> Iterator[dict[str, Any]]:
    for rank in count():
        place = place_of(report, rank)
        if not place.exists():
            return
        yield _taken(place)


def _taken(place: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(place.read_text())
    place.unlink()
    return told


def merged(measured: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One run's measurements, from those of its ranks.

    T and all that is told of single steps are the slowest rank's: the job has not ended before.
    A peak of memory is the highest that any rank had, each on a device of its own. Digests are of
    all ranks' data and of all ranks' shards, in their order.

    Args:
        measured: of each rank, as :meth:`evalskip.probe.trainer.TrainerProbe.finish` returns it.

    Returns:
        The same, with ``ranks``: each one's ``rank``, ``wall_ns``, ``phases_ns``, ``peak_bytes``;
        and ``evaluated_times``: how many times the ``rows`` and ``tokens`` that the slowest rank
        evaluated all ranks did.
    """
    slowest = max(measured, key=lambda each: int(each["timeline"]["wall_ns"]))
    one = {
        **slowest,
        "losses": measured[0]["losses"],
        "batch_digests": measured[0]["batch_digests"],
        "train_tokens": sum(each["train_tokens"] for each in measured),
        "began_at_ns": measured[0].get("began_at_ns"),
        "evaluated_times": {what: _times(what, slowest, measured) for what in ("rows", "tokens")},
        "peak_bytes": highest(each.get("peak_bytes", {}) for each in measured),
        "setup_ns": _longest([each.get("setup_ns", {}) for each in measured]),
        "ranks": [
            {
                "rank": rank,
                "wall_ns": each["timeline"]["wall_ns"],
                "phases_ns": each["phases_ns"],
                "peak_bytes": each.get("peak_bytes", {}),
            }
            for rank, each in enumerate(measured)
        ],
    }
    for proof in _PROOFS:
        parts = [str(each[proof]) for each in measured if each.get(proof)]
        if proof in slowest:
            one[proof] = combined_digest(parts) if len(parts) == len(measured) else None
    if "weights_sketch" in slowest:
        one["weights_sketch"] = [norm for each in measured for norm in each["weights_sketch"]]
    return one


def _times(what: str, one: dict[str, Any], measured: Sequence[dict[str, Any]]) -> float:
    def evaluated(each: dict[str, Any]) -> int:
        return sum(evaluation[what] for evaluation in each["timeline"]["evaluations"])

    own = evaluated(one)
    return sum(map(evaluated, measured)) / own if own else 1.0


def _longest(setups: Sequence[dict[str, int]]) -> dict[str, int]:
    parts = dict.fromkeys(part for setup in setups for part in setup)
    return {part: max(setup.get(part, 0) for setup in setups) for part in parts}
