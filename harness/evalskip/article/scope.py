"""What a verdict holds for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.notes import Note, note

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.summary import Scope

_ON_CPU = "measured_on_cpu"


def scope_of(scope: Scope, *beside: Note) -> list[Note | str]:
    """The job, its model and the device, with what else belongs to it."""
    code = _ON_CPU if scope.device in ("cpu", "none") else "measured_on"
    return [note(code, job=scope.job, model=scope.model, device=scope.device), *beside]


def is_on_cpu(scope: Sequence[Note | str]) -> bool:
    """Whether what it is of was not measured on a GPU."""
    return any(isinstance(each, Note) and each.code == _ON_CPU for each in scope)
