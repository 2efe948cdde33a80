"""Logs of people's own trainings, as the package itself reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.analysis.audit import audited
from evalskip.logs import NotALog, UnfitLog, read_file
from wild.figures import WildRun

if TYPE_CHECKING:
    from pathlib import Path

    from evalskip.logs import FinishedRun
    from evalskip.summary import AuditedRun

KIND = "community"

_SOURCES = {
    "trainer_state.json": "community: trainer_state",
    "trainer_log.jsonl": "community: trainer_log.jsonl (elapsed_time)",
}
_TASKS = {"loss": "loss only", "metric": "loss + metric", "generate": "generate"}


def community(path: Path) -> list[WildRun]:
    """Read the runs of a trainer's state, a trainer's log or a printed log; none if it is none.

    A run without evaluations, or of which the log does not say what training took, has no figures.

    Raises:
        ValueError: it is such a log, and has none.
    """
    try:
        runs = read_file(str(path))
    except NotALog:
        return []
    except UnfitLog as error:
        raise ValueError(str(error).removeprefix(f"{path}: ")) from None
    figures = [(run, audited(run, 0.05)) for run in runs]
    rows = [_row(run, each, path) for run, each in figures if each.share and each.evaluations]
    if not rows:
        unknown = figures[0][1].share_unknown if figures else None
        evaluated = any(each.evaluations for _, each in figures)
        raise ValueError(unknown.code if evaluated and unknown else "no evaluation with a time")
    return rows


def _row(run: FinishedRun, figures: AuditedRun, path: Path) -> WildRun:
    load = None
    if figures.evaluated_samples and figures.trained_samples:
        load = round(figures.evaluated_samples / figures.trained_samples, 3)
    ratio = figures.train_over_evaluation
    return WildRun(
        source=_SOURCES.get(run.sources[0].format, "community: printed log"),
        repo_or_org="",
        commit="",
        path_or_system=path.as_posix(),
        task=_TASKS.get(figures.kind or "", ""),
        total_s=round(figures.training_s or 0.0, 1),
        evals=len(run.inside),
        eval_s=round(figures.evaluation_s or 0.0, 1),
        share_pct=round(100 * (figures.share or 0.0), 2),
        gain_pct=None if figures.gain is None else round(100 * figures.gain, 2),
        load=load,
        train_over_eval_cost_per_sample=None if ratio is None else round(ratio, 2),
        flag="clock to 1 s" if run.clock and not run.parts else "",
    )
