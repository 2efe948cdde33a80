"""Callbacks from their names, as the harness sends them into a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from transformers import TrainerCallback


def made_of(callbacks: Iterable[tuple[str, Sequence[Any]]]) -> list[TrainerCallback]:
    """Those of a run, from the names that this package has for them, and their arguments."""
    from evalskip import callbacks as known

    return [getattr(known, name)(*arguments) for name, arguments in callbacks]
