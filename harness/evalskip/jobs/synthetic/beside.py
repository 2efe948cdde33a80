"""A second process that evaluates at a known pace, on the clock of the first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.probe.besides import Beside, EvaluationBeside

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from evalskip.jobs.base import RunRequest


class SecondProcess:
    """Evaluates each snapshot in turn; its metrics are known at the end of a step.

    Args:
        evaluation_ns: what it takes for one evaluation.
        afterwards: whether it begins when training has ended.
    """

    def __init__(self, evaluation_ns: int, *, afterwards: bool) -> None:
        self.beside = Beside()
        self._evaluation_ns, self._afterwards = evaluation_ns, afterwards
        self._free_at = 0
        self._due: list[tuple[int, int, int, int]] = []
        """Of each snapshot: step, when and how long it was taken, and when it is evaluated."""

    def snapshot(self, step: int, now: int, took_ns: int) -> None:
        """One has been taken."""
        begins = max(now, self._free_at)
        self._free_at = begins + self._evaluation_ns
        self._due.append((step, now, took_ns, self._free_at))

    def is_busy(self, now: int) -> bool:
        """Whether it evaluates, which slows a step that begins now."""
        return not self._afterwards and now < self._free_at

    def step_done(self, step: int, now: int) -> None:
        """Hand over what is evaluated by now."""
        if not self._afterwards:
            self._hand_over(step, now, [each for each in self._due if each[3] <= now])

    def wait_ns(self, step: int, now: int) -> int:
        """What training waits at its end for the rest."""
        if self._afterwards:
            self._due = [
                (due, at, took, now + place * self._evaluation_ns)
                for place, (due, at, took, _) in enumerate(self._due, start=1)
            ]
        until = max((each[3] for each in self._due), default=now)
        self.beside.waited_ns = max(0, until - now)
        self._hand_over(step, until, list(self._due))
        return self.beside.waited_ns

    def _hand_over(self, step: int, now: int, done: Sequence[tuple[int, int, int, int]]) -> None:
        for each in done:
            self._due.remove(each)
            due, at, took, _ = each
            self.beside.evaluations.append(
                EvaluationBeside(due, took, self._evaluation_ns, now - at, step - due)
            )


def second_process(request: RunRequest, evaluation_ns: Callable[[], int]) -> SecondProcess | None:
    """The one that a run is asked for; None: it evaluates inside training."""
    for name, arguments in request.callbacks:
        if name == "EvalBeside":
            return SecondProcess(evaluation_ns(), afterwards=arguments[3] == "afterwards")
    return None
