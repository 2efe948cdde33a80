"""Where ranks wait for each other: the collectives that Python code calls.

A rank that comes early to one waits there for the last; what is exchanged then counts as waiting as
well, since the two cannot be told apart from one rank alone. The gradients that
``DistributedDataParallel`` exchanges, and the parameters that FSDP gathers, travel beside the
computation, from C++ or on streams of their own: what that adds to a step stays in the step.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from evalskip.probe.phases import PhaseRecorder

_COLLECTIVES = (
    "all_gather",
    "all_gather_into_tensor",
    "all_gather_object",
    "all_reduce",
    "all_to_all",
    "all_to_all_single",
    "barrier",
    "broadcast",
    "broadcast_object_list",
    "gather",
    "gather_object",
    "reduce",
    "reduce_scatter",
    "reduce_scatter_tensor",
    "scatter",
    "scatter_object_list",
)


@contextmanager
def collectives_timed(recorder: PhaseRecorder) -> Iterator[None]:
    """Have the recorder told of every collective that is called inside; alone, of none.

    Args:
        recorder: whose T is running.
    """
    # what a script that does without torch has not imported, it does not use either
    dist: Any = sys.modules.get("torch.distributed")
    if dist is None or not dist.is_available() or not dist.is_initialized():
        yield
        return
    originals = {name: getattr(dist, name) for name in _COLLECTIVES}
    depth = 0

    def timed(original: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(original)
        def around(*args: Any, **kwargs: Any) -> Any:
            nonlocal depth
            # one that does not block is waited for elsewhere, and one may call another
            if depth or kwargs.get("async_op"):
                return original(*args, **kwargs)
            depth += 1
            recorder.collective_begins()
            try:
                return original(*args, **kwargs)
            finally:
                recorder.collective_done()
                depth -= 1

        return around

    for name, original in originals.items():
        setattr(dist, name, timed(original))
    try:
        yield
    finally:
        for name, original in originals.items():
            setattr(dist, name, original)
