"""Callbacks from their names, as the harness sends them into a run."""

from __future__ import annotations

import re
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from transformers import TrainerCallback


def made_of(callbacks: Iterable[tuple[str, Sequence[Any]]]) -> list[TrainerCallback]:
    """Those of a run, from the names of their classes, and their arguments.

    ``EveryNEpochs`` is looked for in ``every_n_epochs.py`` of this package.
    """
    instances = []
    for name, arguments in callbacks:
        module = re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
        instances.append(getattr(import_module(f"evalskip.callbacks.{module}"), name)(*arguments))
    return instances
