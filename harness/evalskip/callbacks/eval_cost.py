"""What evaluation costs a training run, told by the run itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback

from evalskip.callbacks.named import made_of
from evalskip.probe.attach import trainer_of
from evalskip.probe.report import assignment
from evalskip.probe.tell import tell, warn
from evalskip.probe.trainer import TrainerProbe

if TYPE_CHECKING:
    from transformers import Trainer


class EvalCost(TrainerCallback):
    """Times a Trainer's evaluations, and says what they cost.

    One line in any script that uses the Trainer, or what is built on it::

        Trainer(..., callbacks=[EvalCost()])

    It prints a line when training ends, and another after an evaluation after training; it warns
    as soon as evaluation is going to take more than ``share`` of the time; and it logs through
    ``Trainer.log``, so that TensorBoard and Weights & Biases show it:

    ========================= ===============================================
    key                       meaning
    ========================= ===============================================
    ``eval_cost/seconds``     all evaluations so far, in seconds
    ``eval_cost/share``       of the time since ``train()`` was entered
    ``eval_cost/evaluations`` how many there were
    ========================= ===============================================

    Run by ``evalskip bench``, it also hands its figures over.

    Args:
        share: of the time, beyond which a warning is printed; None: never.

    Raises:
        ValueError: ``share`` is no share.
    """

    def __init__(self, share: float | None = 0.2) -> None:
        if share is not None and not 0 < share < 1:
            raise ValueError(f"EvalCost: share: expected a number between 0 and 1, got {share}")
        self.share = share
        self._assignment = assignment()
        self._probe: TrainerProbe | None = None
        self._trainer: Trainer | None = None
        self._warned = False

    def on_init_end(self, *args: Any, **kwargs: Any) -> None:
        """The Trainer is complete: attach to it before it trains."""
        self._attach()

    def on_train_begin(self, *args: Any, **kwargs: Any) -> None:
        """Attach here where the callback was added later; T then begins with the loop."""
        if self._probe is None:
            self._attach()
            if self._probe is not None:
                self._probe.enter_loop()

    def _attach(self) -> None:
        trainer = trainer_of(self)
        if trainer is None:
            return
        self._trainer = trainer
        wanted = self._assignment
        self._probe = TrainerProbe(
            trainer,
            wanted.measure if wanted else "time",
            restore_random_state=bool(wanted and wanted.restore_random_state),
            prove=wanted is not None,
            sliced=wanted.sliced if wanted else None,
            on_evaluated=self._evaluated,
            on_ended=self._ended,
        )
        if wanted is not None:
            for callback in made_of(wanted.callbacks):
                trainer.add_callback(callback)
            wanted.report_at_exit(self._probe)

    def _evaluated(self) -> None:
        """An evaluation inside training has ended: warn, and log."""
        if self._probe is None or self._trainer is None:
            return
        course, state = self._probe.course, self._trainer.state
        if self.share is not None and not self._warned and self._speaks:
            self._warned = warn(course, self.share, max(1, state.global_step) / state.max_steps)
        seconds, whole = course.spent_s()
        self._trainer.log(
            {
                "eval_cost/seconds": round(seconds, 4),
                "eval_cost/share": round(seconds / whole, 4),
                "eval_cost/evaluations": course.evaluations,
            }
        )

    def _ended(self) -> None:
        """Training has ended, or an evaluation after it."""
        if self._probe is not None and self._speaks:
            tell(self._probe.course)

    @property
    def _speaks(self) -> bool:
        """One process of several prints."""
        return self._trainer is not None and self._trainer.is_world_process_zero()
