"""Peak memory of what runs on fake tensors: every storage is known, none is filled.

``torch.distributed._tools.mem_tracker`` does as much for modules of any kind; this counts only what
a plan needs, at a third of its time.
"""

from __future__ import annotations

import weakref
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# CUDA's caching allocator hands out multiples of this (c10/cuda/CUDACachingAllocator.cpp)
_ROUNDED_TO = 512


class MemoryTrace(TorchDispatchMode):
    """Counts the bytes of all storages that are alive, by category, and remembers the peak.

    A storage belongs to the category under which it was first seen: see :meth:`category`, and
    :meth:`claim` for what turns out to be something else.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._live: dict[int, tuple[str, int]] = {}
        self._now: Counter[str] = Counter()
        self._total = 0
        self._category = "activations"
        self.peak = 0
        self.peak_parts: dict[str, int] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run the operation, and count the storages that it made."""
        result = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, torch.Tensor):
                self._see(leaf)
        return result

    @contextmanager
    def category(self, name: str) -> Iterator[None]:
        """What is made inside belongs to a category."""
        before, self._category = self._category, name
        try:
            yield
        finally:
            self._category = before

    def claim(self, tensors: Iterable[torch.Tensor], category: str) -> None:
        """These belong to a category, whatever they were made as."""
        for tensor in tensors:
            self._see(tensor)
            key = id(tensor.untyped_storage())
            previous, size = self._live[key]
            self._now[previous] -= size
            self._now[category] += size
            self._live[key] = (category, size)

    def reset_peak(self) -> None:
        """The peak is what is alive now."""
        self.peak, self.peak_parts = self._total, dict(self._now)

    def _see(self, tensor: torch.Tensor) -> None:
        storage = tensor.untyped_storage()
        key = id(storage)
        if key in self._live:
            return
        size = -(-storage.nbytes() // _ROUNDED_TO) * _ROUNDED_TO
        self._live[key] = (self._category, size)
        weakref.finalize(storage, self._drop, key).atexit = False
        self._now[self._category] += size
        self._total += size
        if self._total > self.peak:
            self.peak, self.peak_parts = self._total, dict(self._now)

    def _drop(self, key: int) -> None:
        category, size = self._live.pop(key)
        self._now[category] -= size
        self._total -= size
