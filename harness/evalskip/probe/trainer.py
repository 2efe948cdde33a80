"""Attaches a probe to any ``transformers.Trainer``: its phases, its inputs, its losses."""

from __future__ import annotations

from contextlib import nullcontext
from functools import wraps
from typing import TYPE_CHECKING, Any

import torch

from evalskip.probe.clocks import clock_for
from evalskip.probe.combined import combined_digest
from evalskip.probe.course import Course
from evalskip.probe.digests import (
    InputKeeper,
    count_rows,
    count_tokens,
    losses_digest,
    weights_digest,
    weights_sketch,
)
from evalskip.probe.memory import CudaMeter, ResidentMeter, peak_per_phase
from evalskip.probe.phases import PhaseRecorder
from evalskip.probe.pilot import PilotSlicing
from evalskip.probe.random_state import random_state_preserved
from evalskip.probe.slicing import Slicing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from transformers import Trainer

    from evalskip.probe.memory import Meter


class TrainerProbe:
    """Measures one run of a Trainer: its ``train()``, and what it evaluates after that.

    The Trainer's own methods are wrapped on the instance, so that subclasses and scripts work
    as they are. T begins as ``train()`` is entered. What a script does between ``train()`` and an
    evaluation after it, such as saving the model, belongs to every arm and not to T.

    Args:
        trainer: any Trainer, before ``train()`` is called.
        measure: ``time`` or ``memory``. On a CPU, memory is metered in the latter only, and
            inputs are then not kept, since they would count.
        restore_random_state: restore all generators after each evaluation.
        prove: keep what the digests need.
        sliced: :class:`evalskip.slices.Slice` as JSON holds it, to train and evaluate so much only.
        on_evaluated: called after each evaluation inside training.
        on_ended: called when training has ended, and after each evaluation after it.
    """

    def __init__(
        self,
        trainer: Trainer,
        measure: str,
        *,
        restore_random_state: bool,
        prove: bool = True,
        sliced: Mapping[str, Any] | None = None,
        on_evaluated: Callable[[], None] | None = None,
        on_ended: Callable[[], None] | None = None,
    ) -> None:
        self.device = trainer.args.device.type
        clock, meter = clock_for(self.device), _meter_for(self.device, measure)
        self.recorder = PhaseRecorder(clock, meter)
        self.course = Course(self.recorder, on_evaluated, on_ended)
        self._trainer = trainer
        self._slicing = _slicing(trainer, sliced) if sliced else None
        # of a pilot, it is asked how memory grows with what a step or a batch holds
        self._meters_each = measure == "memory" and isinstance(self._slicing, PilotSlicing)
        self._restore = restore_random_state
        self._prove = prove
        self._keep = prove and measure == "time"
        self._train_inputs = InputKeeper()
        self._losses: list[torch.Tensor] = []
        self._train_tokens = 0
        self._joined = False
        _wrap(trainer, "train", self._train)
        _wrap(trainer, "evaluate", self._evaluate)
        _wrap(trainer, "evaluation_loop", self._evaluation_loop)
        _wrap(trainer, "prediction_step", self._prediction_step)
        _wrap(trainer, "training_step", self._training_step)
        _wrap(trainer, "_save_checkpoint", self._in_phase("save"))
        _wrap(trainer, "log", self._in_phase("log"))
        # a callback would be called for every event of a step, these for one; and after all others
        events = trainer.callback_handler
        _wrap(events, "on_train_begin", self._then(self.enter_loop))
        _wrap(events, "on_train_end", self._then(self._leave_loop))
        _wrap(events, "on_step_end", self._step_ended)
        _wrap(events, "on_epoch_end", self._epoch_ended)
        _wrap(events, "on_prediction_step", self._then(self._batch_done))

    def enter_loop(self) -> None:
        """The training loop begins, and T with it where ``train()`` was entered before."""
        if self.course.state == "before":
            self.course.begin()
            self._joined = True
        if self.course.state == "training":
            if self._slicing:
                self.recorder.pause()
                self._slicing.begin()
                self.recorder.resume()
            self.recorder.enter_loop()

    def parameters(self) -> int:
        """Parameters of the model, those that are not trained included."""
        return sum(parameter.numel() for parameter in self._trainer.model.parameters())

    def finish(self) -> dict[str, Any]:
        """All that was measured, ready for JSON; digests are computed here, after T.

        Raises:
            RuntimeError: ``train()`` was never called, or has not returned.
        """
        self.course.finish()
        timeline = self.recorder.timeline
        losses = [float(loss) for loss in self._losses]
        batches = self._train_inputs.digests()
        measured = {
            "timeline": timeline.as_dict(),
            "phases_ns": timeline.phases_ns(),
            "peak_bytes": peak_per_phase(timeline.peaks),
            "train_tokens": self._train_tokens + self._train_inputs.tokens(),
            "losses": losses,
            "batch_digests": batches,
        }
        if self._slicing:
            measured["whole"] = self._slicing.whole()
        if self._prove:
            measured |= {
                "work_digest": combined_digest(batches) if self._keep else None,
                "losses_digest": losses_digest(losses),
                "weights_digest": weights_digest(self._trainer.model),
                "weights_sketch": weights_sketch(self._trainer.model),
            }
        return measured

    def _leave_loop(self) -> None:
        """T ends with the loop where there is no ``train()`` whose return could be seen."""
        if self._joined and self.course.state == "training":
            self.course.end()

    def _step_ended(self, original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        control = original(*args, **kwargs)
        if self.course.is_measured:
            self.recorder.step_done()
            self._meter_piece()
        if self._slicing:
            self._slicing.step_ended(control)
        return control

    def _epoch_ended(self, original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        control = original(*args, **kwargs)
        if self._slicing:
            self._slicing.epoch_ended(control)
        return control

    def _batch_done(self) -> None:
        if self.course.is_measured:
            self.recorder.batch_done()
            self._meter_piece()

    def _meter_piece(self) -> None:
        if self._meters_each:
            self.recorder.pause()
            self.recorder.resume()

    def _then(self, action: Callable[[], None]) -> Callable[..., Any]:
        def around(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            result = original(*args, **kwargs)
            action()
            return result

        return around

    def _train(self, original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if self.course.state != "before":  # a script may train again; the first time is told of
            return original(*args, **kwargs)
        self.course.begin()
        try:
            result = original(*args, **kwargs)
        except BaseException:
            self.course.abandon()
            raise
        self.course.end()
        return result

    def _evaluate(self, original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        # with several evaluation sets, evaluate() calls itself for each: one evaluation
        restores = self._restore and not self.course.is_evaluating
        name = str(kwargs.get("metric_key_prefix", "")).removeprefix("eval_")
        rows = args[0] if args else kwargs.get("eval_dataset")
        cut = self._slicing is not None and self._slicing.has_cut(rows)
        with (
            random_state_preserved() if restores else nullcontext(),
            self.course.evaluation(name, cut=cut),
        ):
            return original(*args, **kwargs)

    def _evaluation_loop(self, original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if self.course.is_measured:
            self.recorder.loader_ready()
        return original(*args, **kwargs)

    def _prediction_step(
        self, original: Callable[..., Any], model: Any, inputs: Any, *args: Any, **kwargs: Any
    ) -> Any:
        if self.course.is_measured:
            self.recorder.batch_begins(count_rows(inputs), count_tokens(inputs))
        return original(model, inputs, *args, **kwargs)

    def _training_step(
        self, original: Callable[..., Any], model: Any, inputs: Any, *args: Any, **kwargs: Any
    ) -> Any:
        tokens = count_tokens(inputs)
        self.recorder.micro_batch_begins(count_rows(inputs), tokens)
        if self._keep:
            self._train_inputs.keep(inputs)
        else:
            self._train_tokens += tokens
        loss = original(model, inputs, *args, **kwargs)
        if self._prove:
            self._losses.append(loss)
        return loss

    def _in_phase(self, name: str) -> Callable[..., Any]:
        def around(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            if not self.course.is_measured:
                return original(*args, **kwargs)
            with self.recorder.phase(name):
                return original(*args, **kwargs)

        return around


def _slicing(trainer: Trainer, sliced: Mapping[str, Any]) -> Slicing:
    if sliced.get("pilot"):
        return PilotSlicing(
            trainer, sliced["steps"], sliced["evaluation_batches"], **sliced["pilot"]
        )
    return Slicing(trainer, sliced["steps"], sliced["evaluation_batches"])


def _wrap(owner: object, name: str, around: Callable[..., Any]) -> None:
    """Have ``around(original, ...)`` called in place of an object's method."""
    original = getattr(owner, name)

    @wraps(original)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        return around(original, *args, **kwargs)

    setattr(owner, name, wrapped)


def _meter_for(device: str, measure: str) -> Meter | None:
    if device == "cuda":
        return CudaMeter(torch.cuda)
    return ResidentMeter() if measure == "memory" else None
