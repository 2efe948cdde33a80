"""What is said to readers, in the language that a renderer is given.

A message is its English template, as ``str.format`` has it; the catalogue of another language, a
``.po`` file beside this one, gives the same template in that language. Facts come as notes, whose
codes have their templates in ``notes.py``.
"""

from __future__ import annotations

from functools import cache
from gettext import GNUTranslations, NullTranslations
from importlib.resources import files
from io import BytesIO
from string import Formatter
from typing import TYPE_CHECKING, Any

from evalskip.notes import Note
from evalskip.report.words.marks import N_, NN_, Template
from evalskip.report.words.notes import NOTES
from evalskip.report.words.quantities import QUANTITIES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["ENGLISH", "LANGUAGES", "NN_", "N_", "Language", "Template"]

LANGUAGES = ("en", "zh")


class Language:
    """A language, and the words that codes have in it.

    Args:
        code: one of ``LANGUAGES``.
        codes: templates of notes that a study adds to those of this package.
    """

    def __init__(self, code: str = "en", codes: Mapping[str, Template] | None = None) -> None:
        self.code = code
        self._codes = {**NOTES, **(codes or {})}
        self._catalogue = catalogue(code)

    def gettext(self, template: str, /, **values: Any) -> str:
        """A message, filled in; a note by its words, and a list one thing after another."""
        return self._filled(self._catalogue.gettext(template), values)

    def texts(self, *templates: str) -> tuple[str, ...]:
        """Messages that nothing is filled into, such as the heads of columns."""
        return tuple(map(self.gettext, templates))

    def ngettext(self, one: str, many: str, count: int, /, **values: Any) -> str:
        """A message of so many, of two that both may hold ``{count}``."""
        template = self._catalogue.ngettext(one, many, count)
        return self._filled(template, {"count": count, **values})

    def note(self, note: Note | str) -> str:
        """A note in words; a name as it is, and so a note of another version."""
        if isinstance(note, str):
            return note
        values = note.parameters
        try:
            if note.code in QUANTITIES:
                return QUANTITIES[note.code](values)
            template = self._codes.get(note.code)
            if template is None:
                if values.keys() - {"count"}:
                    return str(note)
                template = _from_code(note.code)
            if isinstance(template, tuple):
                # what is no whole number is said as several are
                number = 1 if values["count"] == 1 else 2
                return self._filled(self._catalogue.ngettext(*template, number), values)
            return self.gettext(template, **values)
        except (LookupError, AttributeError, ArithmeticError, TypeError, ValueError):
            return str(note)

    def join(self, things: Iterable[Any]) -> str:
        """Things one after another; empty if there are none."""
        text = ""
        for thing in things:
            other = str(self._value(thing))
            text = self.gettext("{one}, {other}", one=text, other=other) if text else other
        return text

    def sentence(self, text: str) -> str:
        """Clauses as a sentence, with a capital and a full stop; empty if there are none."""
        return self.gettext("{sentence}.", sentence=text[:1].upper() + text[1:]) if text else ""

    def sentences(self, sentences: Iterable[str]) -> str:
        """Sentences, one after another."""
        text = ""
        for other in filter(None, sentences):
            text = self.gettext("{one} {other}", one=text, other=other) if text else other
        return text

    def clauses(self, notes: Iterable[Note | str]) -> str:
        """Notes as the clauses of one sentence; empty if there are none."""
        return self.gettext("; ").join(map(self.note, notes))

    def _filled(self, template: str, values: Mapping[str, Any]) -> str:
        return _FORMATTER.vformat(template, (), {n: self._value(v) for n, v in values.items()})

    def _value(self, value: Any) -> Any:
        if isinstance(value, list):
            return self.join(value)
        return self.note(value) if isinstance(value, Note) else value


@cache
def catalogue(code: str) -> NullTranslations:
    """Templates by the English ones; English has no catalogue."""
    if code == "en":
        return NullTranslations()
    # read by Babel where it is needed, so that no compiled file has to be kept beside its source
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    compiled = BytesIO()
    with files(__name__).joinpath(f"{code}.po").open("rb") as source:
        write_mo(compiled, read_po(source, locale=code))
    compiled.seek(0)
    return GNUTranslations(compiled)


class _Formatter(Formatter):
    """As ``str.format``; ``{share:.1f%}`` is a fraction in per cent."""

    def format_field(self, value: Any, format_spec: str) -> Any:
        if format_spec.endswith(("f%", "g%")):
            return f"{100 * value:{format_spec[:-1]}}%"
        return super().format_field(value, format_spec)


_FORMATTER = _Formatter()


def _from_code(code: str) -> str:
    """What a code without words of its own says: ``every_n_steps`` is ``every {count:g} steps``."""
    return code.replace("_n_", " {count:g} ").replace("_", " ")


ENGLISH = Language()
