"""What evaluation costs a training run, told by the run itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback

from evalskip.callbacks.named import made_of
from evalskip.probe.attach import trainer_of
from evalskip.probe.cost_lines import print_cost, warn_of_cost
from evalskip.probe.guard import Guard
from evalskip.probe.report import assignment
from evalskip.probe.trainer import TrainerProbe

if TYPE_CHECKING:
    from transformers import Trainer

    from evalskip.probe.report import Assignment
    from evalskip.probe.training_timer import TrainingTimer


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

    Each ``train()`` is measured for itself. Where measuring fails, it says so once and stops;
    training goes on. Run by ``evalskip bench``, it also hands the first training's figures over.

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
        self._watched: dict[Trainer, _Watched] = {}
        self._guard = Guard(None if self._assignment else "EvalCost")

    def on_init_end(self, *args: Any, **kwargs: Any) -> None:
        """The Trainer is complete: attach to it before it trains."""
        self._guard.call(self._attach)

    def on_train_begin(self, *args: Any, **kwargs: Any) -> None:
        """Attach here where the callback was added later; T then begins with the loop."""
        if attached := self._guard.call(self._attach):
            self._guard.call(attached.probe.enter_loop)

    def _attach(self) -> _Watched | None:
        """Watch the Trainer that calls; None: it is watched already, or none does."""
        trainer = trainer_of(self)
        if trainer is None or trainer in self._watched:
            return None
        # what the harness wants of a run, it wants of the first Trainer
        task = None if self._watched else self._assignment
        if task is not None:
            for callback in made_of(task.callbacks):
                trainer.add_callback(callback)
                callback.on_init_end(trainer.args, trainer.state, trainer.control)
        watched = self._watched[trainer] = _Watched(trainer, self.share, task, self._guard)
        if task is not None:
            task.report_at_exit(watched.probe)
        return watched


class _Watched:
    """One Trainer, each of whose trainings says what its evaluations cost."""

    def __init__(
        self, trainer: Trainer, share: float | None, task: Assignment | None, guard: Guard
    ) -> None:
        self._trainer = trainer
        self._share = share
        self._warned: TrainingTimer | None = None
        self.probe = TrainerProbe(
            trainer,
            task.measure if task else "time",
            restore_random_state=bool(task and task.restore_random_state),
            prove=task is not None,
            sliced=task.sliced if task else None,
            each=task is None,
            guard=guard,
            tells_losses=bool(task and task.tells_losses),
            on_evaluated=self._evaluated,
            on_ended=self._ended,
        )

    def _evaluated(self) -> None:
        """An evaluation inside training has ended: warn, and log."""
        timer, state = self.probe.timer, self._trainer.state
        if self._share is not None and self._warned is not timer and self._speaks:
            done = max(1, state.global_step) / max(1, state.max_steps)
            self._warned = timer if warn_of_cost(timer, self._share, done) else None
        seconds, total = timer.elapsed_s()
        self._trainer.log(
            {
                "eval_cost/seconds": round(seconds, 4),
                "eval_cost/share": round(seconds / total, 4),
                "eval_cost/evaluations": timer.evaluations,
            }
        )

    def _ended(self) -> None:
        """Training has ended, or an evaluation after it."""
        if self._speaks:
            print_cost(self.probe.timer)

    @property
    def _speaks(self) -> bool:
        """One process of several prints."""
        return bool(self._trainer.is_world_process_zero())
