"""Remedies as lines to paste."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalskip.analysis.recommendation import lines_of
from evalskip.notes import note

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalskip.notes import Note

_CODE = {"preprocess_logits_for_metrics": "reduce_logits", "max_new_tokens": "limit_tokens"}
"""What is no argument, as :mod:`evalskip.probe.trying` names it, and how it is written."""


def remedy_lines(
    arguments: Mapping[str, Any],
    *,
    by_length: bool = False,
    samples: int | None = None,
) -> dict[str, list[str | Note]]:
    """By where they go: arguments, and what is code as an option or as a callback.

    Args:
        arguments: of ``TrainingArguments``.
        by_length: whether samples are evaluated by their length.
        samples: of a random subset; None: all.
    """
    settings = {name: value for name, value in arguments.items() if name not in _CODE}
    lines = lines_of(settings) if settings else {}
    options, callbacks = list[str](), list[str]()
    if by_length:
        options.append("--eval-by-length")
        callbacks.append("SortByLength()")
    if samples:
        options.append(f"--eval-subset {samples}")
        callbacks.append(f"EvalSubset({samples})")
    if options:
        lines["evalskip_train"] = [f"evalskip train CONFIG {' '.join(options)}"]
        lines["trainer_callbacks"] = [f"callbacks=[{', '.join(callbacks)}],"]
    code: list[str | Note] = [
        note(_CODE[name], value=value) for name, value in arguments.items() if name in _CODE
    ]
    if code:
        lines["trainer_code"] = code
    return lines
