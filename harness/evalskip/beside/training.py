"""One training whose evaluations run beside it: what the trainer's process does."""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch.distributed as dist

from evalskip.beside import weights
from evalskip.beside.deliver import deliver
from evalskip.beside.folder import Place, Result, SnapshotFolder
from evalskip.beside.process import WorkerProcess, environment_of
from evalskip.probe.besides import Beside, EvaluationBeside

if TYPE_CHECKING:
    from collections.abc import Sequence

    from transformers import Trainer

_LOOKS_S = 0.01
_SPARE = 1.1
"""Of a snapshot's size, what must be free."""

When = Literal["during", "afterwards"]


@dataclass(frozen=True)
class Wanted:
    """How to evaluate beside training, as :class:`evalskip.callbacks.EvalBeside` has it."""

    device: str
    cores: tuple[int, ...]
    newest: bool
    folder: Path | None
    when: When
    wait_s: float
    timeout_s: float


@dataclass(frozen=True)
class _Snapshot:
    at_ns: int
    took_ns: int


class TrainingBeside:
    """What is done at the steps of one training, on each of its ranks.

    Results are handed over as they come where there is one process. Several agree on them at the
    steps at which an evaluation is due, and at the end.
    """

    def __init__(self, trainer: Trainer, wanted: Wanted, command: Sequence[str]) -> None:
        self.trainer, self.wanted = trainer, wanted
        self.told = Beside()
        self._ranks = int(trainer.args.world_size)
        self._is_first = bool(trainer.is_world_process_zero())
        self._taken_at: dict[int, _Snapshot] = {}
        """By step, those whose metrics are still to come."""
        self._has_warned: set[str] = set()
        self._is_closed = False
        place = wanted.folder or Path(trainer.args.output_dir) / "beside"
        self._folder = SnapshotFolder(place)
        self._worker = WorkerProcess(
            self._folder, command, environment_of(wanted.device, wanted.cores), wanted.cores
        )

    def begin(self) -> None:
        """Make the folder, and begin the worker, on which nobody waits."""
        if not self._is_first:
            return
        self._folder.make(
            {
                "pid": os.getpid(),
                "fingerprint": weights.fingerprint(self.trainer.model, self.trainer.eval_dataset),
            }
        )
        if self.wanted.when == "during":
            self._worker.begin()

    def due(self) -> None:
        """An evaluation is due: take a snapshot in its place."""
        control = self.trainer.control
        if self._ranks > 1:
            self._agree()
        if self.told.is_inline:
            return
        control.should_evaluate = False
        if self._is_first:
            self._snapshot()

    def look(self) -> None:
        """Hand over what has come, if anything is to come."""
        if self._taken_at and self._ranks == 1:
            self._hand_over(self._collected())
            self._watch()

    def finish(self) -> None:
        """Wait for what is still evaluated, as long as that may take.

        Where that fails, training evaluates its last step itself.
        """
        if self.told.is_inline:
            return
        began = time.monotonic_ns()
        results = self._last_results() if self._is_first else []
        if self._ranks > 1:
            results = self._shared(results)
        self._hand_over(results)
        self.told.waited_ns = time.monotonic_ns() - began
        step = self.trainer.state.global_step
        if self.told.is_inline and self._ranks == 1 and step in self.told.unseen:
            self.told.unseen.remove(step)
            self.trainer.control.should_evaluate = True

    def close(self) -> None:
        """End the worker, and leave nothing behind; say what became of it."""
        if not self._is_first or self._is_closed:
            return
        self._is_closed = True
        self._worker.end()
        self.told.unseen = sorted({*self.told.unseen, *self._taken_at})
        self._folder.remove()
        for line in closing_lines(self.told):
            print(f"evalskip: EvalBeside: {line}", file=sys.stderr)

    def _snapshot(self) -> None:
        state, model = self.trainer.state, self.trainer.model
        place = Place(state.global_step, state.epoch)
        needed, free = weights.size_of(model), shutil.disk_usage(self._folder.path).free
        if free < _SPARE * needed:
            self._skip(place.step, f"{needed / 1e6:.0f} MB needed, {free / 1e6:.0f} MB free")
            return
        was_idle = not self._taken_at
        began = time.monotonic_ns()
        try:
            gone = self._folder.put(
                place, lambda path: weights.save(model, path), newest=self.wanted.newest
            )
        except OSError as error:
            self._skip(place.step, str(error.strerror or error))
            return
        now = time.monotonic_ns()
        for step in gone:
            del self._taken_at[step]
        self.told.dropped += gone
        self._taken_at[place.step] = _Snapshot(now, now - began)
        if was_idle:
            self._worker.moved()

    def _skip(self, step: int, why: str) -> None:
        self.told.unseen.append(step)
        self._warn("room", f"no snapshot at step {step}, and training goes on: {why}")

    def _warn(self, kind: str, text: str) -> None:
        if kind not in self._has_warned:
            self._has_warned.add(kind)
            print(f"evalskip: EvalBeside: {text}", file=sys.stderr)

    def _watch(self) -> None:
        """Begin a worker anew once; after that, evaluate as the job would."""
        why = self._worker.failure(self.wanted.timeout_s) if self._taken_at else None
        if why is None:
            return
        again = not self.told.restarts and not self._worker.has_refused
        self._worker.end()
        if again:
            self._warn("restart", f"the worker is begun anew: {why}")
            self.told.restarts = 1
            self._folder.give_back(self._taken_at)
            self._worker.begin()
            return
        self._warn("inline", f"evaluates inside training from here on: {why}")
        self.told.is_inline = True
        self.told.unseen += sorted(self._taken_at)
        self._taken_at.clear()

    def _hand_over(self, results: Sequence[Result]) -> None:
        for result in results:
            if deliver(self.trainer, result):
                self.told.stopped_by = result.step

    def _collected(self) -> list[Result]:
        """The results that have come; one whose worker died as it told it comes once."""
        results = [each for each in self._folder.collect() if each.step in self._taken_at]
        for result in results:
            self._note(result, self._taken_at.pop(result.step))
        if results:
            self._worker.moved()
        return results

    def _note(self, result: Result, snapshot: _Snapshot) -> None:
        self.told.evaluations.append(
            EvaluationBeside(
                after_step=result.step,
                snapshot_ns=snapshot.took_ns,
                evaluation_ns=round((result.ended - result.began) * 1e9),
                lag_ns=time.monotonic_ns() - snapshot.at_ns,
                lag_steps=self.trainer.state.global_step - result.step,
            )
        )
        self.told.peak_bytes = max(self.told.peak_bytes, result.peak_bytes)

    def _last_results(self) -> list[Result]:
        """All that still come, in order, within the time that they may take."""
        if self._taken_at and self.wanted.when == "afterwards":
            self._worker.begin()
        until = time.monotonic() + self.wanted.wait_s
        found: list[Result] = []
        while True:
            found += self._collected()
            if not self._taken_at or time.monotonic() > until:
                return found
            self._watch()
            time.sleep(_LOOKS_S)

    def _agree(self) -> None:
        """Hand over on every rank what the first one has, and evaluate alike."""
        results = self._collected() if self._is_first else []
        if self._is_first:
            self._watch()
        shared = self._shared([results, self.told.is_inline])
        self.told.is_inline = shared[1]
        self._hand_over(shared[0])

    def _shared(self, told: list[Any]) -> list[Any]:
        held = [told]
        dist.broadcast_object_list(held, src=0)
        return held[0]


