"""What a run says of itself, in one line."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evalskip.probe.training_timer import TrainingTimer


def print_cost(timer: TrainingTimer) -> None:
    """What evaluation came to."""
    seconds, total = timer.elapsed_s()
    count = timer.evaluations
    if count == 0:
        print("evalskip: there was no evaluation", file=sys.stderr)
        return
    print(
        f"evalskip: {count} evaluation{'s' if count > 1 else ''} took {duration(seconds)} of "
        f"{duration(total)}: {100 * seconds / total:.1f}%. Without them training would have been "
        f"{100 * seconds / (total - seconds):.1f}% faster.",
        file=sys.stderr,
    )


def warn_of_cost(timer: TrainingTimer, share: float, done: float) -> bool:
    """Whether evaluation takes more than its share, and a line to say so.

    Evaluations come at a steady rate: their share so far is what it will be.

    Args:
        timer: of the training.
        share: of the time that evaluation may take.
        done: part of the training that is behind us, above 0.
    """
    seconds, total = timer.elapsed_s()
    ratio = seconds / total
    if ratio <= share:
        return False
    print(
        f"evalskip: evaluation takes {100 * ratio:.0f}% of the time so far, more than "
        f"{100 * share:.0f}%; at this rate {duration(total / done * ratio)} of "
        f"{duration(total / done)}. Evaluate less often, or on fewer samples.",
        file=sys.stderr,
    )
    return True


def duration(seconds: float) -> str:
    """Seconds, minutes or hours, for people."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"
