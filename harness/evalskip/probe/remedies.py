"""Finds out, after a pilot's training, how its job could evaluate for less.

It looks at what the job evaluates, and tries every way that applies to it: larger batches, and what
else of ``TrainingArguments`` bears on evaluation. Tries come in rounds that hold each way once, in
random order, so that ways are compared within a round. What the padding of another order costs is
told from lengths and from how times grow with tokens, without a try.
"""

from __future__ import annotations

import inspect
import random
import time
from typing import TYPE_CHECKING, Any

from evalskip.probe.lengths import lengths_of, longest_first, pad_multiple
from evalskip.probe.limits import BatchRoom, is_out_of_memory
from evalskip.probe.measured import RemedySurvey, SampleLosses, TriedEvaluation
from evalskip.probe.random_state import random_state_preserved
from evalskip.probe.sample_losses import sample_losses
from evalskip.probe.slicing import chosen_of, spread
from evalskip.probe.trying import GENERATES, REDUCES_LOGITS, try_evaluation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from transformers import Trainer

_LIBRARIES = ("transformers", "trl", "llamafactory", "peft", "axolotl", "unsloth", "evalskip")
"""Whose Trainers evaluate as ``transformers.Trainer`` does, in their loop's order."""
_MOST_TIMES, _MOST_BATCH = 32, 128
_NO_GAIN = 0.97
"""A batch that takes as much per token as half of it, or more, and the one after it, end the
search."""
_ROUNDS, _MOST_ROUNDS = 3, 12
_FEWEST_BATCHES, _MOST_BATCHES = 2, 6
_LENGTHS_S, _LOSSES_S = 2.0, 3.0
_LOSSES = 128
_WORKERS, _LOADS = 2, 0.05
"""Of a batch's time, the least that waiting for the loader takes where workers are tried."""
_TOLERANCE = 1e-3


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
            decides=_decides(trainer),
            is_grouped=_is_grouped(trainer),
        )
        self._before: list[float] | None = None
        self._loads = 0.0
        """Of a batch's time, what it waits for the loader."""
        self._samples: Any = None
        """The largest set, which is tried."""

    def begin(self) -> None:
        """Before the first step: what cannot be, and the losses of some samples."""
        refused = self._found.refused
        if reason := _why_none(self._trainer, self._named):
            refused["all"] = reason
            return
        self._samples = max(self._named.values(), key=len)
        if self._trainer.compute_metrics is not None and _generates(self._trainer):
            refused["subset"] = "generates"
            return
        try:
            self._before = sample_losses(self._trainer, self._some(), _LOSSES_S)
        except Exception as error:
            if is_out_of_memory(error):
                raise
            refused["subset"] = "loss_not_by_sample"

    def finish(self, steps: int) -> RemedySurvey:
        """After training: try every way, as long as there is time.

        Args:
            steps: that were trained.
        """
        if "all" not in self._found.refused:
            with random_state_preserved():
                self._look()
                if self._before:
                    self._tell_losses(steps)
                self._try_all()
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
            if name != "eval_loss" and isinstance(value, int | float) and "time" not in name
        )
        if not self._is_side_by_side(some, tried):
            found.refused["all"] = "batch_needs_all"
        elif not self._is_mean():
            found.refused["all"] = "loss_of_batch"

    def _is_side_by_side(self, some: Any, tried: TriedEvaluation) -> bool:
        """Whether batches hold as many rows as samples, each as long as the longest of them."""
        count, batch = len(some), self._found.batch
        rows = [min(batch, count - begin) for begin in range(0, count, batch)]
        if [samples for samples, _ in tried.shapes] != rows:
            return False
        lengths = lengths_of(some) if self._found.lengths else None
        if lengths is None:
            return True
        if self._found.is_grouped:
            return True
        multiple = pad_multiple(lengths, batch, tried.shapes)
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
        before = self._before or []
        chosen = chosen_of(self._some(), range(len(before)))
        after = sample_losses(self._trainer, chosen, 2 * _LOSSES_S)
        self._found.losses = SampleLosses(before[: len(after)], after, steps)

    def _try_all(self) -> None:
        deadline = time.monotonic() + self._seconds
        found = self._found
        tries = self._batches(deadline)
        tries += list(self._settings())
        if len(tries) < 2:
            return
        rounds = 0
        source = random.Random(0)
        slowest = 0.0
        while rounds < _ROUNDS or (rounds < _MOST_ROUNDS and time.monotonic() + slowest < deadline):
            began = time.monotonic()
            source.shuffle(tries)
            found.tries.append(
                [try_evaluation(self._trainer, way, found.ways[way], s)[0] for way, s in tries]
            )
            slowest = max(slowest, time.monotonic() - began)
            rounds += 1

    def _batches(self, deadline: float) -> list[tuple[str, Any]]:
        """Larger and larger batches, each tried once on the longest samples: those that fit."""
        found, trainer = self._found, self._trainer
        lengths = max(found.lengths.values(), key=len, default=None)
        order = longest_first(lengths) if lengths else range(len(self._samples))
        room = BatchRoom(trainer.args.device.type)
        per_token: list[float] = []
        spent: dict[int, float] = {}
        batch = found.batch
        most = min(len(order), _MOST_TIMES * found.batch, max(_MOST_BATCH, found.batch))
        while batch <= most:
            way = _way_of(batch, found.batch)
            changes = {"per_device_eval_batch_size": batch} if way else {}
            try:
                samples = chosen_of(self._samples, order[:batch])
                try_evaluation(trainer, way, changes, samples)  # touches its memory
                with room.metered() as metered:
                    tried, _ = try_evaluation(trainer, way, changes, samples)
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                found.batches_bound_by = "memory"
                break
            found.ways[way] = changes
            found.peaks[way] = metered.bytes
            spent[batch] = tried.batches_ns[0] / 1e9
            per_token.append(tried.batches_ns[0] / max(1, tried.shapes[0][1]))
            if len(per_token) > 2 and min(per_token[-2:]) > _NO_GAIN * min(per_token[:-2]):
                found.batches_bound_by = "time"
                break
            if 2 * metered.bytes > room.free():
                found.batches_bound_by = "memory"
                break
            batch *= 2
        room_s = max(0.0, deadline - time.monotonic()) / (_ROUNDS + 1)
        tries = []
        for size, seconds in spent.items():
            count = round(room_s / len(spent) / seconds) if seconds else _MOST_BATCHES
            count = min(max(_FEWEST_BATCHES, min(_MOST_BATCHES, count)), max(1, len(order) // size))
            tries.append((_way_of(size, found.batch), self._spread_batches(order, size, count)))
        return tries

    def _spread_batches(self, order: Sequence[int], batch: int, count: int) -> Any:
        """Batches of samples of like lengths, from the longest to the shortest."""
        last = len(order) - batch
        begins = [last * number // max(1, count - 1) for number in range(count)]
        return chosen_of(self._samples, [n for b in begins for n in order[b : b + batch]])

    def _settings(self) -> Iterator[tuple[str, Any]]:
        """What else the job could set otherwise, on samples like its own; and its own way there."""
        found = self._found
        count = min(len(self._samples), _MOST_BATCHES * found.batch)
        samples = spread(self._samples, count)
        ways = {}
        for way, changes in _ways(self._trainer, found).items():
            if way == "workers" and self._loads < _LOADS:
                found.refused[way] = "loads_fast"
                continue
            try:
                _, metrics = try_evaluation(self._trainer, way, changes, samples)
            except Exception as error:
                if is_out_of_memory(error):
                    raise
                found.refused[way] = "cannot_be_set"
                continue
            if way == "reduced_logits":
                _, own = try_evaluation(self._trainer, "", {}, samples)
                names = [f"eval_{name}" for name in found.metrics]
                if not all(_alike(metrics.get(name), own.get(name)) for name in names):
                    found.refused[way] = "metric_needs_logits"
                    continue
            ways[way] = changes
        if ways:
            found.ways |= {"own": {}, **ways}
            yield from ((way, samples) for way in ("own", *ways))


def _way_of(batch: int, own: int) -> str:
    return "" if batch == own else f"batch:{batch}"


def _ways(trainer: Trainer, found: RemedySurvey) -> dict[str, dict[str, Any]]:
    """By name, what of this job's evaluation could be set otherwise."""
    args = trainer.args
    ways: dict[str, dict[str, Any]] = {}
    if not args.dataloader_num_workers:
        ways["workers"] = {
            "dataloader_num_workers": _WORKERS,
            "dataloader_persistent_workers": True,
        }
    elif not args.dataloader_persistent_workers:
        ways["persistent_workers"] = {"dataloader_persistent_workers": True}
    if trainer.compute_metrics is None or args.prediction_loss_only:
        return ways
    if not found.decides or found.decides in ("loss", "eval_loss"):
        ways["loss_only"] = {"prediction_loss_only": True}
    else:
        found.refused["loss_only"] = "metric_decides"
    if _generates(trainer):
        tokens = _new_tokens(trainer)
        if tokens and tokens > 1:
            ways["fewer_tokens"] = {GENERATES: tokens // 2}
        return ways
    if trainer.preprocess_logits_for_metrics is None:
        ways["reduced_logits"] = {REDUCES_LOGITS: True}
    if args.eval_accumulation_steps is None and not args.batch_eval_metrics:
        ways["accumulation"] = {"eval_accumulation_steps": 4}
    if not args.batch_eval_metrics and _takes_compute_result(trainer.compute_metrics):
        ways["batch_metrics"] = {"batch_eval_metrics": True}
    return ways


def _why_none(trainer: Trainer, named: Mapping[str, Any]) -> str | None:
    """The code of why nothing can be tried; None: it can."""
    if not named or not all(hasattr(samples, "__len__") for samples in named.values()):
        return "stream"
    if trainer.args.world_size > 1:
        return "several_ranks"
    for name in ("evaluate", "evaluation_loop", "get_eval_dataloader"):
        if getattr(type(trainer), name).__module__.partition(".")[0] not in _LIBRARIES:
            return "own_evaluate"
    return None


def _decides(trainer: Trainer) -> str | None:
    name = trainer.args.metric_for_best_model
    return str(name).removeprefix("eval_") if name else None


def _generates(trainer: Trainer) -> bool:
    return bool(getattr(trainer.args, "predict_with_generate", False))


def _is_grouped(trainer: Trainer) -> bool:
    args = trainer.args
    return bool(getattr(args, "group_by_length", False)) or (
        getattr(args, "train_sampling_strategy", None) == "group_by_length"
    )


def _new_tokens(trainer: Trainer) -> int | None:
    """How many an answer may have, where that is said so."""
    configured = getattr(trainer.model, "generation_config", None)
    tokens = getattr(configured, "max_new_tokens", None)
    return int(tokens) if tokens else None


def _takes_compute_result(compute_metrics: Any) -> bool:
    try:
        return "compute_result" in inspect.signature(compute_metrics).parameters
    except (TypeError, ValueError):
        return False


def _alike(one: Any, other: Any) -> bool:
    if one is None or other is None:
        return False
    return bool(abs(one - other) <= _TOLERANCE * max(1.0, abs(other)))
