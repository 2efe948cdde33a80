"""A neighbour that keeps one core busy for random stretches, as others on a shared machine do."""

from __future__ import annotations

import multiprocessing
import random
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.synchronize import Event


@contextmanager
def neighbour(stretch_s: tuple[float, float], seed: int | None = None) -> Iterator[None]:
    """A process that comes and goes.

    Args:
        stretch_s: seconds of one stay, and of one absence, at least and at most.
        seed: of their lengths; None: others each time.
    """
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    process = context.Process(target=_come_and_go, args=(ready, stretch_s, seed), daemon=True)
    process.start()
    ready.wait()
    try:
        yield
    finally:
        process.kill()
        process.join()


def _come_and_go(ready: Event, stretch_s: tuple[float, float], seed: int | None) -> None:
    source = random.Random(seed)
    ready.set()
    while True:
        until = time.monotonic() + source.uniform(*stretch_s)
        while time.monotonic() < until:
            pass
        time.sleep(source.uniform(*stretch_s))
