"""Runs of known truth: what a machine does to them, and what evaluation does of itself.

A *scene* is a job of 80 steps of 25 ms with ten evaluations, whose mean cost is known exactly; what
evaluation does of its own accord (it varies, or slows steps that follow it); and noise, which knows
nothing of evaluation. Noise acts on the time of the machine, within pieces as between them: a piece
of twice the length meets twice the interruptions.

Work is given as an array of shape (runs, pieces), in seconds on an undisturbed machine. Noise turns
it into seconds on the clock.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import signal

from evalskip.analysis.pieces import Pieces
from evalskip.spec import OFF, OFF_AGAIN

EPOCHS, STEPS_PER_EPOCH = 10, 8
STEPS = EPOCHS * STEPS_PER_EPOCH
STEP_S, START_S, LOG_S, END_S = 0.025, 0.1, 0.01, 0.05
"""A step; what comes before the loop, after each epoch (logs, saves) and after the loop."""
OFF_S = START_S + EPOCHS * LOG_S + END_S + STEPS * STEP_S
# of an evaluation's work, what its loader takes; the rest is batches
_LOADER = 0.2
REST, STEP, LOADER, BATCH = range(4)

Array = np.ndarray
Source = np.random.Generator
Noise = Callable[[Array, Array, Source, Array], Array]
"""From the kinds of pieces (pieces,), their work (runs, pieces), a source of random numbers, and
one standard normal number per run that all runs of a block share, to seconds."""
Own = Callable[[Source, int], Array]


@dataclass(frozen=True)
class Scene:
    """A kind of run; means of what evaluation does of itself are in its truth."""

    name: str
    noise: Noise
    evaluation: Callable[[Source, int], Array] | None = None
    """Factors of mean 1 on evaluations, (runs, EPOCHS)."""
    batches: Callable[[Source, tuple[int, ...]], Array] | None = None
    """Factors of mean 1 on batches."""
    loader: Callable[[Source, tuple[int, ...]], Array] | None = None
    """Factors of mean 1 on the loader's start."""
    after: Callable[[Source, int], Array] | None = None
    """Seconds that evaluation adds to steps, (runs, STEPS)."""
    steps: Callable[[Source, int], Array] | None = None
    """Seconds that steps of every arm take beyond the usual, (runs, STEPS)."""
    rare: float | None = None
    """With what probability a process differs as a whole from most."""
    lasts: bool = False
    """Whether evaluation slows steps beyond the window."""


def runs_of(
    scene: Scene, gain: float | None, batches: int, source: Source, block: Array
) -> tuple[Array, Array]:
    """Runs of one arm: their pieces' kinds (pieces,), and seconds (runs, pieces).

    Args:
        scene: what they go through.
        gain: true throughput gain of skipping; None: nothing is evaluated.
        batches: of each evaluation.
        source: of random numbers.
        block: per run, what it shares with the other runs of its block.
    """
    runs = len(block)
    evaluation = [LOADER] + [BATCH] * batches if gain else []
    epoch = [*[STEP] * STEPS_PER_EPOCH, REST, *evaluation]
    kinds = np.array([REST, *epoch * EPOCHS, REST])
    work = np.zeros((runs, len(kinds)))
    work[:, kinds == REST] = [START_S, *[LOG_S] * EPOCHS, END_S]
    work[:, kinds == STEP] = STEP_S
    off = OFF_S
    if scene.steps:
        beyond = scene.steps(source, runs)
        work[:, kinds == STEP] += beyond
        off += float(_mean(lambda own, count: scene.steps(own, count).sum(axis=1)))
    if gain:
        cost = gain * off
        if scene.after:
            added = scene.after(source, runs)
            work[:, kinds == STEP] += added
            cost -= float(_mean(lambda own, count: scene.after(own, count).sum(axis=1)))
        if cost <= 0:
            raise ValueError(f"{scene.name}: steps alone cost more than a gain of {gain:.0%}")
        each = cost / EPOCHS
        loader = np.full((runs, EPOCHS), _LOADER * each)
        batch = np.full((runs, EPOCHS, batches), (1 - _LOADER) * each / batches)
        if scene.loader:
            loader *= scene.loader(source, loader.shape)
        if scene.batches:
            batch *= scene.batches(source, batch.shape)
        if scene.evaluation:
            factors = scene.evaluation(source, runs)
            loader *= factors
            batch *= factors[:, :, None]
        work[:, kinds == LOADER] = loader
        work[:, kinds == BATCH] = batch.reshape(runs, -1)
    return kinds, scene.noise(kinds, work, source, block)