def closing_lines(told: Beside) -> list[str]:
    """What is said at the end, one line for each matter."""
    lines = []
    if told.evaluations:
        seconds = [each.lag_ns / 1e9 for each in told.evaluations]
        steps = [each.lag_steps for each in told.evaluations]
        lines.append(
            f"{len(told.evaluations)} evaluations beside training, each known "
            f"{statistics.median(seconds):.1f} s and {statistics.median(steps):g} steps later (at "
            f"most {max(seconds):.1f} s and {max(steps)} steps); waited "
            f"{told.waited_ns / 1e9:.1f} s at the end"
        )
    if told.stopped_by is not None:
        late = next(e.lag_steps for e in told.evaluations if e.after_step == told.stopped_by)
        lines.append(f"stopped by the evaluation of step {told.stopped_by}, {late} steps later")
    if told.dropped:
        lines.append(
            f"fell behind: {len(told.dropped)} snapshots gave way to newer ones; "
            "keep='all' evaluates every one"
        )
    if told.unseen:
        named = ", ".join(map(str, told.unseen[:5]))
        more = f" and {len(told.unseen) - 5} more" if len(told.unseen) > 5 else ""
        lines.append(f"not evaluated: step{'s' if len(told.unseen) > 1 else ''} {named}{more}")
    return lines


def why_not(trainer: Trainer) -> str | None:
    """Why a Trainer cannot be evaluated beside training; None: it can."""
    args = trainer.args
    if trainer.is_fsdp_enabled:
        return "expected a model that one process holds whole, got FSDP"
    plugin = getattr(trainer.accelerator.state, "deepspeed_plugin", None)
    if plugin is not None and plugin.zero_stage == 3:
        return "expected a model that one process holds whole, got ZeRO-3"
    if getattr(args.save_strategy, "value", args.save_strategy) == "best":
        return "expected save_strategy steps or epoch: what is best is known later, got best"
    if trainer.eval_dataset is None:
        return "expected an evaluation set"
    return None
