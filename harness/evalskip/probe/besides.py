"""What a run reports of evaluations that another process made of its snapshots."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class EvaluationBeside:
    """One evaluation in the second process."""

    after_step: int
    snapshot_ns: int
    """What taking the snapshot took of training."""
    evaluation_ns: int
    lag_ns: int
    """From the snapshot to its metrics being handed over."""
    lag_steps: int


@dataclass
class Beside:
    """What became of the snapshots of one training."""

    evaluations: list[EvaluationBeside] = field(default_factory=list)
    """In the order in which they were handed over."""
    dropped: list[int] = field(default_factory=list)
    """Steps whose snapshots gave way to newer ones."""
    unseen: list[int] = field(default_factory=list)
    """Steps whose metrics did not come in time, or for whose snapshots there was no room."""
    waited_ns: int = 0
    """At the end of training."""
    restarts: int = 0
    peak_bytes: int = 0
    """Of the second process: reserved on its device, on a CPU resident."""
    stopped_by: int | None = None
    """The step whose metrics ended training; None: none did."""
    is_inline: bool = False
    """Whether evaluation went back into training."""