def pieces_of(kinds: Array, seconds: Array) -> Pieces:
    """What the harness makes of such runs, one per block."""
    runs = len(seconds)
    evaluated = seconds[:, kinds >= LOADER]
    each = evaluated.reshape(runs, EPOCHS, -1).sum(axis=2) if evaluated.size else evaluated
    steps = range(STEPS_PER_EPOCH, STEPS + 1, STEPS_PER_EPOCH)
    return Pieces(
        blocks=tuple(range(runs)),
        steps=seconds[:, kinds == STEP],
        evaluations=each,
        remainders=seconds[:, kinds == REST],
        evaluated_after=tuple(steps) if evaluated.size else (),
    )


def sweeps(
    scene: Scene, gains: dict[float, int], blocks: int, count: int, source: Source
) -> list[dict[str, Pieces]]:
    """Experiments: per arm its pieces, ``off`` and ``off_again`` among them.

    Args:
        scene: what all runs go through.
        gains: true gains, each with the batches of an evaluation.
        blocks: of an experiment.
        count: of experiments.
        source: of random numbers.
    """
    block = source.normal(size=count * blocks)
    arms = {OFF: (None, 0), OFF_AGAIN: (None, 0)} | {
        f"{gain:.0%}": (gain, batches) for gain, batches in gains.items()
    }
    made = {name: runs_of(scene, *arm, source, block) for name, arm in arms.items()}
    return [
        {
            name: pieces_of(kinds, seconds[at * blocks : (at + 1) * blocks])
            for name, (kinds, seconds) in made.items()
        }
        for at in range(count)
    ]


def _mean(drawn: Callable[[Source, int], Array]) -> float:
    return float(drawn(np.random.default_rng(0), 20_000).mean())


# --- noise -------------------------------------------------------------------------------------


def _at_edges(work: Array) -> Array:
    return np.concatenate([np.zeros((len(work), 1)), np.cumsum(work, axis=1)], axis=1)


def through(work: Array, lengths: Array, factors: Array) -> Array:
    """Seconds of pieces on a machine that is so many times slower for stretches of so much work.

    Args:
        work: of shape (runs, pieces).
        lengths: of stretches, in seconds of work, (runs, stretches); they suffice for all work.
        factors: of the same shape.
    """
    edges, ends = _at_edges(work), _at_edges(lengths)
    clock = _at_edges(lengths * factors)
    apart = 2 * max(float(ends.max()), float(edges.max())) + 1
    shift = np.arange(len(work))[:, None] * apart
    found = np.interp((edges + shift).ravel(), (ends + shift).ravel(), clock.ravel())
    return np.diff(found.reshape(edges.shape), axis=1)


def _grains(work: Array, grain: float, factors: Callable[[int], Array]) -> Array:
    count = int(np.ceil(work.sum(axis=1).max() / grain)) + 2
    found = factors(count)
    return through(
        work, np.full((len(work), count), grain), np.broadcast_to(found, (len(work), count))
    )


def spells(calm_s: float, slow_s: float, factor: float) -> Noise:
    """Slow spells that come and go on the clock; a run begins in either by their shares."""

    def noise(kinds: Array, work: Array, source: Source, block: Array) -> Array:
        total = work.sum(axis=1).max()
        count = int(4 * total / (calm_s + slow_s / factor)) + 30
        shape = (len(work), count)
        lengths = np.stack(
            [source.exponential(calm_s, shape), source.exponential(slow_s / factor, shape)], axis=2
        )
        factors = np.broadcast_to([1.0, factor], lengths.shape).copy()
        slow = source.random(len(work)) < slow_s / (calm_s + slow_s)
        lengths[slow], factors[slow] = lengths[slow][:, :, ::-1], factors[slow][:, :, ::-1]
        lengths = lengths.reshape(len(work), -1)
        lengths[:, -1] += total
        return through(work, lengths, factors.reshape(len(work), -1))

    return noise


