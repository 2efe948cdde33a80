"""The clock of one training: when T begins, pauses, goes on and ends."""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Literal

from evalskip.probe.collectives import collectives_timed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from evalskip.probe.phases import PhaseRecorder


class TrainingTimer:
    """T of one training, and of what is evaluated after it.

    What a script does between training and an evaluation after it, such as saving the model,
    belongs to every arm and not to T.

    Args:
        recorder: of this training's phases.
        on_evaluated: called after each evaluation inside training.
        on_ended: called when training has ended, and after each evaluation after it.
    """

    def __init__(
        self,
        recorder: PhaseRecorder,
        on_evaluated: Callable[[], None] | None = None,
        on_ended: Callable[[], None] | None = None,
    ) -> None:
        self.recorder = recorder
        self.state: Literal["before", "training", "after", "abandoned"] = "before"
        self.began_at_ns: int | None = None
        self._on_evaluated, self._on_ended = on_evaluated, on_ended
        self.is_evaluating = False
        self._timed = ExitStack()

    @property
    def is_measured(self) -> bool:
        """Whether T is running."""
        return self.state == "training" or self.is_evaluating

    @property
    def evaluations(self) -> int:
        """How many evaluations have ended."""
        return len(self.recorder.timeline.evaluations)

    def elapsed_s(self) -> tuple[float, float]:
        """Seconds of all evaluations so far, and of T so far."""
        return self.recorder.evaluated_ns() / 1e9, self.recorder.passed_ns() / 1e9

    def begin(self) -> None:
        """T begins; or, where a part of the training has ended, goes on."""
        if self.state == "after":
            self.recorder.resume()
        else:
            self.began_at_ns = time.perf_counter_ns()
            self.recorder.start()
        self.state = "training"
        self._timed.enter_context(collectives_timed(self.recorder))

    def abandon(self) -> None:
        """Training has raised: nothing more is timed."""
        self.state = "abandoned"
        self._timed.close()

    def end(self) -> None:
        """Training has ended, or a part of it."""
        self._timed.close()
        self.recorder.pause()
        self.state = "after"
        if self._on_ended:
            self._on_ended()

    @contextmanager
    def evaluation(self, name: str = "", *, cut: bool = False) -> Iterator[None]:
        """An evaluation, inside training or after it; one within it is a part of it.

        One before training, or after one that has raised, is no part of T.

        Args:
            name: of the evaluation set, where it is one of several.
            cut: whether a part of the samples is evaluated, since the job is sliced.
        """
        if self.is_evaluating:
            with self.recorder.evaluation_set(name):
                yield
            return
        if self.state not in ("training", "after"):
            yield
            return
        after_training, before = self.state == "after", self.evaluations
        self.is_evaluating = True
        try:
            if after_training:
                self.recorder.resume()
                self._timed.enter_context(collectives_timed(self.recorder))
            with self.recorder.phase("evaluate"):
                yield
        finally:
            self.is_evaluating = False
            if self.evaluations > before:
                ended = self.recorder.timeline.evaluations[-1]
                ended.after_training, ended.cut = after_training, cut
            if after_training:
                self._timed.close()
                self.recorder.pause()
        hook = self._on_ended if after_training else self._on_evaluated
        if hook:
            hook()

    def finish(self) -> None:
        """T ends.

        Raises:
            RuntimeError: there was no training, or it has not ended.
        """
        if self.state != "after":
            raise RuntimeError(f"nothing to tell {self.state} the end of training")
        self.recorder.resume()
        self.recorder.stop()
