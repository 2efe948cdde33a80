"""What sparser evaluation would have missed of a run that is long over, from its log."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from evalskip.analysis.curves import LossCurve, mean_curve, overfits
from evalskip.analysis.identity import made_now
from evalskip.analysis.intervals import mean_interval
from evalskip.analysis.policies import CheckpointPolicy
from evalskip.analysis.regret import ReplayCosts, of_others, recommended, regrets_of
from evalskip.errors import InputError
from evalskip.notes import Note, note
from evalskip.results import fresh_directory
from evalskip.schedules import FinalOnly, Off
from evalskip.summary import Effort, RegretSummary, Scope, Summary, write_sections

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from evalskip.spec.regret import RegretDesign

_FEWEST = 5
"""Evaluations below which a curve says nothing of what fewer would have shown."""
_EVERY = (1, 2, 3, 5, 10)
_LEVEL = 0.95


@dataclass(frozen=True)
class PastRun:
    """A curve, what an evaluation took, and what was odd about the log.

    ``share`` is what evaluations took of the run's time; None: the log does not say.
    """

    curve: LossCurve
    share: float | None
    warnings: list[Note] = field(default_factory=list)


def read_past(path: Path, metric: str = "eval_loss") -> PastRun:
    """Read a ``trainer_state.json`` of the Trainer, or a ``trainer_log.jsonl`` of LLaMA-Factory.

    Args:
        path: of the log.
        metric: that chooses checkpoints; less is better.

    Raises:
        InputError: it is no such log, holds no evaluation with that metric, or too few.
    """
    warnings: list[Note] = []
    entries, all_steps = _entries(path, warnings)
    evaluated: dict[int, float] = {}
    runtimes: list[float | None] = []
    total: float | None = None
    others: set[str] = set()
    if "loss" not in metric:
        warnings.append(note("less_is_better", metric=metric))
    for entry in entries:
        others |= {key for key in entry if key.startswith("eval_")}
        if "train_runtime" in entry:
            total = _number(entry["train_runtime"])
        if metric not in entry:
            continue
        at = _number(entry.get("step", entry.get("current_steps")))
        value = _number(entry[metric])
        if at is None:
            warnings.append(note("step_unknown", metric=metric, value=str(entry[metric])))
            continue
        step = int(at)
        if value is None:
            warnings.append(note("no_number", step=step, metric=metric, value=str(entry[metric])))
            continue
        if step in evaluated:
            warnings.append(note("evaluated_twice", step=step))
        evaluated[step] = value
        runtimes.append(_number(entry.get("eval_runtime")))
    if not evaluated:
        names = ", ".join(sorted(others)) or "none"
        raise InputError(
            f"{path}: no evaluation with {metric}; expected it among what it holds: {names}"
        )
    if len(evaluated) < _FEWEST:
        raise InputError(
            f"{path}: {len(evaluated)} evaluations say nothing of what fewer would have shown; "
            f"expected at least {_FEWEST}"
        )
    steps = tuple(sorted(evaluated))
    curve = LossCurve(
        seed=0,
        steps=steps,
        loss=np.array([evaluated[step] for step in steps]),
        all_steps=max(all_steps, steps[-1]),
    )
    if steps[-1] < all_steps:
        warnings.append(note("last_stands_for_end", step=steps[-1], whole=all_steps))
    return PastRun(curve, _share(runtimes, total, len(steps), warnings), warnings)


def _share(
    runtimes: Sequence[float | None], total: float | None, count: int, warnings: list[Note]
) -> float | None:
    """Of the run's time, what its evaluations took; None, and why, where the log does not say."""
    durations = [runtime for runtime in runtimes if runtime is not None]
    if total is None or len(durations) < len(runtimes):
        warnings.append(note("times_unknown"))
    elif len(runtimes) > count or sum(durations) >= total:
        warnings.append(note("resumed"))
    else:
        return sum(durations) / total
    return None


