"""What the Trainer logs, entry by entry, put together to runs.

A log entry is a mapping of names to numbers, as ``Trainer.log`` has it: ``loss`` of training,
``eval_loss`` with ``eval_runtime`` of an evaluation (another prefix for another set), and
``train_runtime`` at the end of ``train()``. Reporters rename them (``eval/loss``, ``train/loss``).
"""

from __future__ import annotations

import math
import re
from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from evalskip.logs.clock import Clock
from evalskip.logs.finished import (
    PRINTED_EPOCH,
    Evaluation,
    FinishedRun,
    Source,
    TrainingPart,
    most,
)
from evalskip.notes import note

if TYPE_CHECKING:
    from collections.abc import Mapping

_RUNTIME = "_runtime"
_RATES = (
    "_samples_per_second",
    "_steps_per_second",
    "_jit_compilation_time",
    "_model_preparation_time",
)
_EVALUATED = re.compile(r"(eval|test|predict|val|valid|validation)(_.+)?_loss")
_PLACED = ("loss", "step", "current_steps", "global_step", "epoch")
_OURS = "eval_cost"
"""Metrics of our own callback, which are no evaluation."""
_PRINTED_S = 0.0101
"""Seconds by which a time differs that is printed to hundredths."""
MOST_EVALUATIONS = 100_000
"""Of one file; a log that holds more is not one of fine-tuning."""
MOST = 1e15
"""Of steps, epochs and samples: a larger number is damaged."""
_LEAST_S, _MOST_S = 1e-6, 1e12
"""Seconds of a training; of an evaluation there may be none."""


class TooManyEvaluations(ValueError):
    """A log holds more evaluations than can be kept."""


