"""What can go wrong, each kind with the exit code that the command line gives it.

==== ========================= ==========================================
code class                     meaning
==== ========================= ==========================================
1    :class:`Regression`       a gate found a figure worse, or over its budget
2    :class:`InputError`       what the user wrote is wrong
3    :class:`Inconclusive`     a verdict was asked for that there is not
4    :class:`MeasurementError` the measurement itself failed
130  :class:`Interrupted`      stopped by the user; can be resumed
==== ========================= ==========================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence


_LONGEST = 300


class EvalskipError(Exception):
    """An error for people: its text is one short line that says what, where and what is expected.

    ``below`` are the last lines of the job or of a library, where those are the cause.
    """

    exit_code: ClassVar[int] = 4

    def __init__(self, message: str, below: Sequence[str] = ()) -> None:
        # a name may hold what a terminal would obey
        line = "".join(sign for sign in " ".join(message.split()) if sign.isprintable())
        super().__init__(line if len(line) <= _LONGEST else f"{line[: _LONGEST - 2].rstrip()} …")
        self.below = list(below)


class Regression(EvalskipError):
    """A gate found a figure worse than its baseline, or over its budget."""

    exit_code = 1


class InputError(EvalskipError):
    """A file, a field or an option that the user gave is wrong."""

    exit_code = 2


class Inconclusive(EvalskipError):
    """A verdict was asked for that there is not."""

    exit_code = 3


class MeasurementError(EvalskipError):
    """Nothing could be measured, though the input was right.

    Args:
        message: of which all but the first line are the job's own.
    """

    exit_code = 4

    def __init__(self, message: str) -> None:
        line, *below = message.splitlines() or [""]
        super().__init__(line, below)


class Killed(MeasurementError):
    """A process of the harness's own was killed; what it was at can be begun again elsewhere."""


class Interrupted(EvalskipError):
    """Ended by SIGINT or SIGTERM; everything measured so far is on disk."""

    exit_code = 130
