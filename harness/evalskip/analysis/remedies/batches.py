"""Larger evaluation batches, and batches of samples of like lengths."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from evalskip.analysis.remedies.offer import SAVES, Evaluated, Offer, Refusal
from evalskip.analysis.remedies.tries import OWN_BATCHES, batches_s, ratio_of
from evalskip.notes import note
from evalskip.probe.lengths import longest_first, shapes_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalskip.analysis.remedies.tries import CostRatio, Rounds, Shapes

_BOUND_BY = {
    "memory": note("no_larger_batch_memory"),
    "time": note("no_larger_batch_time"),
    "samples": note("no_larger_batch_samples"),
}
_ENOUGH = 1.02
"""Times the least: a smaller batch that takes no more than that does."""


def offers(job: Evaluated) -> Iterator[Offer | Refusal]:
    """The best batch as the order is, the order as the batch is, and both at once.

    Args:
        job: whose evaluation it is.
    """
    survey, arrangements = job.survey, _Arrangements(job)
    larger = arrangements.best(by_length=False)
    if larger is not None and larger != survey.batch:
        yield arrangements.offer(larger, by_length=False)
    else:
        yield Refusal(note("larger_batch"), _BOUND_BY[survey.batches_bound_by])
    if "order" in survey.refused:
        yield Refusal(note("by_length"), note(survey.refused["order"]))
    elif survey.is_grouped:
        yield Refusal(note("by_length"), note("grouped_already"))
    elif not survey.tries:
        yield Refusal(note("by_length"), note("few_batches"))
    elif not arrangements.padding(survey.batch):
        yield Refusal(
            note("by_length"), note("nothing_padded" if survey.batch > 1 else "batch_of_one")
        )
    else:
        yield arrangements.offer(survey.batch, by_length=True)
    if survey.lengths and not survey.is_grouped:
        both = arrangements.best(by_length=True)
        if both is not None and both != survey.batch and arrangements.padding(both):
            yield arrangements.offer(both, by_length=True)
    if survey.workers and not survey.keeps_workers and survey.tries:
        yield from arrangements.with_workers_kept()


class _Arrangements:
    def __init__(self, job: Evaluated) -> None:
        self._survey = survey = job.survey
        self._samples, self._evaluations = job.samples, job.evaluations
        self._lengths = [lengths[: job.samples] for lengths in survey.lengths.values()]
        self._ways = {
            tried.batch: tried.way
            for tried in (survey.tries[-1] if survey.tries else ())  # poor ones end sooner
        }

    def shapes(self, batch: int, *, by_length: bool) -> Shapes:
        """Of every batch of the whole; where lengths are not known, of mean length."""
        survey = self._survey
        if not self._lengths:
            tried = [each for each in survey.tries[0] if each.way == self._ways[survey.batch]]
            mean = sum(t for each in tried for _, t in each.shapes) / sum(
                s for each in tried for s, _ in each.shapes
            )
            return [
                (size, round(size * mean))
                for size in (
                    min(batch, self._samples - begin) for begin in range(0, self._samples, batch)
                )
            ]
        found = []
        for lengths in self._lengths:
            order = longest_first(lengths) if by_length or survey.is_grouped else None
            ordered = [lengths[number] for number in order] if order else lengths
            found += [
                (survey.rows * samples, survey.rows * tokens)
                for samples, tokens in shapes_of(ordered, batch, survey.pad_multiple)
            ]
        return found

    def padding(self, batch: int) -> float:
        """Of the tokens as the order is, the share that the other order leaves out."""
        own, sorted_ = (
            sum(tokens for _, tokens in self.shapes(batch, by_length=by_length))
            for by_length in (False, True)
        )
        return 1 - sorted_ / own if own else 0.0

    def best(self, *, by_length: bool) -> int | None:
        """The smallest batch that takes little more than the best; None: none was tried."""
        if len(self._ways) < 2:
            return None
        taken = {
            batch: batches_s(self._survey.tries, way, self.shapes(batch, by_length=by_length))
            for batch, way in sorted(self._ways.items())
        }
        least = min(taken.values())
        return next(batch for batch, seconds in taken.items() if seconds <= _ENOUGH * least)

    def with_workers_kept(self) -> Iterator[Offer]:
        """Workers that stay; and beside the best arrangements, for they start anew in any."""
        survey = self._survey
        kept = Offer(
            name="persistent_workers",
            remedy=note("persistent_workers"),
            ratio=self._ratio(survey.batch, by_length=False, starts=False),
            settings={"dataloader_persistent_workers": True},
            bears_on_training=True,
            group="batches",
        )
        yield kept
        if kept.ratio.estimate > SAVES:
            return
        for by_length in (False, True):
            batch = self.best(by_length=by_length)
            if batch is not None and (batch, by_length) != (survey.batch, False):
                both = self.offer(batch, by_length=by_length).with_other(kept)
                ratio = self._ratio(batch, by_length=by_length, starts=False)
                yield replace(both, ratio=ratio, is_listed=False)

    def offer(self, batch: int, *, by_length: bool) -> Offer:
        """As it is set, and in which order."""
        survey = self._survey
        settings = {} if batch == survey.batch else {"per_device_eval_batch_size": batch}
        parts = [f"batch:{batch}"] if settings else []
        if by_length:
            parts.append("by_length")
        codes = {
            (True, False): "batch_of",
            (False, True): "sorted_by_length",
            (True, True): "batch_by_length",
        }
        return Offer(
            name="+".join(parts),
            remedy=note(
                codes[bool(settings), by_length],
                **({"batch": batch} if settings else {}),
                **({} if settings else {"padding": self.padding(batch)}),
            ),
            ratio=self._ratio(batch, by_length=by_length),
            settings=settings,
            by_length=by_length,
            group="batches",
        )

    def _ratio(self, batch: int, *, by_length: bool, starts: bool = True) -> CostRatio:
        survey = self._survey
        own = self.shapes(survey.batch, by_length=False)
        shapes = self.shapes(batch, by_length=by_length)

        def taken(rounds: Rounds) -> tuple[float, float]:
            way = self._ways[batch]
            seconds = batches_s(rounds, way, shapes)
            if not starts:  # but once
                kept = batches_s(rounds, way, shapes, starts=False)
                seconds = kept + (seconds - kept) / self._evaluations
            return seconds, batches_s(rounds, OWN_BATCHES, own)

        return ratio_of(survey.tries, taken)