class RunBuilder:
    """Takes the entries of one file, in order, and makes runs of them.

    Args:
        source: the file.
        is_own: whether all entries are the Trainer's own, so that any ``eval_...`` is of an
            evaluation; among what is printed, a configuration has such names too.
    """

    def __init__(self, source: Source, *, is_own: bool = False) -> None:
        self._source = source
        self._is_own = is_own
        self._runs: list[FinishedRun] = []
        self._bad: Counter[str] = Counter()
        self._clock = Clock()
        self._first_place: float | None = None
        self._is_over = False
        self._count = 0

    def add(
        self,
        entry: Mapping[str, Any],
        elapsed: float | None = None,
        *,
        is_summary: bool = False,
    ) -> None:
        """One more entry.

        Args:
            entry: names and values, as logged; what is no number is passed over.
            elapsed: seconds since training began, by a clock of whole seconds; None: not logged.
            is_summary: whether it says once more, in fewer digits, what may have been logged.

        Raises:
            TooManyEvaluations: there are more than ``MOST_EVALUATIONS``.
        """
        if _is_plain_loss(tuple(entry)):  # most of what a log holds
            entry = {name: entry[name] for name in _PLACED if name in entry}
        values = _numbers(entry)
        if is_summary:
            self._summarise(values)
            return
        step = _first(values, "step", "current_steps", "global_step")
        epoch = _first(values, "epoch")
        is_loss = "loss" in values
        sets = evaluated_sets(tuple(values))
        if self._is_own and not sets and any(map(_is_metric, values)):
            sets = ("eval",)
        # with include_num_input_tokens_seen every loss comes with the time so far
        if "train_runtime" in values and not is_loss:
            self._end(values, step, epoch)
        elif is_loss or sets:
            self._follow(step, epoch)
        elif elapsed is None:
            return
        run = self._run()
        if is_loss and math.isfinite(values["loss"]):
            run.losses.add(step, epoch, values["loss"])
        for prefix in sets:
            self._evaluate(run, prefix, values, step, epoch)
        if not (self._is_over and sets):  # one that follows the end says nothing of how far it came
            run.steps = most(run.steps, step)
            run.epoch = most(run.epoch, epoch)
        if elapsed is not None:
            self._clock.add(elapsed, step, run.evaluations[-1] if sets else None)

    def _summarise(self, values: dict[str, float]) -> None:
        """What ``log_metrics`` prints of a training or an evaluation, unless that was logged."""
        run = self._run()
        epoch = _first(values, "epoch")
        if "train_runtime" in values:
            last = run.parts[-1].seconds if run.parts else None
            if last is None or abs(last - values["train_runtime"]) > _PRINTED_S:
                self._end(values, None, epoch)
            return
        for prefix in evaluated_sets(tuple(values)):
            seconds = values.get(prefix + _RUNTIME)
            if seconds is None or any(
                each.seconds is not None and abs(each.seconds - seconds) <= _PRINTED_S
                for each in run.evaluations[-2:]
            ):
                continue
            self._evaluate(run, prefix, values, None, epoch)

    def runs(self) -> list[FinishedRun]:
        """What came of them; empty where nothing was logged."""
        self._close_clock()
        if self._runs:
            self._runs[0].warnings += [
                note("log_numbers_unfit", name=name, count=count)
                for name, count in sorted(self._bad.items())
            ]
        return [run for run in self._runs if run.evaluations or run.parts or run.losses.count]

    @property
    def current(self) -> FinishedRun:
        """The run that entries go to now."""
        return self._run()

    def _run(self) -> FinishedRun:
        return self._runs[-1] if self._runs else self._start()

    def _start(self) -> FinishedRun:
        self._close_clock()
        self._first_place = None
        self._is_over = False
        self._runs.append(FinishedRun(sources=[self._source]))
        return self._runs[-1]

    def _close_clock(self) -> None:
        if self._runs and self._clock.entries:
            self._runs[-1].clock = self._clock.closed()
        self._clock = Clock()

    def _follow(self, step: float | None, epoch: float | None) -> None:
        """Begin another run where an entry cannot belong to the one before."""
        if not self._runs:
            self._start()
        run = self._runs[-1]
        place, last, least = _compared(run, step, epoch)
        if place is None:
            return
        if self._first_place is None:
            self._first_place = place
        if last is not None and place > last + least:
            self._is_over = False  # a training that was resumed goes on
        if last is None or place >= last - least:
            return
        is_fresh = place <= 1.5 * self._first_place
        if run.parts or is_fresh:
            self._start()
            self._first_place = place
        else:  # taken up again from an earlier checkpoint
            run.restarted = True
            if step is not None:
                run.steps = step
            run.epoch = epoch

    def _end(self, values: dict[str, float], step: float | None, epoch: float | None) -> None:
        run = self._run()
        seconds = values["train_runtime"]
        if not _LEAST_S < seconds < _MOST_S:
            self._bad["train_runtime"] += 1
            return
        if run.parts and run.parts[-1].seconds == seconds:
            return  # TrainOutput says once more what was logged
        if run.parts and self._is_over:
            place, last, least = _compared(run, step, epoch)
            if place is None or last is None or place <= last + least:
                run = self._start()
        run.parts.append(
            TrainingPart(
                seconds=seconds,
                samples_per_second=_positive(values.get("train_samples_per_second")),
                steps_per_second=_positive(values.get("train_steps_per_second")),
                mean_loss=values.get("train_loss"),
                step=step,
                epoch=epoch,
                samples=_positive(values.get("train_samples")),
            )
        )
        run.ended = self._is_over = True

    def _evaluate(
        self,
        run: FinishedRun,
        prefix: str,
        values: dict[str, float],
        step: float | None,
        epoch: float | None,
    ) -> None:
        seconds = values.get(prefix + _RUNTIME)
        if seconds is not None and not 0 <= seconds < _MOST_S:
            self._bad[prefix + _RUNTIME] += 1
            seconds = None
        rate = _positive(values.get(f"{prefix}_samples_per_second"))
        samples = _positive(values.get(f"{prefix}_samples"))
        if samples is None and rate is not None and seconds is not None:
            samples = rate * seconds
        metrics = {
            name: value
            for name, value in values.items()
            if name.startswith(f"{prefix}_")
            and not name.endswith((_RUNTIME, *_RATES))
            and name != f"{prefix}_samples"
        }
        is_known = step is not None or epoch is not None or run.losses.count
        evaluation = Evaluation(
            step=step,
            epoch=epoch,
            seconds=seconds,
            samples=samples,
            metrics=metrics,
            when="after" if self._is_over else ("inside" if is_known else "before"),
        )
        if run.evaluations and _is_repeated(run.evaluations[-1], evaluation):
            return
        self._count += 1
        if self._count > MOST_EVALUATIONS:
            raise TooManyEvaluations
        run.evaluations.append(evaluation)


