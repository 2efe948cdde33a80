"""The article's claims, one file each: what it says, its words, and how it is judged.

A claim's module has

- ``ID``, one word that names it, and ``PLACE``, where the article makes it;
- ``WORDS``, templates by the codes of its notes, which begin with ``ID``; ``ID.says`` is what is
  claimed;
- ``judge``, from a summary to the claim with its verdict; None where the summary has no say;
- ``IN_ANSWER``, by verdict the code of what belongs into a ledger's answer, if anything does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalskip.registry import modules

if TYPE_CHECKING:
    from evalskip.report.words import Template

CLAIMS: tuple[Any, ...] = tuple(
    sorted(modules(__name__, __path__), key=lambda module: module.PLACE)
)
"""In the order in which the article makes them."""

WORDS: dict[str, Template] = {
    code: template for claim in CLAIMS for code, template in claim.WORDS.items()
}
"""Of all claims."""
