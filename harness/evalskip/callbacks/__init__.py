"""Callbacks for anybody's own training script; they need transformers alone."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from evalskip.callbacks.at_the_last_step import AtTheLastStep
from evalskip.callbacks.every_n_epochs import EveryNEpochs

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from transformers import TrainerCallback


def made_of(callbacks: Iterable[tuple[str, Sequence[Any]]]) -> list[TrainerCallback]:
    """Callbacks of this package from their names and arguments."""
    return [getattr(sys.modules[__name__], name)(*arguments) for name, arguments in callbacks]


__all__ = ["AtTheLastStep", "EveryNEpochs", "made_of"]
