"""What evaluation cost in runs that are over."""

from __future__ import annotations

import math
from statistics import median
from typing import TYPE_CHECKING

from evalskip.report import digits
from evalskip.report.answers.card import Answer, advised
from evalskip.report.answers.stopping import told, why_none
from evalskip.report.words import N_

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalskip.report.words import Language
    from evalskip.summary import AuditedRun, AuditSummary, Missed


def answer(section: AuditSummary, language: Language) -> Answer:
    """Of one run what it took and what to paste; of several what they took in all."""
    if len(section.runs) == 1:
        return _of_one(section.runs[0], section, language)
    return _of_several(section, language)


def _of_one(run: AuditedRun, section: AuditSummary, language: Language) -> Answer:
    advice, lines = advised([run.recommendation] if run.recommendation else [], language)
    sentences = [advice] if advice else []
    if run.stopping:
        # without a training time all that is said below
        said = "" if run.share_unknown else why_none(run.stopping, language)
        sentences += filter(None, [said, told(run.stopping, language)])
    if run.share_unknown and (run.evaluations or run.training_s is None):
        sentences.append(language.sentence(language.note(run.share_unknown)))
    if missed := _missed(run, language):
        sentences.append(missed)
    return Answer(
        language.sentences(
            [_statement(run, language), _price(run.evaluation_s, section, language)]
        ),
        language.sentences(sentences),
        lines,
        place_of(run, language),
        _cautions(run, language),
    )


def _statement(run: AuditedRun, language: Language) -> str:
    """What evaluation took, or why that is not known."""
    if not run.evaluations:
        return _unevaluated(run, language)
    count = language.ngettext("{count} evaluation", "{count:,} evaluations", run.evaluations)
    if run.evaluation_s is None:
        return language.gettext(
            "The log holds {evaluations} and not what they took.", evaluations=count
        )
    took = span(run.evaluation_s)
    if run.share is None or run.training_s is None:
        return language.gettext(
            "{evaluations} took {took}; the evaluation share is not known.",
            evaluations=count,
            took=took,
        )
    template = N_(
        "Evaluation took {share:.1f%} of this training: {took} of {whole}, in {evaluations}."
    )
    statement = language.gettext(
        template, share=run.share, took=took, whole=span(run.training_s), evaluations=count
    )
    parts = [statement]
    if run.gain is not None and run.gain < _ABSURD:
        template = N_("Without it training would have been {gain:.1f%} faster.")
        if run.is_stopped_by_evaluations:
            template = N_(
                "Without it the same steps would have been {gain:.1f%} faster, but only evaluation "
                "stops such a training."
            )
        parts.append(language.gettext(template, gain=run.gain))
    if run.share_with_after is not None and run.evaluation_after_s:
        parts.append(
            language.gettext(
                "With the {after} of evaluation after training it is {share:.1f%}.",
                after=span(run.evaluation_after_s),
                share=run.share_with_after,
            )
        )
    return language.sentences(parts)


_ABSURD = 2.0
"""A gain beyond which "faster" says less than the share does."""


def _unevaluated(run: AuditedRun, language: Language) -> str:
    parts = [language.gettext("This training was not evaluated while it went on: 0%.")]
    if run.training_s is not None:
        parts = [
            language.gettext(
                "This training was not evaluated while it went on: 0% of its {whole}.",
                whole=span(run.training_s),
            )
        ]
    if run.evaluations_after and run.evaluation_after_s is not None:
        parts.append(
            language.gettext(
                "Evaluation after it took {after}.", after=span(run.evaluation_after_s)
            )
        )
    return language.sentences(parts)


def _missed(run: AuditedRun, language: Language) -> str:
    """What the last model would have been worth, had nothing been looked at."""
    if run.missed is None or not run.missed.policies:
        return ""
    last = run.missed.policies[-1]
    if math.isinf(last.regret):
        return language.gettext(
            "The last model is not a number by {metric}: training diverged.",
            metric=run.missed.metric,
        )
    if last.regret <= 0:
        return language.gettext(
            "The last model is the best by {metric}: skipping would have missed nothing here.",
            metric=run.missed.metric,
        )
    template = N_("Its last model is {lost} worse than the best that it evaluated, {best}.")
    if run.missed.chosen_by_run:
        template = N_(
            "Skipping would have kept the last model, {lost} worse than the best, {best}."
        )
    return language.gettext(
        template,
        lost=worse(last.regret, run.missed.metric),
        best=best_of(run.missed, language),
    )


def best_of(missed: Missed, language: Language) -> str:
    """Where the best checkpoint is."""
    template = N_("at epoch {place:,.4g}") if missed.by_epoch else N_("at step {place:,.0f}")
    return language.gettext(template, place=missed.best_place)


def worse(regret: float, metric: str) -> str:
    """A regret in its unit: ``0.297 nats``, ``0.020 eval_accuracy``."""
    return "∞" if math.isinf(regret) else f"{regret:.3f} {digits.unit_of(metric)}"


