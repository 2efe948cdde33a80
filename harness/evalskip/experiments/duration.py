"""A short run before all others, from which it is told how long they will take."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from evalskip.cut import cut
from evalskip.jobs import RunId
from evalskip.plan import plan, request_for
from evalskip.schedules import AsWritten, EveryEpoch
from evalskip.slices import Slice, fewest_steps
from evalskip.spec.arms import arm_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalskip.probe.measured import FullRun, Timeline
    from evalskip.records import RunRecord
    from evalskip.session import Session
    from evalskip.spec import Arm, Spec

_PILOT = Slice(steps=12, evaluation_batches=2)
_FEWEST_BATCHES = 4


@dataclass(frozen=True)
class Estimate:
    """How long an experiment will take, in seconds."""

    runs_s: Mapping[str, float]
    """Per arm, a whole run: T, and what lies beyond it."""
    beyond_s: float
    """Of a run, what lies beyond T: set-up, digests."""
    start_s: float
    """Until a block's parent is ready."""
    step_s: float
    batch_s: float
    """Of an evaluation."""
    steps: int
    """Of a whole run."""

    @property
    def longest_s(self) -> float:
        """A run of the arm that takes longest."""
        return max(self.runs_s.values())

    def experiment_s(self, blocks: int) -> float:
        """So many blocks of whole runs."""
        return blocks * (self.start_s + sum(self.runs_s.values()))


def estimate(session: Session) -> Estimate | None:
    """What a pilot says of the experiment; None where it did not end well or cannot be cut short.

    The pilot shares its parent with the first block.
    """
    spec = session.spec
    first, run_id = plan(spec)[0], RunId(purpose="duration", block=1)
    request = request_for(spec, _arm(spec), run_id, measure=first.measure, sliced=_PILOT)
    result = session.run(request, first.evaluation_samples)
    record, steps = result.record, result.steps
    if record.status != "ok" or steps is None or steps.full_run is None:
        return None
    return _estimate_of(spec, record, steps.timeline, steps.full_run)


def slice_for(spec: Spec, estimate: Estimate) -> Slice | None:
    """How much of a job to run: all (None), unless a single run takes longer than the budget.

    A slice is made as long as the fewest blocks that allow a verdict leave room for.
    """
    design = spec.design
    if design.full or estimate.longest_s <= design.budget:
        return None
    arms = len(spec.all_arms())
    room = design.budget / (design.looks[0] * arms) - estimate.beyond_s - estimate.start_s / arms
    fewest = fewest_steps(design.window)
    steps = min(max(fewest, int(room / 2 / estimate.step_s)), max(fewest, estimate.steps))
    # a slice holds two evaluations
    batches = int(room / 4 / estimate.batch_s) if estimate.batch_s else 0
    return Slice(steps=steps, evaluation_batches=max(_FEWEST_BATCHES, batches))


def _arm(spec: Spec) -> Arm:
    """The arm that says most of the others: the user's own, or the one that evaluates most."""
    arms = spec.all_arms()
    own = [arm for arm in arms if isinstance(arm.schedule, AsWritten)]
    if own:
        return own[0]

    piloted = max(
        arms,
        # where a job cannot foresee it, a schedule is taken to evaluate
        key=lambda arm: (
            spec.job.evaluated_steps(arm.schedule, 0) != [],
            not arm.is_known_whole,
            arm.evaluation_samples or 0,
        ),
    )
    if piloted.is_known_whole:
        return arm_of(EveryEpoch(), piloted.evaluation_samples, piloted.evaluation)
    return piloted


def _estimate_of(spec: Spec, pilot: RunRecord, timeline: Timeline, full_run: FullRun) -> Estimate:
    wall, phases, waits = pilot.wall_ns or 0, pilot.phases_ns, pilot.waits_ns
    inside = sum(phases[phase] + waits.get(phase, 0) for phase in ("train", "evaluate"))
    rest = (wall - inside) / 1e9
    pieces = cut(timeline)
    step = median(pieces.steps[len(pieces.steps) // 2 :])
    batch = evaluation = 0.0
    samples = sum(samples for samples, _ in full_run.sets.values())
    if pieces.evaluations:
        batches = pieces.evaluations[-1].batches
        batch = median(batches or [0.0])
        run = sum(run for _, run in full_run.sets.values())
        evaluation = batch * len(batches) * (samples / run if run else 1.0)
    beyond = pilot.turnaround_ns / 1e9 - timeline.wall_ns / 1e9
    runs = {}
    for arm in spec.all_arms():
        foreseen = spec.job.evaluated_steps(arm.schedule, pilot.steps)
        evaluations = pilot.evaluations if foreseen is None else len(foreseen)
        share = arm.evaluation_samples / samples if arm.evaluation_samples and samples else 1.0
        evaluated = evaluations * share * evaluation
        runs[arm.name] = beyond + rest + pilot.steps * step + evaluated
    return Estimate(runs, beyond, pilot.block_start_ns / 1e9, step, batch, pilot.steps)
