"""Attaches a probe to any ``transformers.Trainer``: its phases, its inputs, its losses."""

from __future__ import annotations

from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from evalskip.probe.attach import wrap
from evalskip.probe.besides import Beside
from evalskip.probe.clocks import clock_for
from evalskip.probe.combined import combined_digest
from evalskip.probe.digests import (
    InputKeeper,
    count_samples,
    count_tokens,
    losses_digest,
    weights_digest,
    weights_sketch,
)
from evalskip.probe.guard import Guard
from evalskip.probe.measured import as_report
from evalskip.probe.memory import CudaMeter, ResidentMeter, peak_per_phase
from evalskip.probe.phases import PhaseRecorder
from evalskip.probe.pilot import PilotSlicing
from evalskip.probe.random_state import random_state_preserved
from evalskip.probe.sample_losses import evaluation_losses
from evalskip.probe.slicing import Slicing
from evalskip.probe.training_timer import TrainingTimer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

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
        each: whether every ``train()`` is measured, each for itself; else the first alone.
        guard: keeps what fails here from the training; None: nothing does.
        tells_losses: say, after T, what the samples lose that are evaluated, cut or not.
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
        each: bool = False,
        guard: Guard | None = None,
        tells_losses: bool = False,
        on_evaluated: Callable[[], None] | None = None,
        on_ended: Callable[[], None] | None = None,
    ) -> None:
        self.device = trainer.args.device.type
        self._measure = measure
        self._on_evaluated, self._on_ended = on_evaluated, on_ended
        self._trainer = trainer
        self._guard = guard or Guard(None)
        self._each = each
        self._evaluated = trainer.eval_dataset if tells_losses else None
        self._slicing = _slicing(trainer, sliced) if sliced else None
        # of a pilot, it is asked how memory grows with what a step or a batch holds
        self._meters_each = measure == "memory" and isinstance(self._slicing, PilotSlicing)
        self._restore = restore_random_state
        self._prove = prove
        self._keep = prove and measure == "time"
        self._is_training = False
        self._start_anew()
        wrap(trainer, "train", self._train)
        self._watch(trainer, "evaluate", inside=self._evaluation)
        if isinstance(self._slicing, PilotSlicing):
            wrap(trainer, "evaluate", partial(self._evaluated_again, self._slicing))
        self._watch(trainer, "evaluation_loop", before=self._loader_ready)
        self._watch(trainer, "prediction_step", before=self._batch_begins)
        self._watch(trainer, "training_step", before=self._micro_batch, after=self._keep_loss)
        self._watch(trainer, "_save_checkpoint", inside=self._phase("save"))
        self._watch(trainer, "log", inside=self._phase("log"))
        # a callback would be called for every event of a step, these for one; and after all others
        events = trainer.callback_handler
        self._watch(events, "on_train_begin", after=lambda _: self.enter_loop())
        self._watch(events, "on_train_end", after=lambda _: self._leave_loop())
        self._watch(events, "on_step_end", after=self._step_ended)
        self._watch(events, "on_epoch_end", after=self._epoch_ended)
        self._watch(events, "on_prediction_step", after=lambda _: self._batch_done())

    def _start_anew(self) -> None:
        """A training of which nothing is known yet."""
        clock, meter = clock_for(self.device), _meter_for(self.device, self._measure)
        self.recorder = PhaseRecorder(clock, meter)
        self.timer = TrainingTimer(self.recorder, self._on_evaluated, self._on_ended)
        self._train_inputs = InputKeeper()
        self._losses: list[torch.Tensor] = []
        self._train_tokens = 0
        self._joined = False

    def enter_loop(self) -> None:
        """The training loop begins, and T with it where ``train()`` was entered before."""
        if self.timer.state == "before":
            self.timer.begin()
            self._joined = True
        if self.timer.state == "training":
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
        self.timer.finish()
        timeline = self.recorder.timeline
        losses = [float(loss) for loss in self._losses]
        batches = self._train_inputs.digests()
        measured = {
            "timeline": as_report(timeline),
            "phases_ns": timeline.phases_ns(),
            "peak_bytes": peak_per_phase(timeline.peaks),
            "train_tokens": self._train_tokens + self._train_inputs.tokens(),
            "losses": losses,
            "batch_digests": batches,
        }
        if self._slicing:
            measured["full_run"] = self._slicing.full_run()
        if self._prove:
            measured |= {
                "work_digest": combined_digest(batches) if self._keep else None,
                "losses_digest": losses_digest(losses),
                "weights_digest": weights_digest(self._trainer.model),
                "weights_sketch": weights_sketch(self._trainer.model),
            }
        if self._evaluated is not None and self.timer.evaluations:
            measured["evaluation_losses"] = as_report(
                evaluation_losses(self._trainer, self._evaluated)
            )
        for callback in self._trainer.callback_handler.callbacks:
            beside = getattr(callback, "beside", None)
            if isinstance(beside, Beside):
                measured["beside"] = as_report(beside)
        return measured

    def _leave_loop(self) -> None:
        """T ends with the loop where there is no ``train()`` whose return could be seen."""
        if self._joined and self.timer.state == "training":
            self.timer.end()

    def _watch(
        self,
        owner: object,
        name: str,
        *,
        before: Callable[..., None] | None = None,
        inside: Callable[..., AbstractContextManager[None]] | None = None,
        after: Callable[[Any], None] | None = None,
    ) -> None:
        """Act before an object's method, around it, and on what it returns; guarded, each."""
        guard = self._guard

        def around(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            if before:
                guard.call(before, *args, **kwargs)
            if inside:
                with guard.around(lambda: inside(*args, **kwargs)):
                    result = original(*args, **kwargs)
            else:
                result = original(*args, **kwargs)
            if after:
                guard.call(after, result)
            return result

        wrap(owner, name, around)

    def _train(self, original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if self._is_training or not self._guard.call(self._begins):
            return original(*args, **kwargs)
        self._is_training = True
        try:
            result = original(*args, **kwargs)
        except BaseException:
            self._guard.call(self.timer.abandon)
            raise
        finally:
            self._is_training = False
        self._guard.call(self.timer.end)
        return result

    def _begins(self) -> bool:
        """Whether a training begins that is to be measured."""
        if self.timer.state != "before":
            if not self._each:
                return False
            self._start_anew()
        self.timer.begin()
        return True

    def _step_ended(self, control: Any) -> None:
        if self.timer.is_measured:
            self.recorder.step_done()
            self._meter_piece()
        if self._slicing:
            self._slicing.step_ended(control)

    def _epoch_ended(self, control: Any) -> None:
        if self._slicing:
            self._slicing.epoch_ended(control)

    def _batch_done(self) -> None:
        if self.timer.is_measured:
            self.recorder.batch_done()
            self._meter_piece()

    def _meter_piece(self) -> None:
        if self._meters_each:
            self.recorder.pause()
            self.recorder.resume()

    @contextmanager
    def _evaluation(self, *args: Any, **kwargs: Any) -> Iterator[None]:
        # with several evaluation sets, evaluate() calls itself for each: one evaluation
        restores = self._restore and not self.timer.is_evaluating
        name = str(kwargs.get("metric_key_prefix", "")).removeprefix("eval_")
        samples = args[0] if args else kwargs.get("eval_dataset")
        cut = self._slicing is not None and self._slicing.has_cut(samples)
        with (
            random_state_preserved() if restores else nullcontext(),
            self.timer.evaluation(name, cut=cut),
        ):
            yield

    def _evaluated_again(
        self, pilot: PilotSlicing, original: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> Any:
        result = original(*args, **kwargs)
        if self.timer.state == "training" and not self.timer.is_evaluating:
            pilot.evaluated(partial(original, *args, **kwargs))
        return result

    def _loader_ready(self, *_: Any, **__: Any) -> None:
        if self.timer.is_measured:
            self.recorder.loader_ready()

    def _batch_begins(self, model: Any, inputs: Any, *_: Any, **__: Any) -> None:
        if self.timer.is_measured:
            self.recorder.batch_begins(count_samples(inputs), count_tokens(inputs))

    def _micro_batch(self, model: Any, inputs: Any, *_: Any, **__: Any) -> None:
        if not self.timer.is_measured:
            return
        tokens = count_tokens(inputs)
        self.recorder.micro_batch_begins(count_samples(inputs), tokens)
        if self._keep:
            self._train_inputs.keep(inputs)
        else:
            self._train_tokens += tokens

    def _keep_loss(self, loss: Any) -> None:
        if self._prove and self.timer.is_measured:
            self._losses.append(loss)

    def _phase(self, name: str) -> Callable[..., AbstractContextManager[None]]:
        def phase(*_: Any, **__: Any) -> AbstractContextManager[None]:
            return self.recorder.phase(name) if self.timer.is_measured else nullcontext()

        return phase


def _slicing(trainer: Trainer, sliced: Mapping[str, Any]) -> Slicing:
    if sliced.get("pilot"):
        return PilotSlicing(
            trainer, sliced["steps"], sliced["evaluation_batches"], **sliced["pilot"]
        )
    return Slicing(trainer, sliced["steps"], sliced["evaluation_batches"])


def _meter_for(device: str, measure: str) -> Meter | None:
    if device == "cuda":
        return CudaMeter(torch.cuda)
    return ResidentMeter() if measure == "memory" else None
