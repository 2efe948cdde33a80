"""Evaluate in a process of its own, while training goes on."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback

from evalskip.beside.process import can_pin, command_again, parse_device
from evalskip.beside.training import TrainingBeside, Wanted, When, why_not
from evalskip.beside.worker import end_with_trainer, folder_of_worker, serve
from evalskip.probe.attach import trainer_of, wrap
from evalskip.probe.guard import Guard

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from transformers import Trainer, TrainerControl, TrainerState, TrainingArguments

    from evalskip.probe.besides import Beside


class EvalBeside(TrainerCallback):
    """Has a second process evaluate, so that training does not wait.

    One line in any script that uses the Trainer::

        Trainer(..., eval_strategy="epoch", callbacks=[EvalBeside("cuda:1")])

    Whenever an evaluation is due, however that was decided, the weights that training changes
    (of LoRA the adapters) are written to a folder, and training goes on. The second process is the
    same program begun once more: it does all that yours does before ``train()``, builds the same
    Trainer, and evaluates each snapshot with it. Its metrics are logged under the step of the
    snapshot; early stopping and the choice of the best checkpoint act on them when they come, and
    how much later that was is said at the end. Training waits for the last ones.

    It evaluates inside training, and says why, where models are sharded (FSDP, ZeRO-3), with
    ``save_strategy="best"``, in a notebook, and once the second process has failed twice.

    Args:
        device: of the second process: ``cpu``, ``cuda:1``. Naming training's own is allowed.
        cores: of the CPU, on which the second process stays; none: all.
        keep: ``newest``: a snapshot that still waits gives way to a newer one; ``all``: none does.
        when: ``during`` training; ``afterwards``: once the last step is done, all of them.
        wait_s: seconds that training waits at the end, at most.
        timeout_s: seconds without an answer, after which the second process is begun anew.
        folder: of snapshots; None: ``beside`` in the Trainer's ``output_dir``.

    Raises:
        ValueError: an argument is out of range.
    """

    def __init__(
        self,
        device: str,
        cores: Sequence[int] = (),
        keep: str = "newest",
        when: When = "during",
        wait_s: float = 3600.0,
        timeout_s: float = 1800.0,
        folder: str | None = None,
    ) -> None:
        try:
            parse_device(device)
        except ValueError as error:
            raise ValueError(f"EvalBeside: device: {error}") from None
        if keep not in ("newest", "all"):
            raise ValueError(f"EvalBeside: keep: expected newest or all, got {keep}")
        if when not in ("during", "afterwards"):
            raise ValueError(f"EvalBeside: when: expected during or afterwards, got {when}")
        if cores and not can_pin():
            raise ValueError("EvalBeside: cores: expected taskset on this machine")
        newest = keep == "newest" and when == "during"
        place = Path(folder) if folder else None
        self._wanted = Wanted(device, tuple(cores), newest, place, when, wait_s, timeout_s)
        self._guard = Guard("EvalBeside")
        self._training: TrainingBeside | None = None
        self._trainer: Trainer | None = None

    @property
    def beside(self) -> Beside | None:
        """What became of the last training's evaluations; None: there was none."""
        return self._training.told if self._training else None

    def on_init_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """The Trainer is complete."""
        folder = folder_of_worker()
        trainer = trainer_of(self)
        if folder is None:
            self._guard.call(self._attach)
        elif trainer is not None:
            end_with_trainer(folder)
            trainer.train = lambda *args, **kwargs: serve(
                trainer, folder, kwargs.get("ignore_keys_for_eval")
            )

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Begin the second process; where this is it, evaluate in place of training."""
        folder = folder_of_worker()
        trainer = trainer_of(self)
        if folder is None:
            self._guard.call(self._begin)
        elif trainer is not None:  # the callback was added to a Trainer that was complete
            end_with_trainer(folder)
            serve(trainer, folder)

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Hand over what has come, and take a snapshot where an evaluation is due."""
        if self._training is not None:
            self._guard.call(self._after_step, control)

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """The same; where it was the last, wait for what is missing."""
        if self._training is not None:
            self._guard.call(self._after_step, control)
            if control.should_training_stop or state.global_step >= state.max_steps:
                self._guard.call(self._training.finish)

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """End the second process."""
        self._close()

    def _attach(self) -> None:
        trainer = trainer_of(self)
        if trainer is None or trainer is self._trainer:
            return
        self._trainer = trainer
        # whatever says that an evaluation is due has spoken before
        callbacks = trainer.callback_handler.callbacks
        callbacks.append(callbacks.pop(callbacks.index(self)))
        wrap(trainer, "train", self._train)

    def _begin(self) -> None:
        trainer = trainer_of(self)
        if trainer is None:
            return
        self._attach()
        self._close()  # of a training that begins again with a smaller batch
        self._training = None
        command = command_again()
        why = why_not(trainer)
        if command is None:
            why = why or "expected a program from a file, which a second process can begin"
        if why is not None or command is None:
            if trainer.is_world_process_zero():
                print(f"evalskip: EvalBeside: evaluates inside training: {why}", file=sys.stderr)
            return
        self._training = TrainingBeside(trainer, self._wanted, command)
        self._training.begin()

    def _after_step(self, control: TrainerControl) -> None:
        assert self._training is not None
        self._training.look()
        if control.should_evaluate:
            self._training.due()

    def _train(self, original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        try:
            return original(*args, **kwargs)
        finally:
            self._close()

    def _close(self) -> None:
        if self._training is not None:  # also where something of ours has failed
            Guard("EvalBeside").call(self._training.close)
