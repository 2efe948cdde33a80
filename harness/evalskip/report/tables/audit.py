"""Runs that are over: what evaluation took, and what other schedules would have taken."""

from __future__ import annotations

import os
from statistics import quantiles
from typing import TYPE_CHECKING

from evalskip.report import digits
from evalskip.report.answers.audit import best_of, place_of, span, worse
from evalskip.report.answers.stopping import condition_of
from evalskip.report.tables import stopping
from evalskip.report.tables.table import Table
from evalskip.report.words import N_

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalskip.report.words import Language
    from evalskip.summary import AuditedRun, AuditSummary, Stopping

_MOST = 40
"""Rows of a terminal or a page; all are in summary.json."""
_LONGEST = 44
_FEW_SOURCES = 6
_GENERATES = {
    "yes": N_("yes"),
    "likely": N_("likely"),
    "no": N_("no"),
    "unknown": N_("not known"),
}


def runs(section: AuditSummary, language: Language) -> Table:
    """Every run, that in which evaluation took longest first."""
    names = short_names([run.name for run in section.runs])
    note = language.gettext(
        "Share: evaluation inside training, of the training time (train_runtime). Speed-up: "
        "training time over training time without that, less 1. After: evaluation after training, "
        "in neither. –: the log does not say."
    )
    shares = [run.share or 0.0 for run in section.shared if run.evaluations]
    if len(shares) > 3:
        low, middle, high = quantiles(shares, n=4, method="inclusive")
        note += language.gettext(
            " Quartiles of the share, of runs that evaluated: {low:.1f%}, {middle:.1f%}, "
            "{high:.1f%}.",
            low=low,
            middle=middle,
            high=high,
        )
    if len(names) > _MOST:
        note += language.gettext(
            " The first {shown} of {count} runs; summary.json has all.",
            shown=_MOST,
            count=len(names),
        )
    return Table(
        title=language.gettext("What evaluation took"),
        note=note,
        columns=language.texts(
            N_("run"),
            N_("evaluates"),
            N_("evaluations"),
            N_("evaluation s"),
            N_("training s"),
            N_("share %"),
            N_("speed-up %"),
            N_("after s"),
            N_("to change"),
        ),
        spare=language.texts(N_("after s"), N_("evaluations"), N_("speed-up %"), N_("to change")),
        rows=[
            (
                name,
                language.note(run.schedule),
                f"{run.evaluations:,}",
                digits.seconds(run.evaluation_s),
                digits.seconds(run.training_s),
                digits.percent(run.share),
                digits.percent(run.gain),
                digits.seconds(run.evaluation_after_s),
                _line(run, section, language),
            )
            for name, run in list(zip(names, section.runs, strict=True))[:_MOST]
        ],
    )


def _line(run: AuditedRun, section: AuditSummary, language: Language) -> str:
    """The line to change, of a run that is above the share."""
    if run.share is None or run.share <= section.within:
        return ""
    found = run.recommendation
    if found is None:
        return digits.NOTHING
    if found.every_steps:
        return f"eval_steps: {found.every_steps}"
    return language.gettext("once, after training") if found.evaluations else 'eval_strategy: "no"'


def short_names(names: Sequence[str]) -> list[str]:
    """Names without the folder that all lie in, and with the middle of long ones left out."""
    common = os.path.commonpath(names) if len(names) > 1 and _are_alike(names) else ""
    short = []
    for name in map(digits.printable, names):
        rest = name[len(common) :].lstrip("/\\") if common else name
        if len(rest) > _LONGEST:
            rest = f"{rest[:8]}…{rest[-(_LONGEST - 9) :]}"
        short.append(rest or name)
    return short


def _are_alike(names: Sequence[str]) -> bool:
    return len({name.startswith("/") for name in names}) == 1


