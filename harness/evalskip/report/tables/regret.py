"""What sparser evaluation would have missed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip import digits
from evalskip.messages import counted, message, say, words
from evalskip.report.tables.table import Table

if TYPE_CHECKING:
    from evalskip.summary import Summary


_CHOSE = {True: message("chose nothing"), False: message("chose it themselves")}


def regret(summary: Summary) -> Table:
    """Every schedule and substitute: what it saves, and what it loses."""
    found = summary.regret[0] if summary.regret else None
    note = ""
    if found:
        seeds = counted("one run", "means over {count} seeds", found.seeds)
        note = say(
            "Replayed from {points} evaluations of a run ({seeds}). The first line is the job as "
            "written. Saved: of its T, without what is saved and logged. Regret in nats: of the "
            "checkpoint that is kept, on rows that {chose}, against the one that it keeps. "
            "Shifted: mean over where the schedule may begin, since every N can happen to fall on "
            "the best one, with the last as well. Lost more: how many seeds lost more than "
            "{limit:g} nats (where rows are held back, seeds that share any count as one), and how "
            "many of all runs may at most, with 95 % confidence. "
            "★: nothing else saves more at less regret.",
            points=found.points,
            seeds=seeds,
            limit=found.within_regret,
            chose=say(_CHOSE[found.rows[0].regret is not None]),
        )
        if found.proven or found.not_proven:
            tried = found.proven + len(found.not_proven)
            note += say(
                " {proven} of {tried} real runs that kept their best, with early stopping or "
                "without, ended where the replay says.",
                proven=found.proven,
                tried=tried,
            )
            note += "".join(say(" Not so: {each}.", each=each) for each in found.not_proven)
    return Table(
        title=say("What sparser evaluation would have missed"),
        note=note,
        columns=(
            say("looked at"),
            say("evaluations"),
            say("saved %"),
            say("share %"),
            say("regret"),
            say("regret if shifted"),
            say("lost more"),
            "★",
        ),
        rows=[
            (
                words(each.looks),
                f"{each.evaluations:.0f}",
                digits.interval(each.time_saved),
                digits.NOTHING if each.share is None else digits.percent(each.share),
                digits.plain(each.regret or each.regret_chosen, 3),
                digits.plain(each.regret_shifted, 3),
                say(
                    "{part} of {whole}, ≤ {most:.0f} %",
                    part=each.beyond,
                    whole=each.units,
                    most=100 * each.beyond_at_most,
                ),
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
        note = say(
            "Noticed: two evaluations in a row {margin:g} nats above the best; later: than by the "
            "job as written. Stopping: of T, what early stopping with a patience of {patience} "
            "evaluations would have saved. Rank: Spearman's correlation with the full evaluation, "
            "over the points.",
            margin=found.margin,
            patience=found.patience,
        )
    return Table(
        title=say("When overfitting shows"),
        note=note,
        columns=(
            say("looked at"),
            say("kept step"),
            say("noticed by seeds"),
            say("later steps"),
            say("stopping saves %"),
            say("rank"),
            say("regret on the evaluation rows"),
        ),
        rows=[
            (
                words(each.looks),
                f"{each.kept_step:,.0f}",
                say("{part} of {whole}", part=each.noticed, whole=found.seeds),
                digits.NOTHING if each.delay_steps is None else f"{each.delay_steps.estimate:,.0f}",
                digits.interval(each.stopping_saves),
                digits.plain(each.correlation, 2),
                digits.plain(each.regret_chosen, 3),
            )
            for each in found.rows
        ]
        if found
        else [],
    )
