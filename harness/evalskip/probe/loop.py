"""Phases of a hand-written training loop."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from evalskip.probe.clocks import clock_for
from evalskip.probe.course import Course
from evalskip.probe.phases import PhaseRecorder
from evalskip.probe.report import Assignment, assignment
from evalskip.probe.tell import tell

if TYPE_CHECKING:
    from collections.abc import Iterator

_INSIDE = ("evaluate", "save", "log")


class Loop:
    """The one training of a script, as its phases are entered."""

    def __init__(self, assigned: Assignment | None) -> None:
        self._assigned = assigned
        self.course = Course(PhaseRecorder(clock_for(_device())), on_ended=self._tell)
        self._train_tokens = 0

    @contextmanager
    def phase(self, name: str, rows: int, tokens: int) -> Iterator[None]:
        """See :func:`phase`."""
        recorder = self.course.recorder
        if name == "train":
            if self.course.state != "before":
                raise RuntimeError('phase("train"): entered twice; expected once around the loop')
            if self._assigned and self._assigned.sliced:
                raise SystemExit("evalskip: a hand-written loop cannot be cut short from outside")
            self.course.begin()
            recorder.enter_loop()
            if self._assigned:
                self._assigned.report_at_exit(self)
            yield
            self.course.end()
        elif self.course.state == "before":
            raise RuntimeError(f'phase("{name}"): expected inside or after phase("train")')
        elif name == "evaluate":
            with self.course.evaluation():
                recorder.loader_ready()
                recorder.batch_begins(rows, tokens)
                yield
                recorder.batch_done()
        elif name == "step":
            yield
            self._train_tokens += tokens
            recorder.micro_batch_begins(rows, tokens)
            recorder.step_done()
        elif name in _INSIDE and self.course.is_measured:
            with recorder.phase(name):
                yield
        elif name in _INSIDE:  # after training: no part of T
            yield
        else:
            expected = ", ".join(("train", "step", *_INSIDE))
            raise ValueError(f'phase("{name}"): expected one of {expected}')

    def finish(self) -> dict[str, Any]:
        """What the harness wants of a run; a hand-written loop gives no digests."""
        self.course.finish()
        timeline = self.course.recorder.timeline
        return {
            "timeline": timeline.as_dict(),
            "phases_ns": timeline.phases_ns(),
            "train_tokens": self._train_tokens,
            "losses": [],
            "batch_digests": [],
        }

    def _tell(self) -> None:
        tell(self.course)


_loop: Loop | None = None


@contextmanager
def phase(name: str, *, rows: int = 0, tokens: int = 0) -> Iterator[None]:
    """A phase of the training, in a loop written by hand: what stands inside belongs to it.

    ::

        from evalskip import phase

        with phase("train"):
            for batch in batches:
                with phase("step"):
                    ...
            with phase("evaluate"):
                ...

    When training ends, a line says what evaluation cost; run by ``evalskip bench``, the figures are
    handed over as well. Time in ``train`` but in no phase within belongs to the step that follows.

    Args:
        name: ``train``, once, around the whole loop; within it ``step`` around each optimizer step,
            ``evaluate``, ``save`` and ``log``. An ``evaluate`` after ``train`` counts as well.
        rows: that are evaluated.
        tokens: that are trained on or evaluated: what the evaluation load is told from.

    Raises:
        RuntimeError: ``train`` is entered twice, or not at all before another.
        ValueError: there is no such phase.
    """
    global _loop
    if _loop is None:
        _loop = Loop(assignment())
    with _loop.phase(name, rows, tokens):
        yield


def _device() -> str:
    """``cuda`` where the script has begun to use it."""
    torch = sys.modules.get("torch")
    return "cuda" if torch is not None and torch.cuda.is_initialized() else "cpu"
