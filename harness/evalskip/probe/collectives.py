"""Where ranks wait for each other: the collectives that Python code calls.

A rank that comes early to one waits there for the last; what is exchanged then counts as waiting as
well, since the two cannot be told apart from one rank alone. What travels beside the computation
adds to the step that it belongs to: gradients of ``DistributedDataParallel``, exchanged from C++,
and shards that FSDP gathers on a stream of their own. On a CPU FSDP has no streams, and waits.
"""

from __future__ import annotations

import inspect
import sys
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from evalskip.probe.phases import PhaseRecorder

_COLLECTIVES = (
    "all_gather",
    "all_gather_single",
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
    "reduce_scatter_single",
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
    depth = 0
    stream = _stream()

    def timed(original: Callable[..., Any]) -> Callable[..., Any]:
        names = list(inspect.signature(original).parameters)
        place = names.index("async_op") if "async_op" in names else len(names)

        @wraps(original)
        def around(*args: Any, **kwargs: Any) -> Any:
            nonlocal depth
            blocks = not (kwargs.get("async_op") or (len(args) > place and args[place]))
            # one that does not block is waited for elsewhere, one may call another, and what runs
            # on another stream runs beside what is timed
            if depth or not blocks or _stream() != stream:
                return original(*args, **kwargs)
            depth += 1
            recorder.collective_begins()
            try:
                return original(*args, **kwargs)
            finally:
                recorder.collective_done()
                depth -= 1

        return around

    originals = {name: getattr(dist, name) for name in _COLLECTIVES if hasattr(dist, name)}
    ours = {name: timed(original) for name, original in originals.items()}
    for name, wrapper in ours.items():
        setattr(dist, name, wrapper)
    try:
        yield
    finally:
        for name, wrapper in ours.items():
            # what somebody else has put there since is theirs
            if getattr(dist, name) is wrapper:
                setattr(dist, name, originals[name])


def _stream() -> Any:
    """The stream that work is submitted to; on a CPU there is none."""
    torch: Any = sys.modules.get("torch")
    return torch.cuda.current_stream() if torch.cuda.is_initialized() else None
