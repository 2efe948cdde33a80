"""Whether others took what a run needed: judged from what *they* cost, not from how long it took.

A run is contaminated if, for more than a tenth of its time, the rest of the machine kept more than
a tenth of a core busy, or the hypervisor withheld as much, or a GPU was throttled for heat or power
supply. The judgement sees neither the arm nor the duration, so that it cannot favour either.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalskip.machine.activity import FIELDS

if TYPE_CHECKING:
    from collections.abc import Sequence

BUSY_CORES = 0.1
TIME_SHARE = 0.1

# a sample shorter than this is all rounding: the kernel counts in ticks of 10 ms
_SHORTEST_S = 0.25

# hardware slowdown, software and hardware thermal slowdown, power brake (nvml.h)
_THROTTLED = 0x8 | 0x20 | 0x40 | 0x80


def is_contaminated(
    samples: Sequence[Sequence[float]], gpu_samples: Sequence[dict[str, Any]] = ()
) -> bool | None:
    """Judge one run.

    Args:
        samples: rows of :data:`evalskip.machine.activity.FIELDS`.
        gpu_samples: what the driver said, at the same moments.

    Returns:
        None where there is no sample to judge from.
    """
    total = disturbed = before = 0.0
    for row in samples:
        sample = dict(zip(FIELDS, row, strict=True))
        passed = sample["at_s"] - before
        before = sample["at_s"]
        if passed < _SHORTEST_S:
            continue
        total += passed
        others = max(sample["busy_s"] - sample["own_s"], sample["steal_s"])
        disturbed += passed * (others / passed > BUSY_CORES)
    if not total:
        return None
    throttled = sum(bool(s.get("throttle_reasons", 0) & _THROTTLED) for s in gpu_samples)
    too_hot = bool(gpu_samples) and throttled / len(gpu_samples) > TIME_SHARE
    return too_hot or disturbed / total > TIME_SHARE
