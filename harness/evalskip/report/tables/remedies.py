"""What would make evaluation cheaper, told from a pilot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.notes import note
from evalskip.report import digits
from evalskip.report.tables.table import Table
from evalskip.report.words import N_

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalskip.report.words import Language
    from evalskip.summary import PredictionSummary, RemediesSummary, Remedy


def remedies(section: PredictionSummary, language: Language) -> Table:
    """Every remedy alone, and all at once; no rows where none was found."""
    several = len(section.remedies) > 1
    return Table(
        title=language.gettext("What would make evaluation cheaper"),
        note=language.gettext(
            "Cost: what an evaluation takes over what it takes now. Share: evaluation's share of "
            "the training time with it (schedule: {schedules}). Training is the same, batch by "
            "batch. What changes nothing leaves every sample's loss as it is; eval_loss, a mean of "
            "batches' means, can still move a little with the batches.",
            schedules=[found.schedule for found in section.remedies[:1]],
        ),
        columns=language.texts(
            *([N_("evaluation")] if several else []),
            N_("remedy"),
            N_("cost %"),
            N_("share %"),
            N_("time saved %"),
            N_("changes"),
        ),
        rows=[
            (
                *([language.join(found.evaluation)] if several else []),
                name,
                digits.interval(remedy.cost_ratio),
                digits.interval(remedy.share),
                digits.percent(remedy.time_saved),
                _changes(remedy, language),
            )
            for found in section.remedies
            for name, remedy in _rows(found, language)
        ],
        spare=language.texts(N_("time saved %")),
    )


def _rows(found: RemediesSummary, language: Language) -> Iterator[tuple[str, Remedy]]:
    names = {remedy.name for remedy in found.remedies}
    for remedy in found.remedies:
        yield language.note(remedy.remedy), remedy
    if found.best is not None and found.best.name not in names:
        yield language.gettext("all of these that lose nothing"), found.best
    if found.best_of_subset is not None and found.best_of_subset.name not in names:
        yield language.gettext("those, on the random subset"), found.best_of_subset


def _changes(remedy: Remedy, language: Language) -> str:
    changes = [language.note(remedy.loses)] if remedy.loses else []
    if remedy.bears_on_training:
        changes.append(
            language.gettext(
                "holds for training's loader too; with dropout, it draws other random numbers"
            )
        )
    return language.join(changes) or language.gettext("nothing")


def lines(section: PredictionSummary, language: Language) -> Table:
    """What to write for each remedy."""
    places = list(
        dict.fromkeys(
            place for found in section.remedies for each in found.remedies for place in each.lines
        )
    )
    return Table(
        title=language.gettext("How to set what makes it cheaper"),
        note="",
        columns=(
            language.gettext("remedy"),
            *(language.gettext("in {place}", place=note(place)) for place in places),
        ),
        rows=[
            (
                language.note(each.remedy),
                *(
                    " ".join(map(language.note, each.lines.get(place, [digits.NOTHING])))
                    for place in places
                ),
            )
            for found in section.remedies
            for each in found.remedies
        ],
    )


def left_out(section: PredictionSummary, language: Language) -> Table:
    """What does not apply to the job, or saves nothing, and why."""
    return Table(
        title=language.gettext("What would not make it cheaper"),
        note=language.gettext(
            "Never proposed: bf16_full_eval (it does nothing inside training, and casts the model "
            "that is then saved), group_by_length (it reorders training), LLaMA-Factory's "
            "max_samples (it cuts training)."
        ),
        columns=language.texts(N_("remedy"), N_("left out, since")),
        rows=[
            (language.note(each.remedy), language.note(each.why))
            for found in section.remedies
            for each in found.left_out
        ],
    )


def subsets(section: PredictionSummary, language: Language) -> Table:
    """How far random subsets of the evaluation set are off."""
    known = [found.subset for found in section.remedies if found.subset]
    text = ""
    for errors in known[:1]:
        text = language.gettext(
            "Half-widths that hold {level:g%} of draws, from the losses of {seen} samples before "
            "and after {steps} steps. A sample's loss varies by {deviation:.2g} nats (standard "
            "deviation); its change, by which two checkpoints are compared on the same samples, by "
            "{difference:.2g}.",
            level=errors.level,
            seen=errors.seen,
            steps=errors.steps,
            deviation=errors.deviation,
            difference=errors.deviation_of_difference,
        )
    return Table(
        title=language.gettext("How far a random subset is off"),
        note=text,
        columns=language.texts(N_("samples"), N_("loss ± nats"), N_("difference ± nats")),
        rows=[
            (
                language.gettext(
                    "{samples:,} of {whole:,}", samples=each.samples, whole=errors.whole
                ),
                f"{each.loss_half_width:.3f}",
                f"{each.difference_half_width:.3f}",
            )
            for errors in known
            for each in errors.subsets
        ],
    )


FIRST = (remedies,)
REST = (lines, subsets, left_out)
