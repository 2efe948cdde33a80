"""Whether others took what a run needed: judged from what *they* cost, not from how long it took.

A second is disturbed if the rest of the machine kept more than a tenth of a core busy in it, or the
hypervisor withheld as much, or a GPU was throttled for heat or power supply. A block is disturbed
if more than a tenth of its seconds are, over all its runs: to judge each run by itself would flag
long ones more often than short ones, and so one arm more often than another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from evalskip.machine.activity import FIELDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

BUSY_CORES = 0.1
TIME_SHARE = 0.1

# a sample shorter than this is all rounding: the kernel counts in ticks of 10 ms
_SHORTEST_S = 0.25

# hardware slowdown, software and hardware thermal slowdown, power brake (nvml.h)
_THROTTLED = 0x8 | 0x20 | 0x40 | 0x80


class Disturbance(NamedTuple):
    """Of one run: how long it was watched, and how much of that others disturbed, in seconds."""

    disturbed_s: float
    observed_s: float


def disturbance_of(
    samples: Sequence[Sequence[float]], gpu_samples: Sequence[dict[str, Any]] = ()
) -> Disturbance | None:
    """Judge the seconds of one run.

    Args:
        samples: rows of :data:`evalskip.machine.activity.FIELDS`.
        gpu_samples: what the driver said, at the same moments.

    Returns:
        None where there is no sample to judge from.
    """
    observed = disturbed = before = 0.0
    for number, row in enumerate(samples):
        sample = dict(zip(FIELDS, row, strict=True))
        passed = sample["at_s"] - before
        before = sample["at_s"]
        if passed < _SHORTEST_S:
            continue
        observed += passed
        others = max(sample["busy_s"] - sample["own_s"], sample["steal_s"])
        gpu = gpu_samples[number] if number < len(gpu_samples) else {}
        if others / passed > BUSY_CORES or gpu.get("throttle_reasons", 0) & _THROTTLED:
            disturbed += passed
    return Disturbance(disturbed, observed) if observed else None


def is_disturbed(runs: Iterable[Disturbance | None]) -> bool | None:
    """Judge a block by all its runs; None where none could be watched."""
    observations = [run for run in runs if run is not None]
    if not observations:
        return None
    observed = sum(run.observed_s for run in observations)
    return sum(run.disturbed_s for run in observations) / observed > TIME_SHARE
