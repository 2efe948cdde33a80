"""Callbacks that a run inside somebody else's program is given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback

from evalskip.probe.attach import trainer_of
from evalskip.probe.trainer import TrainerProbe

if TYPE_CHECKING:
    from evalskip.worker.trial import Trial


class SamplesChosen(TrainerCallback):
    """Gives a Trainer fewer samples, or more, before anything else looks at them.

    Args:
        evaluation: evaluate the first so many samples only; None: all.
        train: train on so many samples, the Trainer's own over and over; None: its own.
    """

    def __init__(self, evaluation: int | None, train: int | None) -> None:
        self._evaluation, self._train = evaluation, train

    def on_init_end(self, *args: Any, **kwargs: Any) -> None:
        """The Trainer is complete."""
        trainer = trainer_of(self)
        if trainer is None:
            raise RuntimeError("no Trainer called this callback")
        if self._evaluation is not None:
            trainer.eval_dataset = trainer.eval_dataset.select(range(self._evaluation))
        if self._train is not None:
            own = len(trainer.train_dataset)
            places = [sample % own for sample in range(self._train)]
            trainer.train_dataset = trainer.train_dataset.select(places)


class Attached(TrainerCallback):
    """Attaches the probe to the Trainer that it is given to, once that is built.

    Args:
        measure: ``time`` or ``memory``.
        restore_random_state: restore all generators after each evaluation.
        sliced: see :class:`evalskip.probe.trainer.TrainerProbe`.
        tells_losses: the same.
    """

    def __init__(
        self,
        measure: str,
        *,
        restore_random_state: bool,
        sliced: dict[str, Any] | None,
        tells_losses: bool,
    ) -> None:
        self.probe: TrainerProbe | None = None
        self._measure = measure
        self._restore = restore_random_state
        self._sliced = sliced
        self._tells_losses = tells_losses

    @property
    def began_at_ns(self) -> int | None:
        """When ``train()`` was entered, on the clock of ``time.perf_counter_ns``, if it was."""
        return self.probe.timer.began_at_ns if self.probe else None

    def on_init_end(self, *args: Any, **kwargs: Any) -> None:
        """The Trainer is complete."""
        trainer = trainer_of(self)
        if trainer is None:
            raise RuntimeError("no Trainer called this callback")
        self.probe = TrainerProbe(
            trainer,
            self._measure,
            restore_random_state=self._restore,
            sliced=self._sliced,
            tells_losses=self._tells_losses,
        )


class AttachedTrial(TrainerCallback):
    """Makes a trial of the Trainer that it is given to, once that is built."""

    def __init__(self, trial: Trial) -> None:
        self._trial = trial

    def on_init_end(self, *args: Any, **kwargs: Any) -> None:
        """The Trainer is complete."""
        trainer = trainer_of(self)
        if trainer is None:
            raise RuntimeError("no Trainer called this callback")
        self._trial.attach(trainer)


class NoEvaluationAfterTraining(TrainerCallback):
    """LLaMA-Factory asks ``do_eval`` once training has returned; this answers no."""

    def on_train_end(self, args: Any, *_: Any, **kwargs: Any) -> None:
        """Training has ended, and with it all evaluations that the schedule wants."""
        args.do_eval = False