def events(per_s: float, size: Callable[[Source, int], Array]) -> Noise:
    """Interruptions at random moments, each of some seconds."""

    def noise(kinds: Array, work: Array, source: Source, block: Array) -> Array:
        counts = source.poisson(per_s * work)
        where = np.repeat(np.arange(counts.size), counts.ravel())
        added = np.bincount(where, size(source, int(counts.sum())), minlength=counts.size)
        return work + added.reshape(work.shape)

    return noise


def grains(grain_s: float, factors: Callable[[Source, tuple[int, int]], Array]) -> Noise:
    """The machine's speed changes every few milliseconds."""

    def noise(kinds: Array, work: Array, source: Source, block: Array) -> Array:
        return _grains(work, grain_s, lambda count: factors(source, (len(work), count)))

    return noise


def over_time(factor: Callable[[Array], Array]) -> Noise:
    """The same course of speed in every run, from its start on."""
    return grains(0.02, lambda _, shape: factor(np.arange(shape[1]) * 0.02)[None])


def whole_runs(factors: Callable[[Source, int, Array], Array]) -> Noise:
    """A run is slower than another from its first step to its last."""
    return lambda kinds, work, source, block: work * factors(source, len(work), block)[:, None]


def jitter(sigma: float) -> Noise:
    """Every piece is a little slower than it could be, each by itself."""
    return lambda kinds, work, source, block: (
        work * np.exp(np.abs(source.normal(0, sigma, work.shape)))
    )


def then(*noises: Noise) -> Noise:
    """One noise upon another."""

    def noise(kinds: Array, work: Array, source: Source, block: Array) -> Array:
        for each in noises:
            work = each(kinds, work, source, block)
        return work

    return noise


def _autoregression(sigma: float, memory: float) -> Callable[[Source, tuple[int, int]], Array]:
    def factors(source: Source, shape: tuple[int, int]) -> Array:
        fresh = source.normal(0, sigma * np.sqrt(1 - memory**2), shape)
        fresh[:, 0] = source.normal(0, sigma, shape[0])
        return np.exp(np.abs(signal.lfilter([1], [1, -memory], fresh, axis=1)))

    return factors


def _wave(source: Source, shape: tuple[int, int]) -> Array:
    phase = source.uniform(0, 2 * np.pi, (shape[0], 1))
    return 1 + 0.2 * (1 + np.sin(2 * np.pi * np.arange(shape[1]) * 0.02 / 6 + phase))


def _spikes(kinds: Array, work: Array, source: Source, block: Array) -> Array:
    """A task of the machine's own, 30 ms every 0.7 s."""
    count = int(work.sum(axis=1).max() / 0.7) + 2
    lengths = np.tile([0.69, 0.01], (len(work), count))
    lengths = np.concatenate([source.uniform(0, 0.7, (len(work), 1)), lengths], axis=1)
    factors = np.concatenate([[1.0], np.tile([1.0, 3.0], count)])
    return through(work, lengths, np.broadcast_to(factors, lengths.shape))


def _evaluation_speed(sigma: float) -> Noise:
    """Processes evaluate at a speed of their own."""

    def noise(kinds: Array, work: Array, source: Source, block: Array) -> Array:
        own = np.exp(source.normal(0, sigma, (len(work), 1)))
        return work * np.where(kinds >= LOADER, own, 1.0)

    return noise


def recorded(path: Path) -> Noise:
    """The slow-downs of recorded runs, each from a random moment on, along the work."""
    steps = [np.array(json.loads(line)["steps"][1:]) for line in path.read_text().splitlines()]
    undisturbed = np.quantile(np.concatenate(steps), 0.05)
    curves = [np.maximum(each / undisturbed, 1.0) for each in steps]

    def noise(kinds: Array, work: Array, source: Source, block: Array) -> Array:
        count = int(np.ceil(work.sum(axis=1).max() / STEP_S)) + 2
        factors = np.empty((len(work), count))
        for row in factors:
            curve = curves[source.integers(len(curves))]
            row[:] = curve[(source.integers(len(curve)) + np.arange(count)) % len(curve)]
        lengths = np.full(factors.shape, STEP_S)
        lengths[:, 0] *= source.random(len(work))
        return through(work, lengths, factors)

    return noise


