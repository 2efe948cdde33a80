"""What every schedule answers: when it evaluates, and how the Trainer is told."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from evalskip.notes import Note, note


class BaseSchedule(BaseModel, ABC):
    """When evaluation happens during one job.

    A subclass adds ``schedule: Literal["its_name"]``, which is what a spec says, and the
    parameters that it takes.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    schedule: str

    decides_by_the_clock: ClassVar[bool] = False
    """Whether the time that a run takes decides how often it evaluates. Then whole runs alone are
    compared, the job is run whole, and no pilot can predict it."""

    @property
    @abstractmethod
    def label(self) -> str:
        """Short name, as written on the command line: ``every_n_epochs:5``."""

    @property
    def note(self) -> Note:
        """The schedule as a note, for tables: named as in a spec, with ``count`` for its N."""
        own = self.model_dump()
        return note(own["schedule"], **({"count": own["n"]} if "n" in own else {}))

    @abstractmethod
    def evaluated_steps(self, epochs: int, steps_per_epoch: int) -> list[int] | None:
        """Optimizer steps (from 1) after which an evaluation runs, in order.

        An evaluation after training counts as one after the last step. None where only the run
        itself knows: nothing is checked then, and nothing predicted.
        """

    def evaluated_within(self, steps: int, steps_per_epoch: int) -> list[int] | None:
        """The same for a job whose last epoch may be cut short.

        Args:
            steps: of the whole job.
            steps_per_epoch: of an epoch that is not.
        """
        epochs, rest = divmod(steps, steps_per_epoch)
        # a schedule that counts no epochs sees one, however long
        return (
            self.evaluated_steps(1, steps)
            if rest
            else self.evaluated_steps(epochs, steps // epochs)
        )

    @property
    def after_training(self) -> bool:
        """Whether the job calls ``evaluate()`` itself once training has returned."""
        return False

    def trainer_arguments(self) -> dict[str, Any]:
        """Arguments for ``transformers.TrainingArguments`` that bring this schedule about."""
        return {"eval_strategy": "no"}

    def callbacks(self) -> list[tuple[str, list[Any]]]:
        """What brings it about where the Trainer has no option for it.

        Returns:
            Classes of :mod:`evalskip.callbacks`, each found in the file of its name
            (``EveryNEpochs`` in ``every_n_epochs.py``), with its arguments.
        """
        return []
