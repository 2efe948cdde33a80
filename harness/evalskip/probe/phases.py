"""Where a run's time goes: phases that never overlap and sum to T exactly.

Time is kept in whole nanoseconds, so that the sums hold to the last digit. At any moment one
frame is current. Entering ``evaluate``, ``save`` or ``log`` puts a frame on top of it and so
stops its time: a nested phase belongs to the innermost. Below them lies the training loop,
whose frame is cut into steps, and outside the loop the frame is ``other``.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evalskip.probe.measured import Evaluation, EvaluationSet, Timeline

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalskip.probe.clocks import Clock
    from evalskip.probe.memory import Meter


@dataclass
class _Frame:
    phase: str
    evaluation: Evaluation | None = None
    spent: int = 0  # nanoseconds not yet given to a step, a batch or the loader
    waited: int = 0  # of all its nanoseconds, those at collectives


class PhaseRecorder:
    """Splits the time between :meth:`start` and :meth:`stop` into a :class:`Timeline`.

    Raises:
        RuntimeError: phases are closed in another order than they were opened.
    """

    def __init__(self, clock: Clock, meter: Meter | None = None) -> None:
        self.timeline = Timeline()
        self._clock = clock
        self._meter = meter
        self._frames: list[_Frame] = []
        self._marks: list[Any] = []
        self._names: list[str] = []
        self._started = self._since = self._idle_ns = 0
        self._steps = 0
        self._step_shape = (0, 0, 0)

    def start(self) -> None:
        """T begins."""
        if self._meter:
            self._meter.reset()
        self._since, _ = self._clock.boundary([])
        self._started = self._since
        self._frames = [_Frame("other")]

    def pause(self) -> None:
        """What follows does not belong to T, until :meth:`resume`."""
        self._boundary()

    def resume(self) -> None:
        """T goes on."""
        now, _ = self._clock.boundary([])
        self._idle_ns += now - self._since
        self._since = now

    def enter_loop(self) -> None:
        """The training loop begins: what follows belongs to steps.

        A loop that begins again, as with ``auto_find_batch_size``, goes on where the first was.

        Raises:
            RuntimeError: it begins inside another phase.
        """
        self._boundary()
        if len(self._frames) != 1:
            raise RuntimeError("the training loop begins inside another phase")
        if self._frames[0].phase == "train":
            return
        self.timeline.before_loop_ns = self._frames[0].spent
        self._keep_waits(self._frames[0], "other")
        self._frames = [_Frame("train")]

    def micro_batch_begins(self, samples: int, tokens: int) -> None:
        """Count what the step that is on is fed next."""
        batches, all_samples, all_tokens = self._step_shape
        self._step_shape = (batches + 1, all_samples + samples, all_tokens + tokens)

    def step_done(self) -> None:
        """An optimizer step has ended."""
        self._steps += 1
        self.timeline.step_shapes.append(self._step_shape)
        self._step_shape = (0, 0, 0)
        self._mark("step")

    def loader_ready(self) -> None:
        """The evaluation's loader is built; its first batch begins."""
        self._mark("loader")

    def batch_begins(self, samples: int, tokens: int) -> None:
        """Count what the evaluation batch that now begins will evaluate."""
        evaluation = self._frames[-1].evaluation
        if evaluation is not None:
            evaluation.samples += samples
            evaluation.tokens += tokens
            evaluation.shapes.append((samples, tokens))

    def batch_done(self) -> None:
        """An evaluation batch has ended."""
        self._mark("batch")

    def collective_begins(self) -> None:
        """Note that this rank comes to a collective."""
        self._mark("collective")

    def collective_done(self) -> None:
        """All ranks have come, and what they exchange is exchanged."""
        self._mark("wait")

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Everything inside belongs to ``evaluate``, ``save`` or ``log``."""
        self._boundary()
        frame = _Frame(name)
        if name == "evaluate":
            frame.evaluation = Evaluation(after_step=self._steps)
        self._frames.append(frame)
        try:
            yield
        finally:
            self._boundary()
            if self._frames.pop() is not frame:
                raise RuntimeError(f"phase {name} is closed before one that it holds")
            self._close(frame)

    @contextmanager
    def evaluation_set(self, name: str) -> Iterator[None]:
        """One of several sets that the evaluation which is on evaluates."""
        self._boundary()
        frame = self._frames[-1]
        evaluation = frame.evaluation
        if evaluation is None:
            raise RuntimeError(f"evaluation set {name} is entered outside an evaluation")
        before = _so_far(evaluation)
        yield
        self._boundary()
        evaluation.aggregation_ns += frame.spent
        frame.spent = 0
        after = _so_far(evaluation)
        evaluation.sets.append(
            EvaluationSet(name, **{key: after[key] - before[key] for key in after})
        )

    def stop(self) -> Timeline:
        """T ends; where it is paused, :meth:`resume` comes first."""
        self._boundary()
        if len(self._frames) != 1:
            raise RuntimeError(f"phase {self._frames[-1].phase} is still open at the end of T")
        base = self._frames.pop()
        # what comes after the last step belongs to none
        self._keep_waits(base, "other")
        if base.phase == "train":
            self.timeline.after_loop_ns = base.spent
        else:
            self.timeline.before_loop_ns = base.spent
        self.timeline.wall_ns = (
            self._since - self._started - self._idle_ns - self.timeline.metering_ns
        )
        return self.timeline

    def passed_ns(self) -> int:
        """T up to the last boundary."""
        return self._since - self._started - self._idle_ns - self.timeline.metering_ns

    def evaluated_ns(self) -> int:
        """The time of all evaluations that have ended, what they waited included."""
        waited = self.timeline.waits_ns.get("evaluate", 0)
        return self.timeline.phases_ns()["evaluate"] + waited

    def _mark(self, name: str) -> None:
        self._names.append(name)
        self._marks.append(self._clock.mark())

    def _boundary(self) -> None:
        """Give the time since the last boundary to the current frame and to its pieces."""
        now, instants = self._clock.boundary(self._marks)
        frame = self._frames[-1]
        for name, instant in zip(self._names, instants, strict=True):
            if name == "wait":
                frame.waited += instant - self._since
            spent = frame.spent + instant - self._since
            self._since = instant
            # a mark that fits no piece, as of predict() inside training, ends none
            frame.spent = 0 if self._piece(frame, name, spent) else spent
            if name == "step":
                self.timeline.steps_end_ns.append(
                    instant - self._started - self.timeline.metering_ns
                )
        frame.spent += now - self._since
        self._since = now
        self._names.clear()
        self._marks.clear()
        if self._meter:
            self._read_meter(self._meter, frame.phase)

    def _read_meter(self, meter: Meter, phase: str) -> None:
        """Read peak memory with the clock stopped: a reading can take as long as a step."""
        peak = meter.read()
        meter.reset()
        self.timeline.peaks.append({"phase": phase, "after_step": self._steps, **peak})
        now, _ = self._clock.boundary([])
        self.timeline.metering_ns += now - self._since
        self._since = now

    def _piece(self, frame: _Frame, name: str, ns: int) -> bool:
        """Give time to the piece that a mark ends, if it ends one here."""
        if name in ("collective", "wait"):
            return False
        if name == "step":
            self.timeline.steps_ns.append(ns)
            self._keep_waits(frame, "train")
        elif frame.evaluation is None:
            return False
        elif name == "loader":
            frame.evaluation.loader_ns += ns
        else:
            frame.evaluation.batches_ns.append(ns)
        return True

    def _keep_waits(self, frame: _Frame, phase: str) -> None:
        if frame.waited:
            waits = self.timeline.waits_ns
            waits[phase] = waits.get(phase, 0) + frame.waited
            frame.waited = 0

    def _close(self, frame: _Frame) -> None:
        self._keep_waits(frame, frame.phase)
        if frame.evaluation is not None:
            frame.evaluation.aggregation_ns += frame.spent
            self.timeline.evaluations.append(frame.evaluation)
        elif frame.phase == "save":
            self.timeline.saves_ns.append((self._steps, frame.spent))
        elif frame.phase == "log" and self._frames[-1].evaluation is not None:
            self._frames[-1].evaluation.log_ns += frame.spent
        elif frame.phase == "log":
            self.timeline.logs_ns.append((self._steps, frame.spent))


def _so_far(evaluation: Evaluation) -> dict[str, int]:
    return {
        "samples": evaluation.samples,
        "tokens": evaluation.tokens,
        "batches": len(evaluation.batches_ns),
        "loader_ns": evaluation.loader_ns,
        "batches_ns": sum(evaluation.batches_ns),
        "aggregation_ns": evaluation.aggregation_ns,
    }
