"""Finds the Trainer to which a callback was given, and wraps its methods."""

from __future__ import annotations

import sys
from functools import wraps
from typing import TYPE_CHECKING, Any

from transformers import Trainer

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from transformers import TrainerCallback


def trainer_of(callback: TrainerCallback) -> Trainer | None:
    """The Trainer that is just now calling a callback; None: it is not being called by one.

    Callbacks are not told who calls them, and libraries such as LLaMA-Factory take callbacks while
    they keep their Trainer to themselves. It is found where it is: on the stack.
    """
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        candidate = frame.f_locals.get("self")
        if isinstance(candidate, Trainer) and callback in candidate.callback_handler.callbacks:
            return candidate
        frame = frame.f_back
    return None


def wrap(owner: object, name: str, around: Callable[..., Any]) -> None:
    """Have ``around(original, ...)`` called in place of an object's method."""
    original = getattr(owner, name)

    @wraps(original)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        return around(original, *args, **kwargs)

    setattr(owner, name, wrapped)
