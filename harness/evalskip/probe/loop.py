"""Phases of a hand-written training loop."""

from __future__ import annotations

import atexit
import sys
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from evalskip.probe.clocks import clock_for
from evalskip.probe.cost_lines import print_cost
from evalskip.probe.guard import Guard
from evalskip.probe.measured import as_report
from evalskip.probe.phases import PhaseRecorder
from evalskip.probe.report import Assignment, assignment
from evalskip.probe.training_timer import TrainingTimer

if TYPE_CHECKING:
    from collections.abc import Iterator

_PHASES = ("train", "step", "evaluate", "save", "log")


class Loop:
    """The one training of a script, as its phases are entered."""

    def __init__(self, assigned: Assignment | None) -> None:
        self._assigned = assigned
        self._guard = Guard(None if assigned else "phase")
        self.timer = TrainingTimer(PhaseRecorder(clock_for(_device())), on_ended=self._ended)
        self._train_tokens = 0
        self._has_printed = self._tells_at_exit = False
        self._warnings: set[str] = set()

    @contextmanager
    def phase(self, name: str, samples: int, tokens: int) -> Iterator[None]:
        """See :func:`phase`."""
        if name == "train" and self._assigned and self._assigned.sliced:
            raise SystemExit("evalskip: a hand-written loop cannot be cut short from outside")
        with self._guard.around(lambda: self._phase(name, samples, tokens)):
            yield

    def _phase(self, name: str, samples: int, tokens: int) -> AbstractContextManager[None]:
        timer = self.timer
        if name not in _PHASES:
            self._print(name, f"no such phase; expected one of {', '.join(_PHASES)}")
        elif name == "train":
            if timer.state != "training":
                return self._train()
            self._print(name, "entered inside itself, which counts once")
        elif name == "evaluate":
            return self._evaluation(samples, tokens)
        elif name == "step":
            if timer.state == "training":
                return self._step(samples, tokens)
            self._print(name, 'outside phase("train"), so it does not count')
        elif timer.is_measured:
            return timer.recorder.phase(name)
        return nullcontext()

    @contextmanager
    def _train(self) -> Iterator[None]:
        if self.timer.state == "before" and self._assigned:
            self._assigned.report_at_exit(self)
        self.timer.begin()
        self.timer.recorder.enter_loop()
        try:
            yield
        finally:
            self.timer.end()

    @contextmanager
    def _evaluation(self, samples: int, tokens: int) -> Iterator[None]:
        recorder = self.timer.recorder
        with self.timer.evaluation():
            is_counted = self.timer.is_measured
            if is_counted:
                recorder.loader_ready()
                recorder.batch_begins(samples, tokens)
            yield
            if is_counted:
                recorder.batch_done()

    @contextmanager
    def _step(self, samples: int, tokens: int) -> Iterator[None]:
        yield
        self._train_tokens += tokens
        self.timer.recorder.micro_batch_begins(samples, tokens)
        self.timer.recorder.step_done()

    def finish(self) -> dict[str, Any]:
        """What the harness wants of a run; a hand-written loop gives no digests."""
        self.timer.finish()
        timeline = self.timer.recorder.timeline
        return {
            "timeline": as_report(timeline),
            "phases_ns": timeline.phases_ns(),
            "train_tokens": self._train_tokens,
            "losses": [],
            "batch_digests": [],
        }

    def _ended(self) -> None:
        """Say what evaluation came to: now, and where more follows, as the script ends."""
        if self.timer.evaluations and not self._has_printed:
            self._has_printed = True
            print_cost(self.timer)
        elif not self._tells_at_exit:
            self._tells_at_exit = True
            atexit.register(print_cost, self.timer)

    def _print(self, name: str, text: str) -> None:
        """Once of each."""
        if name not in self._warnings:
            self._warnings.add(name)
            print(f'evalskip: phase("{name}"): {text}', file=sys.stderr)


_loop: Loop | None = None


@contextmanager
def phase(name: str, *, samples: int = 0, tokens: int = 0) -> Iterator[None]:
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

    It ends no training: what cannot be counted is said once, and an ``evaluate`` before ``train``
    is not counted.

    Args:
        name: ``train`` around the whole loop, or around each part of it, such as an epoch; within
            it ``step`` around each optimizer step, ``evaluate``, ``save`` and ``log``. An
            ``evaluate`` after ``train`` counts as well.
        samples: that are evaluated.
        tokens: that are trained on or evaluated: what the evaluation load is told from.
    """
    global _loop
    if _loop is None:
        _loop = Loop(assignment())
    with _loop.phase(name, samples, tokens):
        yield


def _device() -> str:
    """``cuda`` where the script has begun to use it."""
    torch = sys.modules.get("torch")
    return "cuda" if torch is not None and torch.cuda.is_initialized() else "cpu"
