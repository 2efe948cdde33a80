"""What sparser evaluation would have missed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.report import figures
from evalskip.report.tables.table import Table

if TYPE_CHECKING:
    from evalskip.summary import Interval, Summary


_CHOSE = {True: "chose nothing", False: "chose it themselves"}


def regret(summary: Summary) -> Table:
    """Every schedule and substitute: what it saves, and what it loses."""
    found = summary.regret[0] if summary.regret else None
    note = ""
    if found:
        seeds = f"means over {found.seeds} seeds" if found.seeds > 1 else "one run"
        note = (
            f"Replayed from {found.points} evaluations of a run ({seeds}). Saved: of T, against "
            f"all of them, without what is saved and logged. Regret in nats: of the checkpoint "
            f"that is kept, on rows that {_CHOSE[found.rows[0].regret is not None]}, against the "
            "one that all evaluations together keep. Shifted: mean over where the schedule may "
            "begin, since every N can happen to fall on the best one, with the last as well. ★: "
            "nothing else saves more at less regret."
        )
        if found.proven or found.not_proven:
            tried = found.proven + len(found.not_proven)
            note += (
                f" {found.proven} of {tried} real runs that kept their best, with early stopping "
                "or without, ended where the replay says."
            )
            note += "".join(f" Not so: {each}." for each in found.not_proven)
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
            "regret if shifted",
            "★",
        ),
        rows=[
            (
                each.says,
                f"{each.evaluations:.0f}",
                figures.interval(each.time_saved),
                figures.NOTHING if each.share is None else figures.percent(each.share),
                f"{each.kept_step:,.0f}",
                _plain(each.regret or each.regret_chosen, 3),
                _plain(each.regret_shifted, 3),
                "★" if each.worth_choosing else "",
            )
            for each in (found.rows if found else ())
        ],
    )


def noticed(summary: Summary) -> Table:
    """Every schedule and substitute: what it notices, and how well it ranks checkpoints."""
    found = summary.regret[0] if summary.regret else None
    note = ""
    if found:
        note = (
            f"Noticed: two evaluations in a row {found.margin:g} nats above the best; later: than "
            f"by every evaluation. Stopping: of T, what early stopping with a patience of "
            f"{found.patience} evaluations would have saved. Rank: Spearman's correlation with the "
            "full evaluation, over the points."
        )
    return Table(
        title="When overfitting shows",
        note=note,
        columns=(
            "looked at",
            "noticed by seeds",
            "later steps",
            "stopping saves %",
            "rank",
            "regret on the evaluation rows",
        ),
        rows=[
            (
                each.says,
                f"{each.noticed} of {found.seeds}",
                figures.NOTHING
                if each.delay_steps is None
                else f"{each.delay_steps.estimate:,.0f}",
                figures.interval(each.stopping_saves),
                _plain(each.correlation, 2),
                _plain(each.regret_chosen, 3),
            )
            for each in found.rows
        ]
        if found
        else [],
    )


def _plain(value: Interval | None, digits: int) -> str:
    if value is None:
        return figures.NOTHING
    if value.low is None or value.high is None:
        return f"{value.estimate:.{digits}f}"
    return f"{value.estimate:.{digits}f} [{value.low:.{digits}f}, {value.high:.{digits}f}]"