# --- what evaluation does of itself -------------------------------------------------------------


def _sometimes(factor: float, probability: float) -> Callable[[Source, int], Array]:
    """Each evaluation is so many times as long with this probability."""
    mean = 1 + (factor - 1) * probability

    def factors(source: Source, runs: int) -> Array:
        return np.where(source.random((runs, EPOCHS)) < probability, factor, 1.0) / mean

    return factors


def _by_process(factor: float, probability: float) -> Callable[[Source, int], Array]:
    mean = 1 + (factor - 1) * probability

    def factors(source: Source, runs: int) -> Array:
        slow = np.where(source.random((runs, 1)) < probability, factor, 1.0)
        return np.broadcast_to(slow / mean, (runs, EPOCHS))

    return factors


def _every_fourth(source: Source, runs: int) -> Array:
    """Every fourth evaluation is three times as long; which ones differs by process."""
    first = source.integers(0, 4, (runs, 1))
    return np.where((np.arange(EPOCHS) + first) % 4 == 0, 3.0, 1.0) / 1.5


def _lognormal(sigma: float) -> Callable[[Source, tuple[int, ...]], Array]:
    return lambda source, shape: np.exp(source.normal(-(sigma**2) / 2, sigma, shape))


def _lognormal_evaluations(source: Source, runs: int) -> Array:
    return _lognormal(0.3)(source, (runs, EPOCHS))


def _first_takes_longer(source: Source, runs: int) -> Array:
    """Set-up of the first evaluation: as long as two others."""
    factors = np.ones((runs, EPOCHS))
    factors[:, 0] = 3.0
    return factors / factors.mean()


def _after(shape: Array, *, until_next: bool = True) -> Callable[[Source, int], Array]:
    """Steps after each evaluation are slower by these shares; the last has none after it."""

    def added(source: Source, runs: int) -> Array:
        seconds = np.zeros(STEPS)
        for step in range(STEPS_PER_EPOCH, STEPS, STEPS_PER_EPOCH):
            own = shape[: STEPS - step]
            if until_next:
                own = own[:STEPS_PER_EPOCH]
            seconds[step : step + len(own)] += own * STEP_S
        return np.broadcast_to(seconds, (runs, STEPS))

    return added


def _for_ever(share: float) -> Callable[[Source, int], Array]:
    """All steps after the first evaluation are slower."""

    def added(source: Source, runs: int) -> Array:
        seconds = np.full(STEPS, share * STEP_S)
        seconds[:STEPS_PER_EPOCH] = 0
        return np.broadcast_to(seconds, (runs, STEPS))

    return added


def _garbage(source: Source, runs: int) -> Array:
    """What an evaluation left is collected in one of the next eight steps, 10 ms."""
    seconds = np.zeros((runs, STEPS))
    for step in range(STEPS_PER_EPOCH, STEPS, STEPS_PER_EPOCH):
        at = step + source.integers(0, STEPS_PER_EPOCH, runs)
        seconds[np.arange(runs), at] += 0.01
    return seconds


# --- what steps of every arm do -----------------------------------------------------------------


def _collections(source: Source, runs: int) -> Array:
    """Python collects garbage, 30 ms in every seventh step."""
    seconds = np.zeros(STEPS)
    seconds[6::7] = 0.03
    return np.broadcast_to(seconds, (runs, STEPS))


def _warm_up(source: Source, runs: int) -> Array:
    """The first three steps take three times as long."""
    seconds = np.zeros(STEPS)
    seconds[:3] = 2 * STEP_S
    return np.broadcast_to(seconds, (runs, STEPS))


def _unequal(source: Source, runs: int) -> Array:
    """Samples of unequal length, the same in every run."""
    lengths = np.exp(np.random.default_rng(5).normal(0, 0.25, STEPS))
    return np.broadcast_to(STEP_S * (lengths / lengths.mean() - 1), (runs, STEPS))