def _number(value: object) -> float | None:
    """A number that is one."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def past_summary(
    path: Path, metric: str, design: RegretDesign, within_share: float, out: Path | None
) -> Summary:
    """A past run's regret as a result of its own; written where a directory is given.

    Args:
        path: see :func:`read_past`.
        metric: the same.
        design: of margins and patience.
        within_share: see :func:`past_regret`.
        out: a directory for ``summary.json``; None: nothing is written.

    Raises:
        InputError: see :func:`read_past`.
    """
    past = read_past(path, metric)
    section = past_regret(past, design, within_share)
    summary = Summary(
        name=path.stem,
        made=made_now(None, {}),
        scope=Scope(job=note("past_run"), model=path.name, parameters=0, device=note("own_device")),
        regret=section,
    )
    if out is not None:
        with fresh_directory(out):
            summary = write_sections(out, summary)
    return summary


def past_regret(past: PastRun, design: RegretDesign, within_share: float) -> RegretSummary:
    """What looking at every second evaluation, every third, and so on, would have missed.

    Args:
        past: the run.
        design: of margins and patience.
        within_share: of T, what evaluations may take, for the recommendation.
    """
    curve, count = past.curve, len(past.curve.steps)
    policies = [
        CheckpointPolicy(
            f"every:{n}",
            "schedule",
            note("every_n_evaluations", count=n) if n > 1 else note("every_evaluation"),
            _each(n),
            shifts=_shifted(n),
        )
        for n in _EVERY
        if n <= count // 2
    ]
    policies.append(
        CheckpointPolicy("final_only", "schedule", FinalOnly().note, lambda c: [c.last])
    )
    policies.append(CheckpointPolicy("off", "schedule", Off().note, lambda _: []))
    costs = None
    if past.share is not None:  # spread evenly over the evaluations
        costs = [
            ReplayCosts(
                step_s=(1 - past.share) / curve.all_steps,
                loader_s=past.share / count,
                batch_s=0.0,
                batch=1,
                evaluation_samples=1,
            )
        ]
    regrets = regrets_of(
        policies,
        [curve],
        costs,
        margin=design.margin,
        patience=design.patience,
        level=_LEVEL,
        level_of_verdict=_LEVEL,
        limit=design.regret,
    )
    chosen = recommended(regrets, within_share, design.regret)
    best = int(np.argmin(curve.loss))
    if chosen:
        advice = note(
            "within_metric",
            share=within_share,
            regret=design.regret,
            chosen=chosen.policy,
            others=of_others(chosen),
        )
    elif costs:
        advice = note(
            "none_within_metric",
            share=within_share,
            regret=design.regret,
        )
    else:
        advice = note("evaluation_time_unknown")
    return RegretSummary(
        seeds=1,
        points=count,
        steps=curve.all_steps,
        level=_LEVEL,
        level_of_verdict=_LEVEL,
        margin=design.margin,
        patience=design.patience,
        dense_overfits=int(overfits(curve.loss, design.margin)),
        best_step=float(curve.steps[best]),
        loss_curve=mean_curve([curve]),
        last_rise=mean_interval([float(curve.loss[-1] - curve.loss.min())], _LEVEL),
        proven=0,
        not_proven=[],
        policies=regrets,
        within_share=within_share,
        within_regret=design.regret,
        recommended=chosen.name if chosen else None,
        advice=advice,
        effort=Effort(runs=0, seconds=0.0, stopped=note("read_from_log")),
        warnings=past.warnings,
    )


def _each(n: int) -> Callable[[LossCurve], Sequence[int]]:
    return lambda curve: range(n - 1, len(curve.steps), n)


def _shifted(n: int) -> Callable[[LossCurve], Sequence[Sequence[int]]]:
    """Begun at each of the first N, and with the last: training goes on to its end."""
    return lambda curve: [
        sorted({*range(begin, len(curve.steps), n), curve.last}) for begin in range(n)
    ]


def _entries(path: Path, warnings: list[Note]) -> tuple[list[Mapping[str, Any]], int]:
    """What was logged, in order, and how many steps were trained; 0: it does not say."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; expected a log of a training") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from None
    if path.suffix == ".jsonl":
        entries = _lines(text, path, warnings)
        done, total = (
            int(max((_number(entry.get(key)) or 0.0 for entry in entries), default=0.0))
            for key in ("current_steps", "total_steps")
        )
        if done < total:
            warnings.append(note("run_cut_off", part=done, whole=total))
        return entries, done
    try:
        state = json.loads(text)
    except ValueError as error:
        raise InputError(f"{path}: not JSON, cut off perhaps: {error}") from None
    if not isinstance(state, dict) or not isinstance(state.get("log_history"), list):
        raise InputError(f"{path}: log_history: missing; expected a trainer_state.json")
    history: list[Mapping[str, Any]] = [e for e in state["log_history"] if isinstance(e, dict)]
    steps = state.get("global_step", 0)
    total = state.get("max_steps", 0)
    if isinstance(total, int) and isinstance(steps, int) and steps < total:
        warnings.append(note("run_cut_off", part=steps, whole=total))
    return history, steps if isinstance(steps, int) else 0


def _lines(text: str, path: Path, warnings: list[Note]) -> list[Mapping[str, Any]]:
    entries: list[Mapping[str, Any]] = []
    lines = text.splitlines()
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
        except ValueError:
            if number == len(lines):
                warnings.append(note("line_cut_off", number=number))
                continue
            raise InputError(f"{path}: line {number}: not JSON; expected a log entry") from None
        if isinstance(entry, dict):
            entries.append(entry)
    return entries