@lru_cache(maxsize=1024)
def evaluated_sets(names: tuple[str, ...]) -> tuple[str, ...]:
    """The prefixes of the sets that an entry is an evaluation of; empty: it is of none.

    Args:
        names: of the entry; few kinds of entries make up a log.
    """
    timed = [
        name.removesuffix(_RUNTIME)
        for name in names
        if name.endswith(_RUNTIME) and name not in ("train_runtime", _RUNTIME)
    ]
    timed = [prefix for prefix in timed if not prefix.startswith(("_", _OURS))]
    # a metric of somebody's own may end so too: a set has its rate or its loss beside
    timed = [
        prefix
        for prefix in timed
        if {f"{prefix}_samples_per_second", f"{prefix}_loss"} & set(names)
        or not any(prefix.startswith(f"{other}_") for other in timed)
    ]
    untimed = [
        name.removesuffix("_loss")
        for name in names
        if _EVALUATED.fullmatch(name) and not name.startswith(_OURS)
    ]
    return (*timed, *(prefix for prefix in untimed if prefix not in timed))


def _is_metric(name: str) -> bool:
    return name.startswith("eval_") and not name.startswith(_OURS)


@lru_cache(maxsize=1024)
def _is_plain_loss(names: tuple[str, ...]) -> bool:
    """Whether an entry is of training alone, so that all that counts is its loss and its place."""
    return "loss" in names and not any(
        name.startswith(("eval", "test", "predict", "val"))
        or name.endswith(_RUNTIME)
        or "/" in name
        for name in names
    )


@lru_cache(maxsize=4096)
def _renamed(name: str) -> str:
    """As the Trainer has it: reporters write ``eval/loss`` and ``train/loss``."""
    head, slash, rest = name.partition("/")
    if slash and head == "train":
        return rest
    return f"{head}_{rest}" if slash and head in ("eval", "test", "predict") else name


def _numbers(entry: Mapping[str, Any]) -> dict[str, float]:
    """What is a number, text that is one included."""
    values = {}
    for name, value in entry.items():
        if type(value) is not float:
            if isinstance(value, bool) or not isinstance(value, int | float | str):
                continue
            try:
                value = float(value)
            except (ValueError, OverflowError):
                continue
        values[_renamed(name)] = value
    return values


def count(value: object) -> float | None:
    """A number of steps or epochs, if a value is one that there can be."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value < MOST else None


def _first(values: Mapping[str, float], *names: str) -> float | None:
    for name in names:
        value = values.get(name)
        if value is not None and 0 <= value < MOST:
            return value
    return None


def _positive(value: float | None) -> float | None:
    return value if value is not None and 1 / MOST < value < MOST else None


def _compared(
    run: FinishedRun, step: float | None, epoch: float | None
) -> tuple[float | None, float | None, float]:
    """Where an entry and the run before it are, on one scale, and what differs by rounding."""
    if step is not None and run.steps is not None:
        return step, run.steps, 0.0
    return (epoch if step is None or run.epoch is not None else step), run.epoch, PRINTED_EPOCH


def _is_repeated(last: Evaluation, evaluation: Evaluation) -> bool:
    """Whether the same evaluation is said once more, by another reporter."""
    is_placed = evaluation.place is not None
    if last.when != evaluation.when or (is_placed and last.place != evaluation.place):
        return False
    if evaluation.seconds is not None and last.seconds != evaluation.seconds:
        return False
    return bool(evaluation.metrics) and all(
        last.metrics.get(name) == value for name, value in evaluation.metrics.items()
    )
