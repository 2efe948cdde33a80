"""Callbacks from their names, as the harness sends them into a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalskip.callbacks.at_the_last_step import AtTheLastStep
from evalskip.callbacks.every_n_epochs import EveryNEpochs
from evalskip.callbacks.ranks_agree import RanksAgree

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from transformers import TrainerCallback

_NAMED = {each.__name__: each for each in (AtTheLastStep, EveryNEpochs, RanksAgree)}


def made_of(callbacks: Iterable[tuple[str, Sequence[Any]]]) -> list[TrainerCallback]:
    """Those of a run, from their names and arguments."""
    return [_NAMED[name](*arguments) for name, arguments in callbacks]
