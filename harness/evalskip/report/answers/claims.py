"""What became of the claims of a study."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from evalskip.report.answers.card import Answer

if TYPE_CHECKING:
    from evalskip.report.words import Language
    from evalskip.summary import ClaimsSummary


def answer(section: ClaimsSummary, language: Language) -> Answer | None:
    """The verdicts in short."""
    if section.answer:
        return Answer(language.sentences(map(language.note, section.answer)))
    counts = Counter(claim.verdict for claim in section.claims)
    each = language.gettext(", ").join(
        language.gettext("{count} {verdict}", count=count, verdict=language.gettext(verdict))
        for verdict, count in counts.most_common()
    )
    statement = language.ngettext(
        "{count} claim was judged: {each}.",
        "{count} claims were judged: {each}.",
        len(section.claims),
        each=each,
    )
    return Answer(statement)
