"""What sparser evaluation would have missed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.report import figures
from evalskip.report.tables.table import Table

if TYPE_CHECKING:
    from evalskip.summary import Interval, ScheduleRegret, Summary


def regret(summary: Summary) -> Table:
    """Every schedule and substitute: what it saves, what it keeps, what it notices."""
    found = summary.regret[0] if summary.regret else None
    rows = [_row(each, found.seeds) for each in found.rows] if found else []
    note = ""
    if found:
        seeds = f"means over {found.seeds} seeds" if found.seeds > 1 else "one run"
        note = (
            f"Replayed from {found.points} evaluations of a run ({seeds}). Saved: of T, against "
            "all of them. Regret in nats: of the checkpoint that is kept, on rows that chose "
            "nothing, against the one that all evaluations together keep; beside it, on the rows "
            f"that chose. Noticed: two evaluations in a row {found.margin:g} above the best. "
            f"Stopping: of T, what early stopping with a patience of {found.patience} evaluations "
            "would have saved. Rank: Spearman's correlation with the full evaluation. ★: nothing "
            "else saves more at less regret."
        )
        if found.proven or found.not_proven:
            tried = found.proven + len(found.not_proven)
            note += (
                f" {found.proven} of {tried} real runs, with early stopping and the best kept, "
                "ended where the replay says."
            )
    return Table(
        title="What sparser evaluation would have missed",
        note=note,
        columns=(
            "looked at",
            "evaluations",
            "saved %",
            "share %",
            "kept step",
            "regret",
            "regret on the rows that chose",
            "noticed",
            "delay steps",
            "stopping saves %",
            "rank",
            "★",
        ),
        rows=rows,
    )


def _row(each: ScheduleRegret, seeds: int) -> tuple[str, ...]:
    return (
        each.says,
        f"{each.evaluations:.0f}",
        figures.interval(each.time_saved),
        figures.percent(each.share),
        f"{each.kept_step:,.0f}",
        _nats(each.regret),
        _nats(each.regret_chosen),
        f"{each.noticed} of {seeds}",
        figures.NOTHING if each.delay_steps is None else f"{each.delay_steps.estimate:,.0f}",
        figures.interval(each.stopping_saves),
        _plain(each.correlation),
        "★" if each.worth_choosing else "",
    )


def _nats(value: Interval | None) -> str:
    if value is None:
        return figures.NOTHING
    if value.low is None or value.high is None:
        return f"{value.estimate:.3f}"
    return f"{value.estimate:.3f} [{value.low:.3f}, {value.high:.3f}]"


def _plain(value: Interval | None) -> str:
    if value is None:
        return figures.NOTHING
    if value.low is None or value.high is None:
        return f"{value.estimate:.2f}"
    return f"{value.estimate:.2f} [{value.low:.2f}, {value.high:.2f}]"