def figures(section: AuditSummary, language: Language) -> Table:
    """All that the log of one run says; no rows where there are several."""
    run = section.runs[0]
    rows: list[tuple[str, str]] = []

    def add(name: str, text: str | None) -> None:
        if text is not None:
            rows.append((language.gettext(name), text))

    add(N_("evaluates"), language.note(run.schedule))
    add(N_("would stop"), _end(run, language))
    if run.sets > 1:
        add(N_("sets at one step"), f"{run.sets}")
    add(N_("training time"), None if run.training_s is None else span(run.training_s))
    add(N_("evaluation inside it"), None if run.evaluation_s is None else span(run.evaluation_s))
    add(N_("evaluation share"), _percent(run.share))
    add(N_("speed-up from skipping it"), _percent(run.gain))
    add(
        N_("evaluation after training"),
        None if run.evaluation_after_s is None else span(run.evaluation_after_s),
    )
    add(N_("evaluation share with that"), _percent(run.share_with_after))
    add(N_("speed-up from skipping both"), _percent(run.gain_with_after))
    if run.first_share is not None and run.first_evaluation_s is not None and run.evaluations > 1:
        first = language.gettext(
            "{took}, {share:.1f%} of evaluation",
            took=span(run.first_evaluation_s),
            share=run.first_share,
        )
        add(N_("first evaluation"), first)
    add(N_("cost of a sample"), place_of(run, language) or None)
    if run.evaluations or run.evaluations_after:
        add(N_("evaluation generates text"), language.gettext(_GENERATES[run.generates]))
    add(
        N_("read from"),
        ", ".join(short_names([source.path for source in run.sources])[:_FEW_SOURCES]),
    )
    return Table(
        title=language.gettext("What the log says"),
        note=language.gettext("Read off the log of a run that is over; nothing was run."),
        columns=language.texts(N_("figure"), N_("value")),
        rows=rows if len(section.runs) == 1 else [],
    )


def _end(run: AuditedRun, language: Language) -> str | None:
    """What would end its training; None: the log does not say."""
    if run.stopping is not None:
        return condition_of(run.stopping, language)
    if run.steps and run.planned_steps and run.steps >= run.planned_steps:
        return language.gettext("after its planned steps")
    return None


def _percent(value: float | None) -> str | None:
    return None if value is None else f"{100 * value:.1f}%"


def schedules(section: AuditSummary, language: Language) -> Table:
    """What other schedules would have taken of one run."""
    run = section.runs[0]
    return Table(
        title=language.gettext("What other schedules would have taken"),
        note=language.gettext(
            "Training as long as it was, every evaluation at the mean of those that the log holds. "
            "Saved: training time, against the run as it was."
        ),
        columns=language.texts(
            N_("evaluates"), N_("evaluations"), N_("training s"), N_("share %"), N_("saved %")
        ),
        rows=[
            (
                language.note(each.schedule),
                f"{each.evaluations:,}",
                digits.seconds(each.training_s),
                digits.percent(each.share),
                digits.percent(max(0.0, 1 - each.training_s / (run.training_s or each.training_s))),
            )
            for each in run.schedules
        ]
        if len(section.runs) == 1
        else [],
    )


def skipped(section: AuditSummary, language: Language) -> Table:
    """What sparser looks at one run would have kept."""
    missed = section.runs[0].missed
    rows = []
    if missed and len(section.runs) == 1:
        rows = [
            (
                language.note(each.policy),
                f"{each.evaluations:,}",
                worse(each.regret, missed.metric),
            )
            for each in missed.policies
        ]
    by = language.gettext("by which the run chose its best")
    if missed and not missed.chosen_by_run:
        by = language.gettext("since the log does not say by what the run chose")
    return Table(
        title=language.gettext("What skipping would have missed"),
        note=language.gettext(
            "Judged by {metric}, {by}. Regret: by how much the checkpoint that is kept is worse "
            "than the best, {best}; mean over where the schedule may begin.",
            metric=missed.metric if missed else "",
            by=by,
            best=best_of(missed, language) if missed else "",
        ),
        columns=language.texts(N_("evaluates"), N_("evaluations"), N_("regret")),
        rows=rows,
    )


def all_runs(section: AuditSummary, language: Language) -> Table:
    """The table of runs, where there are several."""
    table = runs(section, language)
    return table if len(section.runs) > 1 else Table(table.title, table.note, table.columns, [])


def spacings(section: AuditSummary, language: Language) -> Table:
    """Of one run that stops by its evaluations: how often it should evaluate."""
    found = _stopping(section)
    return stopping.spacings([("", found)] if found else [], language)


def sparser(section: AuditSummary, language: Language) -> Table:
    """Of one run that stopped: when it would have with fewer evaluations."""
    return stopping.sparser(_stopping(section), language)


def _stopping(section: AuditSummary) -> Stopping | None:
    return section.runs[0].stopping if len(section.runs) == 1 else None


FIRST = (all_runs, figures, schedules, spacings, sparser, skipped)
