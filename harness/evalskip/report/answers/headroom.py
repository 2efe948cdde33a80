"""What batch fits with evaluation, and without it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalskip.report import digits
from evalskip.report.answers.card import Answer
from evalskip.report.provenance import trials_of

if TYPE_CHECKING:
    from evalskip.report.words import Language
    from evalskip.summary import Headroom, HeadroomSummary


def answer(section: HeadroomSummary, language: Language) -> Answer | None:
    """The largest batch without evaluation, and whether evaluation takes any of it."""
    off = section.off
    if off is None:
        return None
    basis = trials_of(section.effort, language) if section.effort else ""
    limit = digits.bytes_of(off.limit_bytes)
    if not any(each.max_batch for each in section.arms):
        return Answer(
            language.gettext("Not one sample fits within {limit}.", limit=limit), basis=basis
        )
    least = min(section.evaluating, key=lambda each: each.max_batch, default=None)
    if least is None or least.max_batch >= off.max_batch:
        statement = language.ngettext(
            "Skipping evaluation frees no room for a larger batch: {count} sample per device fits "
            "within {limit}, with evaluation and without.",
            "Skipping evaluation frees no room for a larger batch: {count} samples per device fit "
            "within {limit}, with evaluation and without.",
            off.max_batch,
            limit=limit,
        )
        return Answer(
            statement,
            language.gettext("You need not reduce the batch in order to evaluate."),
            basis=basis,
        )
    if least.max_batch:
        statement = language.gettext(
            "{batch:,} samples per device fit within {limit} without evaluation, and {least:,} "
            "with {arm}.",
            batch=off.max_batch,
            limit=limit,
            least=least.max_batch,
            arm=least.arm,
        )
    else:
        statement = language.gettext(
            "{batch:,} samples per device fit within {limit}, but only without evaluation: with "
            "{arm} not one fits.",
            batch=off.max_batch,
            limit=limit,
            arm=least.arm,
        )
    advice, lines = _advice(off, least, section, language)
    return Answer(statement, advice, lines, basis)


def _advice(
    off: Headroom, least: Headroom, section: HeadroomSummary, language: Language
) -> tuple[str, dict[str, list[str]]]:
    """An arm that evaluates and needs no more than off, or what could be tried."""
    cheap = [each for each in section.evaluating if each.max_batch >= off.max_batch]
    if cheap and cheap[0].settings:
        advice = language.gettext(
            "With {settings} evaluation fits beside the same batch.",
            settings=language.join(cheap[0].settings),
        )
        return advice, {"job_settings": list(cheap[0].settings)}
    if least.bound_by == "evaluate":
        return (
            language.gettext(
                "Evaluation is what runs out of memory: a smaller evaluation batch may fit."
            ),
            {"training_arguments": ["per_device_eval_batch_size=1,"]},
        )
    return "", {}
