"""What sparser evaluation would have missed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.report import digits
from evalskip.report.tables.table import Table
from evalskip.report.words import N_

if TYPE_CHECKING:
    from evalskip.report.words import Language
    from evalskip.summary import RegretSummary


_CHOSE = {True: N_("chose nothing"), False: N_("chose it themselves")}


def regret(section: RegretSummary, language: Language) -> Table:
    """Every schedule and substitute: what it saves, and what it loses."""
    seeds = language.gettext("one run")
    if section.seeds > 1:
        seeds = language.gettext("means over {count} seeds", count=section.seeds)
    note = language.gettext(
        "Replayed from {points} evaluations of a run ({seeds}). The first line is the job as "
        "written. Saved: of its T, without what is saved and logged. Regret in nats: of the "
        "checkpoint that is kept, on samples that {chose}, against the one that it keeps. "
        "Shifted: mean over where the schedule may begin, since every N can happen to fall on "
        "the best one, with the last as well. Lost more: how many seeds lost more than "
        "{limit:g} nats (where samples are held back, seeds that share any count as one), and how "
        "many of all runs may at most, with 95% confidence. "
        "★: nothing else saves more at less regret.",
        points=section.points,
        seeds=seeds,
        limit=section.within_regret,
        chose=language.gettext(_CHOSE[section.policies[0].regret is not None]),
    )
    if section.proven or section.not_proven:
        note += language.gettext(
            " {proven} of {tried} real runs that kept their best, with early stopping or "
            "without, ended where the replay says.",
            proven=section.proven,
            tried=section.proven + len(section.not_proven),
        )
        note += "".join(
            language.gettext(" Not so: {each}.", each=each) for each in section.not_proven
        )
    return Table(
        title=language.gettext("What sparser evaluation would have missed"),
        note=note,
        columns=(
            language.gettext("looked at"),
            language.gettext("evaluations"),
            language.gettext("saved %"),
            language.gettext("share %"),
            language.gettext("regret"),
            language.gettext("regret if shifted"),
            language.gettext("lost more"),
            "★",
        ),
        rows=[
            (
                language.note(each.policy),
                f"{each.evaluations:.0f}",
                digits.interval(each.time_saved),
                digits.NOTHING if each.share is None else digits.percent(each.share),
                digits.plain(each.regret or each.regret_chosen, 3),
                digits.plain(each.regret_shifted, 3),
                language.gettext(
                    "{part} of {whole}, ≤ {most:.0f}%",
                    part=each.beyond,
                    whole=each.units,
                    most=100 * each.beyond_at_most,
                ),
                "★" if each.worth_choosing else "",
            )
            for each in section.policies
        ],
    )


def noticed(section: RegretSummary, language: Language) -> Table:
    """Every schedule and substitute: what it notices, and how well it ranks checkpoints."""
    note = language.gettext(
        "Noticed: two evaluations in a row {margin:g} nats above the best; later: than by the "
        "job as written. Stopping: of T, what early stopping with a patience of {patience} "
        "evaluations would have saved. Rank: Spearman's correlation with the full evaluation, "
        "over the points.",
        margin=section.margin,
        patience=section.patience,
    )
    return Table(
        title=language.gettext("When overfitting shows"),
        note=note,
        columns=language.texts(
            N_("looked at"),
            N_("kept step"),
            N_("noticed by seeds"),
            N_("later steps"),
            N_("stopping saves %"),
            N_("rank"),
            N_("regret on the evaluation samples"),
        ),
        rows=[
            (
                language.note(each.policy),
                f"{each.kept_step:,.0f}",
                language.gettext("{part} of {whole}", part=each.noticed, whole=section.seeds),
                digits.NOTHING if each.delay_steps is None else f"{each.delay_steps.estimate:,.0f}",
                digits.interval(each.stopping_saves),
                digits.plain(each.correlation, 2),
                digits.plain(each.regret_chosen, 3),
            )
            for each in section.policies
        ],
    )


FIRST = (regret, noticed)
