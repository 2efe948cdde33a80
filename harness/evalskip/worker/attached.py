"""Callbacks that a run inside somebody else's program is given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback

from evalskip.probe.attach import trainer_of
from evalskip.probe.trainer import TrainerProbe

if TYPE_CHECKING:
    from evalskip.worker.trial import Trial


class Attached(TrainerCallback):
    """Attaches the probe to the Trainer that it is given to, once that is built.

    Args:
        measure: ``time`` or ``memory``.
        restore_random_state: restore all generators after each evaluation.
        evaluation_samples: evaluate the first so many samples only; None: all.
        train_samples: train on so many samples, the Trainer's own over and over; None: its own.
        sliced: see :class:`evalskip.probe.trainer.TrainerProbe`.
    """

    def __init__(
        self,
        measure: str,
        *,
        restore_random_state: bool,
        evaluation_samples: int | None,
        train_samples: int | None,
        sliced: dict[str, Any] | None,
    ) -> None:
        self.probe: TrainerProbe | None = None
        self._measure = measure
        self._restore = restore_random_state
        self._samples = evaluation_samples
        self._train_samples = train_samples
        self._sliced = sliced

    @property
    def began_at_ns(self) -> int | None:
        """When ``train()`` was entered, on the clock of ``time.perf_counter_ns``, if it was."""
        return self.probe.timer.began_at_ns if self.probe else None

    def on_init_end(self, *args: Any, **kwargs: Any) -> None:
        """The Trainer is complete."""
        trainer = trainer_of(self)
        if trainer is None:
            raise RuntimeError("no Trainer called this callback")
        if self._samples is not None:
            trainer.eval_dataset = trainer.eval_dataset.select(range(self._samples))
        if self._train_samples is not None:
            own = len(trainer.train_dataset)
            places = [sample % own for sample in range(self._train_samples)]
            trainer.train_dataset = trainer.train_dataset.select(places)
        self.probe = TrainerProbe(
            trainer,
            self._measure,
            restore_random_state=self._restore,
            sliced=self._sliced,
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
