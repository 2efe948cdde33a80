"""Tries larger and larger evaluation batches, as far as memory and time allow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalskip.probe.layout import spread_batches
from evalskip.probe.lengths import longest_first
from evalskip.probe.limits import BatchRoom, is_out_of_memory
from evalskip.probe.slicing import chosen_of
from evalskip.probe.trying import try_evaluation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from transformers import Trainer

    from evalskip.probe.surveyed import RemedySurvey, TriedEvaluation

_MOST_TIMES, _MOST = 32, 128
_NO_GAIN = 1.15
"""Times the least per token: what takes more is tried no further, and two such sizes in a row end
the search."""
_FEWEST_BATCHES, _MOST_BATCHES = 3, 6


class LargerBatches:
    """Batches of one evaluation set, of the Trainer's own size and of larger ones.

    Each size is tried on the longest samples, which come first and must fit, and on some batches
    that stand for all others.

    Args:
        trainer: whose training has ended.
        samples: a data set.
        lengths: of its samples; None: not known.
    """

    def __init__(self, trainer: Trainer, samples: Any, lengths: Sequence[int] | None) -> None:
        self._trainer, self._samples = trainer, samples
        self._own = int(trainer.args.per_device_eval_batch_size)
        self._order = longest_first(lengths) if lengths else list(range(len(samples)))
        self._tries: dict[int, Any] = {}
        """By size, the samples that it is tried on."""
        self._per_token: dict[int, list[float]] = {}

    @property
    def ways(self) -> list[tuple[str, Any]]:
        """What is to be tried further: names of ways, and samples."""
        least = min(map(min, self._per_token.values()), default=0.0)
        return [
            (self._way(size), samples)
            for size, samples in self._tries.items()
            if size == self._own or min(self._per_token[size]) <= _NO_GAIN * least
        ]

    def grow(self, seconds: float, found: RemedySurvey) -> list[TriedEvaluation]:
        """Double the size while that may pay, each tried once.

        Args:
            seconds: that it may take.
            found: is told of each that fits, and why there is no larger one.
        """
        room = BatchRoom(self._trainer.args.device.type)
        most = min(len(self._order), _MOST_TIMES * self._own, max(_MOST, self._own))
        tries: list[TriedEvaluation] = []
        batch, left_s, count = self._own, seconds, _MOST_BATCHES
        while batch <= most:
            way, samples = self._way(batch), self._batches(batch, count)
            found.ways[way] = {"per_device_eval_batch_size": batch} if way else {}
            try:
                with room.metered() as metered:
                    tried, _ = try_evaluation(self._trainer, way, found.ways[way], samples)
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                del found.ways[way]
                found.batches_bound_by = "memory"
                return tries
            tries.append(tried)
            self._tries[batch] = samples
            self.tried(tried)
            took_s = (sum(tried.batches_ns) - sum(tried.loads_ns)) / 1e9
            left_s -= sum(tried.batches_ns) / 1e9
            costs = [min(each) for each in self._per_token.values()]
            if len(costs) > 2 and min(costs[-2:]) > _NO_GAIN * min(costs):
                found.batches_bound_by = "time"
                return tries
            if 2 * metered.bytes > room.free():
                found.batches_bound_by = "memory"
                return tries
            # at most half of what is left for the next one
            usual_s = 2 * took_s / len(tried.shapes)
            if _FEWEST_BATCHES * usual_s > left_s:
                found.batches_bound_by = "time"
                return tries
            count = max(_FEWEST_BATCHES, min(_MOST_BATCHES, round(left_s / 2 / usual_s)))
            batch *= 2
        return tries

    def tried(self, tried: TriedEvaluation) -> None:
        """Learn what a size takes per token, the first of several batches apart."""
        pieces = list(zip(tried.batches_ns, tried.loads_ns, tried.shapes, strict=True))
        pieces = pieces[1:] if len(pieces) >= _FEWEST_BATCHES else pieces
        tokens = sum(tokens for _, _, (_, tokens) in pieces)
        spent = sum(ns - load_ns for ns, load_ns, _ in pieces)
        self._per_token.setdefault(tried.batch, []).append(spent / max(1, tokens))

    def _way(self, size: int) -> str:
        return "" if size == self._own else f"batch:{size}"

    def _batches(self, size: int, count: int) -> Any:
        """The batch of the longest samples, and some of the others, evenly spread."""
        longest, others = self._order[:size], self._order[size:]
        places = spread_batches(len(others) // size, count - 1, size) if others else []
        return chosen_of(self._samples, [*longest, *(others[place] for place in places)])