def _slow_training(source: Source, runs: int) -> Array:
    """In a fifth of processes training alone is a fifth slower."""
    slow = source.random((runs, 1)) < 0.2
    return np.where(slow, 0.2 * STEP_S, 0.0) * np.ones(STEPS)


_SLICES = events(60, lambda source, count: np.full(count, 0.004))
_LIGHT = then(events(15, lambda source, count: source.exponential(0.004, count)), jitter(0.02))
"""What a machine does that is left alone, more or less."""

SCENES = [
    Scene("quiet", jitter(0.01)),
    Scene("light", _LIGHT),
    Scene("drift", then(grains(0.02, _wave), jitter(0.05))),
    Scene("bursts", then(spells(1.0, 0.1, 4.0), jitter(0.05))),
    Scene("neighbour for seconds", then(spells(3.0, 2.0, 3.0), jitter(0.05))),
    Scene("neighbour that stays", then(spells(11.0, 11.0, 2.5), jitter(0.05))),
    Scene("regimes", then(spells(1.5, 1.5, 1.8), jitter(0.02))),
    Scene("slices", _SLICES),
    Scene("grains", grains(0.005, lambda source, shape: np.exp(source.normal(0, 0.8, shape)))),
    Scene(
        "heavy tails",
        events(40, lambda source, count: 0.001 * np.minimum(source.pareto(1.5, count), 300)),
    ),
    Scene("autocorrelation", grains(0.01, _autoregression(0.2, 0.95))),
    Scene("periodic task", then(_spikes, jitter(0.02))),
    Scene("boost", then(over_time(lambda at: np.where(at < 1.0, 0.92, 1.0)), jitter(0.01))),
    Scene("ageing", then(over_time(lambda at: 1 + 0.15 * at / OFF_S), jitter(0.01))),
    Scene(
        "processes",
        then(
            whole_runs(lambda source, runs, _: np.exp(source.normal(0, 0.1, runs))),
            _evaluation_speed(0.02),
            jitter(0.02),
        ),
    ),
    Scene(
        "slow processes",
        then(whole_runs(lambda source, runs, _: 1 + 0.5 * (source.random(runs) < 0.2)), _LIGHT),
    ),
    Scene("blocks", then(whole_runs(lambda _, runs, block: np.exp(0.3 * block)), _LIGHT)),
    *(
        Scene(f"recorded {path.stem}", then(recorded(path), jitter(0.02)))
        for path in sorted((Path(__file__).parent / "noise").glob("*.jsonl"))
    ),
    Scene("evaluations x3, 1 in 4", _LIGHT, evaluation=_sometimes(3.0, 0.25)),
    Scene("evaluations x10, 1 in 10", _LIGHT, evaluation=_sometimes(10.0, 0.1)),
    Scene("every fourth x3", _SLICES, evaluation=_every_fourth),
    Scene("evaluations lognormal", _LIGHT, evaluation=_lognormal_evaluations),
    Scene("batches lognormal", _LIGHT, batches=_lognormal(0.5)),
    Scene("loader lognormal", _LIGHT, loader=_lognormal(0.8)),
    Scene("first evaluation x3", _SLICES, evaluation=_first_takes_longer),
    Scene("evaluation x2, 1 process in 4", _LIGHT, evaluation=_by_process(2.0, 0.25), rare=0.25),
    Scene("training x1.2, 1 process in 5", _LIGHT, steps=_slow_training, rare=0.2),
    Scene("collections", _SLICES, steps=_collections),
    Scene("warm-up", _SLICES, steps=_warm_up),
    Scene("unequal samples", _SLICES, steps=_unequal),
    Scene("after-effect, 1 step", _SLICES, after=_after(np.array([0.3]))),
    Scene("after-effect, 4 steps", _SLICES, after=_after(np.full(4, 0.1))),
    *(
        Scene(f"{name}{where}", noise, after=after, lasts=True)
        for where, noise in ((", quiet", jitter(0.05)), ("", _LIGHT))
        for name, after in (
            ("after-effect, 8 of 8 steps", _after(np.full(8, 0.1))),
            ("after-effect for ever", _for_ever(0.05)),
            ("after-effect that decays", _after(0.2 * 0.8 ** np.arange(8))),
            ("garbage in a later step", _garbage),
        )
    ),
]
