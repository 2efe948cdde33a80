"""The article's claims, one file each: what it says, its words, and how it is judged.

A claim's module has

- ``ID``, one word that names it, and ``PLACE``, where the article makes it;
- ``WORDS``, templates by the codes of its notes, which begin with ``ID``; ``ID.says`` is what is
  claimed;
- ``judge``, from a summary to the claim with its verdict; None where the summary has no say;
- ``IN_ANSWER``, by verdict the code of what belongs into a ledger's answer, if anything does.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evalskip.report.words import Template

CLAIMS: tuple[Any, ...] = tuple(
    sorted(
        (import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__)),
        key=lambda module: module.PLACE,
    )
)
"""In the order in which the article makes them."""

WORDS: dict[str, Template] = {
    code: template for claim in CLAIMS for code, template in claim.WORDS.items()
}
"""Of all claims."""