def place_of(run: AuditedRun, language: Language) -> str:
    """What an evaluated sample cost, and what it costs in public runs of the same kind."""
    if run.train_over_evaluation is None:
        return ""
    own = language.gettext(
        "a trained sample cost as much as {ratio} evaluated ones",
        ratio=_ratio(run.train_over_evaluation),
    )
    if run.place is None:
        return own
    template = N_(
        "{own}; in {count} public repositories whose evaluation does not generate either, it is "
        "{low} to {high} (middle half)"
    )
    if run.kind == "generate":
        template = N_(
            "{own}; in {count} public repositories whose evaluation generates as well, it is "
            "{low} to {high} (middle half)"
        )
    return language.gettext(
        template,
        own=own,
        count=run.place.repositories,
        low=_ratio(run.place.low),
        high=_ratio(run.place.high),
    )


def _ratio(value: float) -> str:
    return f"{value:.1f}" if value >= 1 else f"{value:.2g}"


def _cautions(run: AuditedRun, language: Language) -> list[str]:
    if run.evaluation_error_s is None or run.evaluation_s is None:
        return []
    return [
        language.gettext(
            "the log's clock has whole seconds, so evaluation took {took:,.0f} ± {error:,.0f} s",
            took=run.evaluation_s,
            error=math.ceil(run.evaluation_error_s),
        )
    ]


def _price(seconds: float | None, section: AuditSummary, language: Language) -> str:
    if section.per_hour is None or not seconds:
        return ""
    return language.gettext(
        "At {per_hour:g} an hour that cost {price:,.2f}.",
        per_hour=section.per_hour,
        price=section.per_hour * seconds / 3600,
    )


def _of_several(section: AuditSummary, language: Language) -> Answer:
    known = [run for run in section.runs if run.share is not None]
    evaluated = sum(run.evaluations + run.evaluations_after > 0 for run in section.runs)
    parts = [
        language.gettext(
            "Evaluation took {took}, that after training included, in {evaluated} of {count} runs.",
            took=span(section.evaluation_s),
            evaluated=evaluated,
            count=len(section.runs),
        )
    ]
    whole = sum(run.training_s or 0 for run in known)
    if known and whole:
        parts.append(
            language.ngettext(
                "In the 1 run whose log says what training took, {whole}, evaluation inside it is "
                "{share:.1f%}.",
                "In the {count} runs whose logs say what training took, {whole}, evaluation inside "
                "it is {share:.1f%}.",
                len(known),
                share=sum(run.evaluation_s or 0 for run in known) / whole,
                whole=span(whole),
            )
        )
    shares = [run.share or 0.0 for run in known if run.evaluations]
    if len(shares) > 1:
        parts.append(
            language.gettext(
                "The median share of the {count} that evaluated is {median:.1f%}.",
                count=len(shares),
                median=median(shares),
            )
        )
    parts.append(_price(section.evaluation_s, section, language))
    advice, lines = _change(section, known, language)
    return Answer(language.sentences(filter(None, parts)), advice, lines)


def _change(
    section: AuditSummary, known: Sequence[AuditedRun], language: Language
) -> tuple[str, Mapping[str, Sequence[str]]]:
    """What to do with the runs above the share, and lines for the one that would save most."""
    over = worth_changing(section)
    if not over:
        if not known:
            return "", {}
        template = N_("No run whose share is known spent more than {within:g%} on it.")
        if any(run.is_stopped_by_evaluations for run in known):
            template = N_(
                "Of the runs that evaluations do not stop, none whose share is known spent more "
                "than {within:g%} on it."
            )
        return language.gettext(template, within=section.within), {}
    advice = language.ngettext(
        "1 run spent more than {within:g%} on it; kept to that it would have saved {saved}.",
        "{count} runs spent more than {within:g%} on it; kept to that they would have saved "
        "{saved}.",
        len(over),
        within=section.within,
        saved=span(sum(map(_saved, over))),
    )
    found = over[0].recommendation
    lines = advised([found], language)[1] if found else {}
    if found and lines:
        name = digits.printable(over[0].name)
        first = language.gettext(
            "For {run}, which would save most: {advice}.", run=name, advice=found.advice
        )
        advice = language.sentences([advice, first])
    return advice, lines


def worth_changing(section: AuditSummary) -> list[AuditedRun]:
    """Runs above the share, those that would save most first.

    Where training stops by evaluations, a share is not what they should keep to.
    """
    over = [
        run
        for run in section.shared
        if (run.share or 0) > section.within and not run.is_stopped_by_evaluations
    ]
    return sorted(over, key=_saved, reverse=True)


def _saved(run: AuditedRun) -> float:
    """Seconds that the recommended schedule would have saved."""
    if not (run.recommendation and run.training_s and run.evaluation_s):
        return 0.0
    kept = run.recommendation.share.estimate
    rest = run.training_s - run.evaluation_s
    return max(0.0, run.training_s - rest / (1 - kept)) if kept < 1 else 0.0


def span(seconds: float) -> str:
    """A span of time that may be short: ``3.2 s``, ``4 min 12 s``."""
    return f"{seconds:.2g} s" if seconds < 9.95 else digits.duration(seconds)
