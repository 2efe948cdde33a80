"""What evaluation costs a fine-tuning job, measured on matched runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.probe.loop import phase

if TYPE_CHECKING:
    from evalskip.beside.afterwards import evaluate_checkpoints
    from evalskip.experiments.audit import audit

__all__ = ["__version__", "audit", "evaluate_checkpoints", "phase"]

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    # what reads logs is not there in the interpreters of jobs, and torch takes a second
    if name == "audit":
        from evalskip.experiments.audit import audit

        return audit
    if name == "evaluate_checkpoints":
        from evalskip.beside.afterwards import evaluate_checkpoints

        return evaluate_checkpoints
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
