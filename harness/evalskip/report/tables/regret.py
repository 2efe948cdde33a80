"""What sparser evaluation would have missed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.report import digits
from evalskip.report.tables.table import Table
from evalskip.report.words import N_

if TYPE_CHECKING:
    from evalskip.report.words import Language
    from evalskip.summary import RegretSummary


_CHOSE = {True: N_("were not used to choose it"), False: N_("chose it")}


def regret(section: RegretSummary, language: Language) -> Table:
    """Every schedule and substitute: what it saves, and what it loses."""
    seeds = language.gettext("one run")
    if section.seeds > 1:
        seeds = language.gettext("means over {count} seeds", count=section.seeds)
    note = language.gettext(
        "Replayed from {points} evaluations of a run ({seeds}). The first row is the job as "
        "written. Saved: share of its training time, saving and logging left out. Regret: {metric} "
        "of the checkpoint that is kept, in {unit}, on samples that {chose}, minus that "
        "of the one that the first row keeps; of every N, the mean over all starts of the "
        "schedule, since one can hit the best checkpoint by luck. Lost more: seeds that lost "
        "more than {limit:g} {unit} (seeds that share held-back samples count as one), and the "
        "upper 95% bound on the share of runs that may. ★: nothing else saves more time at less "
        "regret.",
        points=section.points,
        seeds=seeds,
        limit=section.within_regret,
        metric=_metric(section, language),
        unit=digits.unit_of(section.metric),
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
            language.gettext(" Except for: {each}.", each=each) for each in section.not_proven
        )
    return Table(
        title=language.gettext("What less evaluation would have missed"),
        note=note,
        columns=(
            language.gettext("evaluates"),
            language.gettext("evaluations"),
            language.gettext("saved %"),
            language.gettext("share %"),
            language.gettext("regret"),
            language.gettext("lost more"),
            "★",
        ),
        spare=language.texts(N_("share %"), N_("evaluations")),
        rows=[
            (
                language.note(each.policy),
                f"{each.evaluations:.0f}",
                digits.interval(each.time_saved),
                digits.NOTHING if each.share is None else digits.percent(each.share),
                digits.plain(each.lost, 3),
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
        "Noticed: two evaluations in a row {margin:g} {unit} worse than the best. Later: compared "
        "with the job as written. Stopping saves: share of the training time that early stopping "
        "with a patience of {patience} evaluations would have saved. Rank: Spearman's "
        "correlation with the full evaluation.",
        margin=section.margin,
        unit=digits.unit_of(section.metric),
        patience=section.patience,
    )
    return Table(
        title=language.gettext("When overfitting is noticed"),
        note=note,
        columns=language.texts(
            N_("evaluates"),
            N_("kept step"),
            N_("noticed by seeds"),
            N_("later steps"),
            N_("stopping saves %"),
            N_("rank correlation"),
            N_("regret on the evaluation samples"),
        ),
        spare=language.texts(N_("rank correlation"), N_("later steps")),
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


def _metric(section: RegretSummary, language: Language) -> str:
    return language.gettext("loss") if section.metric == "eval_loss" else section.metric


FIRST = (regret, noticed)
