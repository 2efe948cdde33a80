"""Which batch to try next, so that the largest that fits is confirmed in a few trials."""

from __future__ import annotations

_FAR, _SURELY = 3, 0.96
# times the largest that fits: a line that hardly rises predicts anything
_MOST = 100


class Search:
    """Looks for the largest batch whose peak stays within a limit.

    Peaks grow with the batch on a line, nearly: two batches that fit predict the largest, and two
    more trials confirm it: it fits, and one sample more does not. Where the line was wrong, what
    was tried meanwhile corrects it. A bisection of a few hundred batches takes ten.

    Args:
        first: the batch to begin with.
        limit_bytes: on the peak.
        base_bytes: that are held before anything is built.
        peaks: of batches that are known, of work that peaks alike.
    """

    def __init__(
        self, first: int, limit_bytes: int, base_bytes: int = 0, peaks: dict[int, int] | None = None
    ) -> None:
        self._first = first
        self._limit = limit_bytes
        self._base = base_bytes
        self._peaks = dict(peaks or {})
        self.fits = 0
        """The largest that was seen to fit."""
        self.fails: int | None = None
        """The smallest that was seen not to."""
        self._failures = 0
        self._crept = 0

    def note(self, batch: int, peak_bytes: int | None) -> None:
        """What became of a batch.

        Args:
            batch: that was tried.
            peak_bytes: with which it fits; None: it does not.
        """
        if peak_bytes is None:
            self._failures += 1
            self.fails = batch if self.fails is None else min(batch, self.fails)
        else:
            # where a line says no more than one sample, and is wrong again and again
            crept = self.fits > 0 and batch == self.fits + self._step
            self._crept = self._crept + 1 if crept else 0
            self.fits = max(batch, self.fits)
            self._peaks[batch] = peak_bytes

    def next(self) -> int | None:
        """The batch to try; None: the largest is known."""
        if self.fails is not None and self.fails <= self.fits + 1:
            return None
        if not self.fits and self.fails is None:
            return self._first
        ceiling = _MOST * max(self.fits, self._first)
        guess = min(max(self._predicted(), self.fits + self._step), ceiling)
        if self.fails is None or guess < self.fails:
            return guess
        # the line was wrong: by one sample, or by nobody knows how many
        if self._peaks and self._failures == 1:
            return self.fails - 1
        return (self.fits + self.fails) // 2

    @property
    def _step(self) -> int:
        return int(2 ** max(0, self._crept - 1))

    def _predicted(self) -> int:
        """The largest batch by the line through those that are furthest apart."""
        small, large = min(self._peaks, default=0), max(self._peaks, default=0)
        if not large:
            return 0
        if small == large:
            # all that is held beyond the base grows with the batch: too few, rather than too many
            small, least = 0, self._base
        else:
            least = self._peaks[small]
        slope = (self._peaks[large] - least) / (large - small)
        if slope <= 0:
            return 2 * large
        more = (self._limit - self._peaks[large]) / slope
        # far beyond what is known, a batch that surely fits tells the line best
        return large + int(more * _SURELY if more > _FAR * large else more)
