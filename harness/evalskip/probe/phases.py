"""Where a run's time goes: phases that never overlap and sum to T exactly.

Time is kept in whole nanoseconds, so that the sums hold to the last digit. At any moment one
frame is current. Entering ``evaluate``, ``save`` or ``log`` puts a frame on top of it and so
stops its time: a nested phase belongs to the innermost. Below them lies the training loop,
whose frame is cut into steps, and outside the loop the frame is ``other``.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalskip.probe.clocks import Clock
    from evalskip.probe.memory import Meter

PHASES = ("train", "evaluate", "save", "log", "wait", "other")


@dataclass
class Evaluation:
    """One evaluation: ``loader + batches + aggregation`` is its time in the phase ``evaluate``.

    ``shapes`` are the rows and tokens of each batch. Logging its result belongs to the phase
    ``log`` and is kept here as ``log_ns``. Where it
    evaluates several sets, ``sets`` holds each one's ``name``, ``rows``, ``tokens``, ``batches``
    (how many), ``loader_ns``, ``batches_ns`` (their sum) and ``aggregation_ns``. ``cut`` says
    whether its rows are a part of what the whole of a sliced job evaluates.
    """

    after_step: int
    after_training: bool = False
    cut: bool = False
    loader_ns: int = 0
    batches_ns: list[int] = field(default_factory=list)
    shapes: list[tuple[int, int]] = field(default_factory=list)
    aggregation_ns: int = 0
    log_ns: int = 0
    rows: int = 0
    tokens: int = 0
    sets: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Timeline:
    """The time of one run, in nanoseconds; its parts sum to ``wall_ns``, which is T.

    ``metering_ns`` is what reading memory took; the clock stands still meanwhile.

    ``steps_ns[i]`` runs from the end of step i-1 (or the start of the loop) to the end of step
    i, less what was evaluated, saved and logged in between; ``steps_end_ns`` are the ends of the
    steps from the start of T, and ``step_shapes`` the micro-batches, rows and tokens of each.
    ``saves_ns`` and ``logs_ns`` are pairs (after step, duration).
    ``peaks`` holds a dict of bytes per stretch of a phase: ``phase``, ``after_step``, and what
    the meter reads. ``waits_ns`` holds, of each phase, what of its time was spent at collectives,
    where ranks wait for each other: pieces hold it, :meth:`phases_ns` tells it apart.
    """

    wall_ns: int = 0
    metering_ns: int = 0
    before_loop_ns: int = 0
    after_loop_ns: int = 0
    steps_ns: list[int] = field(default_factory=list)
    steps_end_ns: list[int] = field(default_factory=list)
    step_shapes: list[tuple[int, int, int]] = field(default_factory=list)
    evaluations: list[Evaluation] = field(default_factory=list)
    saves_ns: list[tuple[int, int]] = field(default_factory=list)
    logs_ns: list[tuple[int, int]] = field(default_factory=list)
    peaks: list[dict[str, Any]] = field(default_factory=list)
    waits_ns: dict[str, int] = field(default_factory=dict)

    def phases_ns(self) -> dict[str, int]:
        """Nanoseconds per phase; they sum to ``wall_ns``."""
        held = {
            "train": sum(self.steps_ns),
            "evaluate": sum(
                e.loader_ns + sum(e.batches_ns) + e.aggregation_ns for e in self.evaluations
            ),
            "save": sum(ns for _, ns in self.saves_ns),
            "log": sum(ns for _, ns in self.logs_ns) + sum(e.log_ns for e in self.evaluations),
            "other": self.before_loop_ns + self.after_loop_ns,
        }
        waits = self.waits_ns
        apart = {phase: ns - waits.get(phase, 0) for phase, ns in held.items()}
        return {**apart, "wait": sum(waits.values())}

    def as_dict(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        return {**vars(self), "evaluations": [dict(vars(e)) for e in self.evaluations]}


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
        """The training loop begins: what follows belongs to steps."""
        self._boundary()
        if len(self._frames) != 1 or self._frames[0].phase != "other":
            raise RuntimeError("the training loop begins twice, or inside another phase")
        self.timeline.before_loop_ns = self._frames[0].spent
        self._keep_waits(self._frames[0], "other")
        self._frames = [_Frame("train")]

    def micro_batch_begins(self, rows: int, tokens: int) -> None:
        """Count what the step that is on is fed next."""
        batches, all_rows, all_tokens = self._step_shape
        self._step_shape = (batches + 1, all_rows + rows, all_tokens + tokens)

    def step_done(self) -> None:
        """An optimizer step has ended."""
        self._steps += 1
        self.timeline.step_shapes.append(self._step_shape)
        self._step_shape = (0, 0, 0)
        self._mark("step")

    def loader_ready(self) -> None:
        """The evaluation's loader is built; its first batch begins."""
        self._mark("loader")

    def batch_begins(self, rows: int, tokens: int) -> None:
        """Count what the evaluation batch that now begins will evaluate."""
        evaluation = self._frames[-1].evaluation
        if evaluation is not None:
            evaluation.rows += rows
            evaluation.tokens += tokens
            evaluation.shapes.append((rows, tokens))

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
        evaluation.sets.append({"name": name, **{key: after[key] - before[key] for key in after}})

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
        "rows": evaluation.rows,
        "tokens": evaluation.tokens,
        "batches": len(evaluation.batches_ns),
        "loader_ns": evaluation.loader_ns,
        "batches_ns": sum(evaluation.batches_ns),
        "aggregation_ns": evaluation.aggregation_ns,
    }
