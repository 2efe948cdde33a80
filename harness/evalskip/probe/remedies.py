"""Finds out, after a pilot's training, how its job could evaluate for less.

It looks at what the job evaluates, and tries every way that applies to it: larger batches, and what
else of ``TrainingArguments`` bears on evaluation. Tries come in rounds that hold each way once, in
random order, so that ways are compared within a round. What the padding of another order costs is
told from lengths and from how times grow with tokens, without a try.
"""

from __future__ import annotations

import random
import sys
import time
from typing import TYPE_CHECKING, Any

from evalskip.probe.larger_batches import LargerBatches
from evalskip.probe.lengths import lengths_of, pad_multiple
from evalskip.probe.limits import is_out_of_memory
from evalskip.probe.random_state import random_state_preserved
from evalskip.probe.sample_losses import sample_losses
from evalskip.probe.slicing import chosen_of, spread
from evalskip.probe.surveyed import RemedySurvey, SampleLosses, TriedEvaluation
from evalskip.probe.trying import try_evaluation
from evalskip.probe.ways import generates, is_grouped, ways_of, why_none

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from transformers import Trainer

_FEWEST_ROUNDS, _MOST_ROUNDS = 3, 12
_BATCHES_PART = 0.7
"""Of the time, that sizes of batches may take where there are other settings."""
_BATCHES = 6
"""Of a try of settings."""
_LENGTHS_S, _LOSSES_S = 2.0, 3.0
_LOSSES = 128
_TOLERANCE = 1e-3
_NO_METRICS = ("eval_loss", "eval_model_preparation_time")


