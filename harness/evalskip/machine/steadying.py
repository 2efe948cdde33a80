"""Settings of the environment that make a run on a CPU steadier, applied to every timed run.

They are the same in all arms, and speed training and evaluation up alike, so they change the noise
and not the gain. What the user has set wins.

Threads are not bound to cores: on a machine that nobody else uses that makes steps steadier, but
not the share of evaluation, and beside a neighbour bound threads cannot give way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_ALLOCATOR = {
    # memory that a step frees stays with the process, and the next step need not fetch it again
    "MALLOC_MMAP_THRESHOLD_": "17179869184",
    "MALLOC_TRIM_THRESHOLD_": "17179869184",
}
_WAITING = {
    # GNU OpenMP: a thread that waits for another turns this many times, then sleeps. Enough to
    # bridge the gap between two operations; by default a waiting thread fights a neighbour for
    # the very core that the thread it waits for needs
    "GOMP_SPINCOUNT": "1000",
}


def steadying(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables to add to an environment.

    Where it says anything of the allocator, or of how OpenMP's threads wait, that is left alone.
    """
    own_allocator = "LD_PRELOAD" in environment or any(
        name.startswith(("MALLOC_", "GLIBC_TUNABLES")) for name in environment
    )
    own_waiting = any(
        name in environment for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")
    )
    return ({} if own_allocator else _ALLOCATOR) | ({} if own_waiting else _WAITING)
