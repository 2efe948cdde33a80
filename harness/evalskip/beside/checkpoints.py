"""Checkpoints that a Trainer has saved, or is saving."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

_STATE = "trainer_state.json"


class Checkpoints:
    """Those in a Trainer's output folder.

    A checkpoint is whole once its ``trainer_state.json`` is there, which the Trainer writes after
    the weights (``Trainer._save_checkpoint``).

    Args:
        output: the Trainer's ``output_dir``.
    """

    def __init__(self, output: Path) -> None:
        self.output = output

    def steps(self) -> list[int]:
        """Steps of those that are whole, in order."""
        names = [each.name for each in self.output.glob("checkpoint-*") if _state_of(each)]
        return sorted(int(name[11:]) for name in names if re.fullmatch(r"checkpoint-\d+", name))

    def at(self, step: int) -> Path:
        """The folder of one."""
        return self.output / f"checkpoint-{step}"

    def epoch_at(self, step: int) -> float | None:
        """Epochs that had passed when one was saved; None: it does not say."""
        epoch = (_state_of(self.at(step)) or {}).get("epoch")
        return float(epoch) if isinstance(epoch, int | float) else None

    def is_over(self) -> bool:
        """Whether training has ended: its last checkpoint is there, or its closing state is."""
        steps = self.steps()
        last = _state_of(self.at(steps[-1])) if steps else None
        reached = bool(last and 0 < last.get("max_steps", 0) <= last.get("global_step", 0))
        closing = _state_of(self.output)
        return reached or bool(closing and (not steps or closing["global_step"] >= steps[-1]))

    def gone(self) -> list[int]:
        """Steps at which one was saved, as far as those that are left tell, and is no more.

        They tell where all are a multiple of ``save_steps``, or of an epoch, but for the last.
        """
        steps = self.steps()
        state = (_state_of(self.at(steps[-1])) if steps else None) or {}
        epochs = state.get("num_train_epochs") or 0
        gaps = [state.get("save_steps"), state.get("max_steps", 0) / epochs if epochs else None]
        regular = [step for step in steps if step != state.get("max_steps")] or steps
        for gap in gaps:
            if not isinstance(gap, int | float) or gap < 1:
                continue
            count = int(steps[-1] // gap) if steps else 0
            planned = {round(gap * number) for number in range(1, count + 1)}
            if planned >= set(regular):
                return sorted(planned - set(steps))
        return []


def _state_of(folder: Path) -> dict[str, Any] | None:
    """What the Trainer says of itself there; None: it is not there, or not whole."""
    with suppress(OSError, ValueError):
        state = json.loads((folder / _STATE).read_text(encoding="utf-8"))
        if isinstance(state, dict) and isinstance(state.get("global_step"), int):
            return state
    return None
