"""The environment variables under which runs of real training start."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from evalskip.machine.devices import first_gpu
from evalskip.machine.steadying import steadying

if TYPE_CHECKING:
    from evalskip.jobs.base import Measure


def training_environment(
    measure: Measure, *, threads: int, on_cuda: bool, ranks: int = 1
) -> dict[str, str]:
    """Variables to add to ours.

    Args:
        measure: what the runs measure.
        threads: CPU threads of each.
        on_cuda: whether they use a CUDA device; with one rank they see one at most.
        ranks: processes of each run.
    """
    variables = {
        "OMP_NUM_THREADS": str(threads),
        "TOKENIZERS_PARALLELISM": "false",
        # lets torch see whether a device is there without initialising CUDA before a fork
        "PYTORCH_NVML_BASED_CUDA_CHECK": "1",
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
    }
    if ranks == 1 or not on_cuda:
        # with several, the Trainer would spread each batch over all of them
        variables["CUDA_VISIBLE_DEVICES"] = (first_gpu() or "") if on_cuda else ""
    if measure == "memory":
        # glibc's moving thresholds, and an arena per thread, make peaks wander by tens of MiB
        variables |= {
            "MALLOC_MMAP_THRESHOLD_": "131072",
            "MALLOC_TRIM_THRESHOLD_": "131072",
            "MALLOC_ARENA_MAX": "1",
        }
    return variables | steadying({**os.environ, **variables})
