"""Noise with known properties: how much slower the machine is at a given moment.

Each kind gives a factor of at least 1 on the duration of a piece of work, so that noise only ever
adds time, as on a real machine. The factors of all kinds multiply. Some depend on how long the
piece is: what strikes at random moments strikes a long piece nearly evenly.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    import random


class _Kind(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    def start(self, random_source: random.Random) -> NoiseSource:
        """A fresh source of this noise."""
        raise NotImplementedError


class NoiseSource:
    """Gives the factor for a piece that begins at ``at`` and would last ``seconds``."""

    def factor(self, at: float, seconds: float) -> float:
        """How many times longer the piece takes."""
        raise NotImplementedError


class Drift(_Kind):
    """A slow wave: the machine warms up and cools down."""

    kind: Literal["drift"]
    amplitude: float = Field(ge=0, description="1 + amplitude at the crest")
    period_s: float = Field(gt=0, description="of a whole swing")

    def start(self, random_source: random.Random) -> NoiseSource:
        return _DriftSource(self, random_source.uniform(0, 2 * math.pi))


class Bursts(_Kind):
    """Short slow spells at random moments."""

    kind: Literal["bursts"]
    every_s: float = Field(gt=0, description="mean time between bursts")
    length_s: float = Field(gt=0, description="mean length of a burst")
    factor: float = Field(ge=1, description="how many times slower a burst is")

    def start(self, random_source: random.Random) -> NoiseSource:
        return _SpellSource(self.every_s, self.length_s, self.factor, random_source)


class Neighbour(_Kind):
    """Another process that comes, stays and goes."""

    kind: Literal["neighbour"]
    away_s: float = Field(gt=0, description="mean time away")
    stay_s: float = Field(gt=0, description="mean stay")
    factor: float = Field(ge=1, description="how many times slower it makes the job")

    def start(self, random_source: random.Random) -> NoiseSource:
        return _SpellSource(self.away_s, self.stay_s, self.factor, random_source)


class HeavyTails(_Kind):
    """Each piece takes 1 + scale * (Pareto - 1) times its cost."""

    kind: Literal["heavy_tails"]
    scale: float = Field(ge=0, description="of what a piece takes beyond its cost")
    shape: float = Field(gt=1, description="the Pareto index; below 2 the variance is infinite")

    def start(self, random_source: random.Random) -> NoiseSource:
        return _TailSource(self, random_source)


class Autocorrelation(_Kind):
    """Factors exp(|x|) with x a first-order autoregression from piece to piece."""

    kind: Literal["autocorrelation"]
    sigma: float = Field(ge=0, description="stationary standard deviation of x")
    memory: float = Field(ge=0, lt=1, description="correlation from one piece to the next")

    def start(self, random_source: random.Random) -> NoiseSource:
        return _AutoregressiveSource(self, random_source)


class Slices(_Kind):
    """Others take the processor for a moment, at random."""

    kind: Literal["slices"]
    per_s: float = Field(ge=0, le=10_000, description="how many begin per second of the job's own")
    length_s: float = Field(ge=0, description="of each")

    def start(self, random_source: random.Random) -> NoiseSource:
        return _SliceSource(self, random_source)


Noise = Annotated[
    Drift | Bursts | Neighbour | HeavyTails | Autocorrelation | Slices,
    Field(discriminator="kind"),
]


class _DriftSource(NoiseSource):
    def __init__(self, kind: Drift, phase: float) -> None:
        self._kind, self._phase = kind, phase

    def factor(self, at: float, seconds: float) -> float:
        wave = math.sin(2 * math.pi * at / self._kind.period_s + self._phase)
        return 1 + self._kind.amplitude * (1 + wave) / 2


class _SpellSource(NoiseSource):
    """Alternates exponential calm and slow spells; begins in either by their shares."""

    def __init__(self, calm_s: float, slow_s: float, factor: float, source: random.Random) -> None:
        self._means = (calm_s, slow_s)
        self._factor, self._random = factor, source
        self._slow = source.random() < slow_s / (calm_s + slow_s)
        self._until = self._length()

    def factor(self, at: float, seconds: float) -> float:
        while at >= self._until:
            self._slow = not self._slow
            self._until += self._length()
        return self._factor if self._slow else 1.0

    def _length(self) -> float:
        return self._random.expovariate(1 / self._means[self._slow])


class _TailSource(NoiseSource):
    def __init__(self, kind: HeavyTails, source: random.Random) -> None:
        self._kind, self._random = kind, source

    def factor(self, at: float, seconds: float) -> float:
        return 1 + self._kind.scale * (self._random.paretovariate(self._kind.shape) - 1)


class _AutoregressiveSource(NoiseSource):
    def __init__(self, kind: Autocorrelation, source: random.Random) -> None:
        self._kind, self._random = kind, source
        self._x = source.gauss(0, kind.sigma)

    def factor(self, at: float, seconds: float) -> float:
        fresh = self._kind.sigma * math.sqrt(1 - self._kind.memory**2)
        self._x = self._kind.memory * self._x + self._random.gauss(0, fresh)
        return math.exp(abs(self._x))


class _SliceSource(NoiseSource):
    def __init__(self, kind: Slices, source: random.Random) -> None:
        self._kind, self._random = kind, source

    def factor(self, at: float, seconds: float) -> float:
        events, until = 0, 0.0
        while self._kind.per_s and (until := until + self._gap()) < seconds:
            events += 1
        return 1 + events * self._kind.length_s / seconds

    def _gap(self) -> float:
        return self._random.expovariate(self._kind.per_s)
