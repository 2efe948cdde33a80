"""What is ours inside a user's training: where it fails it says so once, and training goes on."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, TypeVar

from evalskip.probe.limits import is_out_of_memory

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

_Result = TypeVar("_Result")


class Guard:
    """Keeps failures of a measurement from the training that is measured.

    After the first one nothing more is called. Out of memory passes, since the Trainer and its
    users act on it, and so do ``KeyboardInterrupt`` and ``SystemExit``.

    Args:
        name: of what is guarded, for people; None: a run of the harness, which must not end well
            with half of its figures, so nothing is kept from it.
    """

    def __init__(self, name: str | None) -> None:
        self.name = name
        self.has_failed = False

    def call(self, action: Callable[..., _Result], /, *args: Any, **kwargs: Any) -> _Result | None:
        """What an action returns; None where it fails, or something has failed before."""
        if self.has_failed:
            return None
        try:
            return action(*args, **kwargs)
        except Exception as error:
            self.failed(error)
            return None

    def around(self, opened: Callable[[], AbstractContextManager[Any]]) -> _Guarded:
        """A context of ours around code of the user's, whose exceptions pass unchanged."""
        return _Guarded(self, opened)

    def failed(self, error: Exception) -> None:
        """Say once that no more is measured, or raise what is not to be kept from the training."""
        # of whatever device: a library's words for it may be new
        is_of_memory = is_out_of_memory(error) or "out of memory" in str(error)
        if self.name is None or is_of_memory:
            raise error
        if not self.has_failed:
            self.has_failed = True
            text = " ".join(f"{type(error).__name__}: {error}".split())
            print(
                f"evalskip: {self.name}: stops, and training goes on, since it failed: {text:.200}",
                file=sys.stderr,
            )


class _Guarded(AbstractContextManager[None]):
    def __init__(self, guard: Guard, opened: Callable[[], AbstractContextManager[Any]]) -> None:
        self._guard, self._opened = guard, opened
        self._context: AbstractContextManager[Any] | None = None

    def __enter__(self) -> None:
        context = self._guard.call(self._opened)
        if context is not None:
            self._guard.call(context.__enter__)
            self._context = None if self._guard.has_failed else context

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._context is None:
            return
        try:
            self._context.__exit__(kind, error, trace)
        except Exception as ours:
            if ours is not error:
                self._guard.failed(ours)