class RemediesTried:
    """Looks at a Trainer's evaluation before its training, and tries ways of it afterwards.

    Args:
        trainer: of a pilot.
        samples: all that the job evaluates: a data set, or several by name.
        seconds: for the tries.
    """

    def __init__(self, trainer: Trainer, samples: Any, seconds: float) -> None:
        self._trainer, self._seconds = trainer, seconds
        named = samples if isinstance(samples, dict) else {"": samples}
        self._named: Mapping[str, Any] = named
        self._found = RemedySurvey(
            batch=int(trainer.args.per_device_eval_batch_size),
            workers=int(trainer.args.dataloader_num_workers),
            keeps_workers=bool(trainer.args.dataloader_persistent_workers),
            is_grouped=is_grouped(trainer),
        )
        self._before: list[float] | None = None
        self._source = random.Random(0)
        self._loads = 0.0
        """Of a batch's time, what it waits for the loader."""
        self._samples: Any = None
        """The largest set, which is tried."""

    def begin(self) -> None:
        """Before the first step: what cannot be, and the losses of some samples."""
        refused = self._found.refused
        if reason := why_none(self._trainer, self._named):
            refused["all"] = reason
            return
        self._samples = max(self._named.values(), key=len)
        if self._trainer.compute_metrics is not None and generates(self._trainer):
            refused["subset"] = "generates"
            return
        try:
            self._before = sample_losses(self._trainer, self._some(), _LOSSES_S)
        except Exception:  # logits of another shape, or more of them than there is memory for
            refused["subset"] = "loss_not_by_sample"

    def finish(self, steps: int, took_s: float) -> RemedySurvey:
        """After training: try every way, as long as there is time.

        Args:
            steps: that were trained.
            took_s: what that took; of a slow job, tries may take as long.
        """
        self._seconds = max(self._seconds, took_s)
        if "all" not in self._found.refused:
            try:
                with random_state_preserved():
                    self._look()
                    if "all" not in self._found.refused:
                        self._tell_losses(steps)
                        self._try_all()
            except Exception as error:  # what is predicted beside it needs none of this
                print(f"evalskip: remedies: {type(error).__name__}: {error}", file=sys.stderr)
                self._found.refused["all"] = "cannot_be_tried"
        return self._found

    def _some(self) -> Any:
        """Samples whose losses are told, as many as there is time for."""
        return spread(self._samples, min(_LOSSES, len(self._samples)))

    def _look(self) -> None:
        """At lengths, and at whether a batch is its samples side by side."""
        found, trainer = self._found, self._trainer
        for name, samples in self._named.items():
            lengths = lengths_of(samples, _LENGTHS_S / len(self._named))
            if lengths is None:
                found.refused["order"] = "lengths_unknown"
                found.lengths = {}
                break
            found.lengths[name] = lengths
        several = min(len(self._samples), 2 * found.batch + 1)
        some = spread(self._samples, several)
        tried, metrics = try_evaluation(trainer, "", {}, some)
        self._loads = sum(tried.loads_ns) / max(1, sum(tried.batches_ns))
        found.metrics = sorted(
            name.removeprefix("eval_")
            for name, value in metrics.items()
            if name not in _NO_METRICS and isinstance(value, int | float)
        )
        if not all(tokens for _, tokens in tried.shapes):
            found.refused["all"] = "no_input_ids"
        elif not self._is_side_by_side(some, tried):
            found.refused["all"] = "batch_needs_all"
        elif not self._is_mean():
            found.refused["all"] = "loss_of_batch"

    def _is_side_by_side(self, some: Any, tried: TriedEvaluation) -> bool:
        """Whether batches hold as many rows as samples, each as long as the longest of them."""
        count, batch = len(some), self._found.batch
        expected = [min(batch, count - begin) for begin in range(0, count, batch)]
        # a preference pair is two rows
        rows = max(1, tried.shapes[0][0] // expected[0])
        shapes = [(samples // rows, tokens // rows) for samples, tokens in tried.shapes]
        if [samples for samples, _ in shapes] != expected:
            return False
        self._found.rows = rows
        lengths = lengths_of(some) if self._found.lengths else None
        if lengths is None or self._found.is_grouped:
            return True
        multiple = pad_multiple(lengths, batch, shapes)
        if multiple is None:
            self._found.refused["order"] = "padded_otherwise"
            self._found.lengths = {}
            return True
        self._found.pad_multiple = multiple
        return True

    def _is_mean(self) -> bool:
        """Whether the loss of two samples lies between those of either, as any mean does."""
        if len(self._samples) < 2:
            return True
        pair = spread(self._samples, 2)
        losses = list[float]()
        for samples, batch in ((pair, 2), (chosen_of(pair, [0]), 1), (chosen_of(pair, [1]), 1)):
            changes = {"per_device_eval_batch_size": batch, "prediction_loss_only": True}
            _, metrics = try_evaluation(self._trainer, "", changes, samples)
            if "eval_loss" not in metrics:
                return True
            losses.append(metrics["eval_loss"])
        both, *each = losses
        slack = _TOLERANCE * max(1.0, max(map(abs, each)))
        return bool(min(each) - slack <= both <= max(each) + slack)

    def _tell_losses(self, steps: int) -> None:
        before = self._before
        if not before:
            return
        chosen = chosen_of(self._some(), range(len(before)))
        after = sample_losses(self._trainer, chosen, 2 * _LOSSES_S)
        self._found.losses = SampleLosses(before[: len(after)], after, steps)

    def _try_all(self) -> None:
        found = self._found
        settings = list(self._settings())
        began = time.monotonic()
        lengths = max(found.lengths.values(), key=len, default=None)
        batches = LargerBatches(self._trainer, self._samples, lengths)
        first = batches.grow(self._seconds / 2, found)
        if len(first) > 1:
            found.tries.append(first)
            part = 1.0 if not settings else _BATCHES_PART
            self._rounds(
                found.tries, began + part * self._seconds, lambda: batches.ways, batches.tried
            )
        # last, since a process that has forked workers touches all of its memory anew
        if settings:
            self._rounds(found.setting_tries, began + self._seconds, lambda: settings)

    def _rounds(
        self,
        rounds: list[list[TriedEvaluation]],
        deadline: float,
        ways: Callable[[], Sequence[tuple[str, Any]]],
        learn: Callable[[TriedEvaluation], None] | None = None,
    ) -> None:
        """As many as there is time for, and a few at least.

        Args:
            rounds: are told of it.
            deadline: by the monotonic clock.
            ways: that the next round tries.
            learn: is told of each try.
        """
        took_s = 0.0
        while len(rounds) < _FEWEST_ROUNDS or (
            len(rounds) < _MOST_ROUNDS and time.monotonic() + took_s < deadline
        ):
            began = time.monotonic()
            rounds.append(self._round(ways()))
            if learn is not None:
                for tried in rounds[-1]:
                    learn(tried)
            took_s = time.monotonic() - began

    def _round(self, tries: Sequence[tuple[str, Any]]) -> list[TriedEvaluation]:
        """Each once, in random order."""
        ordered = self._source.sample(tries, len(tries))
        ways = self._found.ways
        return [try_evaluation(self._trainer, way, ways[way], some)[0] for way, some in ordered]

    def _settings(self) -> Iterator[tuple[str, Any]]:
        """What else the job could set otherwise, on samples like its own; and its own way there."""
        found = self._found
        samples = spread(self._samples, min(len(self._samples), _BATCHES * found.batch))
        ways, refused = ways_of(self._trainer, self._loads)
        found.refused |= refused
        for way, changes in list(ways.items()):
            if way != "workers" and (why := self._why_not(way, changes, samples)):
                found.refused[way] = why
                del ways[way]
        if ways:
            found.ways |= {"own": {}, **ways}
            yield from ((way, samples) for way in ("own", *ways))

    def _why_not(self, way: str, changes: Mapping[str, Any], samples: Any) -> str | None:
        """The code of why a way cannot be; None: it can."""
        try:
            _, metrics = try_evaluation(self._trainer, way, changes, samples)
        except Exception as error:
            return "memory" if is_out_of_memory(error) else "cannot_be_set"
        if way == "reduced_logits":
            _, own = try_evaluation(self._trainer, "", {}, samples)
            names = [f"eval_{name}" for name in self._found.metrics]
            if not all(_alike(metrics.get(name), own.get(name)) for name in names):
                return "metric_needs_logits"
        return None


def _alike(one: Any, other: Any) -> bool:
    if one is None or other is None:
        return False
    return bool(abs(one - other) <= _TOLERANCE * max(1.0, abs(other)))
