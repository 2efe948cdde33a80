"""Kinds of public runs, what one share of each stands for, and the map that they make."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from evalskip.public import PublicGroup, PublicMap, SampleCost

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from evalskip.public import EvaluationKind, GroupId, Unit
    from wild.figures import WildRun

LORA = "llama2_70b_lora"
_DAY = re.compile(r" (\d{4}-\d{2}-\d{2})(?: |\Z)")
_WORKLOAD = re.compile(r"_(?:jax|pytorch)\Z")


@dataclass(frozen=True)
class Kind:
    """A group to be made."""

    id: GroupId
    unit: Unit
    has: Callable[[WildRun], bool]
    unit_of: Callable[[WildRun], str | None]
    """None: not known, so the run counts as a run alone."""
    generates: bool | None
    on_the_clock: bool
    sources: tuple[str, ...]
    newest: bool = False
    """Of each unit the newest run alone."""


def _is_mlperf(run: WildRun) -> bool:
    return run.source.startswith("MLPerf Training")


def _is_lora(run: WildRun) -> bool:
    return _is_mlperf(run) and run.task == LORA


def _is_peft_text(run: WildRun) -> bool:
    return run.source.startswith("PEFT") and run.path_or_system.startswith("MetaMathQA/")


def _is_algoperf(run: WildRun) -> bool:
    return run.source.startswith("AlgoPerf")


def _is_community(run: WildRun) -> bool:
    return run.source.startswith("community")


def _system(run: WildRun) -> str:
    return "/".join((run.source, *run.path_or_system.split("/")[:2]))


def _system_and_task(run: WildRun) -> str:
    return f"{_system(run)}/{run.task}"


def _experiment(run: WildRun) -> str:
    return run.path_or_system.partition(" ")[0]


def _workload(run: WildRun) -> str | None:
    # the folders of 18 runs do not say
    return run.task if _WORKLOAD.search(run.task) else None


def _repository(run: WildRun) -> str:
    return run.repo_or_org


KINDS = (
    Kind(
        "mlperf_lora",
        "system",
        _is_lora,
        _system,
        generates=False,
        on_the_clock=True,
        sources=("MLPerf Training v4.0-v5.1, Llama 2 70B LoRA",),
    ),
    Kind(
        "mlperf",
        "system",
        _is_mlperf,
        _system_and_task,
        generates=None,
        on_the_clock=True,
        sources=("MLPerf Training v4.0-v5.1",),
    ),
    Kind(
        "peft",
        "experiment",
        _is_peft_text,
        _experiment,
        generates=True,
        on_the_clock=True,
        sources=("PEFT method comparison, MetaMathQA on one L40S",),
        newest=True,
    ),
    Kind(
        "algoperf",
        "workload",
        _is_algoperf,
        _workload,
        generates=None,
        on_the_clock=False,
        sources=("AlgoPerf v0.5-v0.6",),
    ),
    Kind(
        "community",
        "repository",
        _is_community,
        _repository,
        generates=None,
        on_the_clock=True,
        sources=("trainer_state.json, trainer_log.jsonl and printed logs in public repositories",),
    ),
)


def map_of(runs: Sequence[WildRun]) -> PublicMap:
    """Make the map of these runs; a kind without any is left out."""
    groups = [_group(kind, [run for run in runs if kind.has(run)]) for kind in KINDS]
    return PublicMap(
        runs=len(runs),
        groups=[group for group in groups if group],
        costs=_costs([run for run in runs if _is_community(run)]),
    )


def distinct(runs: Sequence[WildRun]) -> int:
    """Count the runs that differ in their task or seconds: a log may be handed in twice."""
    return len({(run.task, run.total_s, run.evals, run.eval_s) for run in runs})


def of_kind(runs: Sequence[WildRun], name: GroupId) -> list[WildRun]:
    """All runs of a kind, older ones included."""
    kind = next(kind for kind in KINDS if kind.id == name)
    return [run for run in runs if kind.has(run)]


def without_unit(runs: Sequence[WildRun], name: GroupId) -> int:
    """Count the runs of a kind whose unit is not known."""
    kind = next(kind for kind in KINDS if kind.id == name)
    return sum(kind.unit_of(run) is None for run in runs if kind.has(run))


def _group(kind: Kind, runs: list[WildRun]) -> PublicGroup | None:
    if kind.newest:
        newest: dict[str | None, WildRun] = {}
        for run in sorted(runs, key=_day):
            newest[kind.unit_of(run)] = run
        runs = list(newest.values())
    whole = [run for run in runs if run.is_whole]
    by_unit = defaultdict(list)
    for run in whole:
        if (unit := kind.unit_of(run)) is not None:
            by_unit[unit].append(run.share_pct / 100)
    if not by_unit:
        return None
    counts = Counter(f"{run.share_pct / 100:.3f}" for run in whole)
    return PublicGroup(
        id=kind.id,
        unit=kind.unit,
        runs=len(runs),
        shares=sorted(round(median(shares), 4) for shares in by_unit.values()),
        run_shares=dict(sorted(counts.items())),
        generates=kind.generates,
        on_the_clock=kind.on_the_clock,
        sources=list(kind.sources),
    )


def _day(run: WildRun) -> str:
    day = _DAY.search(run.path_or_system)
    return day[1] if day else ""


def _costs(runs: list[WildRun]) -> list[SampleCost]:
    by_repository: dict[tuple[str, EvaluationKind], list[float]] = defaultdict(list)
    for run in runs:
        if run.train_over_eval_cost_per_sample is not None:
            own = by_repository[run.repo_or_org, evaluation_kind(run.task)]
            own.append(run.train_over_eval_cost_per_sample)
    return [
        SampleCost(
            repository=repository,
            kind=kind,
            runs=len(costs),
            train_over_evaluation=round(median(costs), 3),
        )
        for (repository, kind), costs in sorted(by_repository.items())
    ]


def evaluation_kind(task: str) -> EvaluationKind:
    """What the evaluation of a community run does, by the words of ``runs.csv``."""
    if "generate" in task:
        return "generate"
    return "metric" if "metric" in task else "loss"
