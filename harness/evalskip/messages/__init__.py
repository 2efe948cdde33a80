"""What is said to readers of a report, in the language that is spoken.

A message is its English template, as ``str.format`` has it: ``say("{count} blocks", count=3)``. The
catalogue of another language, a YAML file beside this one, gives the same template in that
language; where it has none, English is said. English needs no catalogue. Of its two sections,
``stored`` holds what is said when something is measured, and then kept in English.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from string import Formatter
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

LANGUAGES = ("en", "zh")

_spoken: ContextVar[str] = ContextVar("spoken", default="en")


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Have everything said in one of ``LANGUAGES``."""
    before = _spoken.set(language)
    try:
        yield
    finally:
        _spoken.reset(before)


def spoken() -> str:
    """The language, of ``LANGUAGES``."""
    return _spoken.get()


def message(template: str) -> str:
    """The template as it is: marks what is to be said later, by ``say`` of a name."""
    return template


def say(template: str, /, **known: Any) -> str:
    """A message, filled in."""
    return catalogue(spoken()).get(template, template).format(**known)


def counted(one: str, many: str, count: int, /, **known: Any) -> str:
    """A message of so many, of two that both may hold ``{count}``."""
    return say(one if count == 1 else many, count=count, **known)


def listed(things: Iterable[str]) -> str:
    """Things one after another; empty if there are none."""
    told = ""
    for thing in things:
        told = say("{one}, {other}", one=told, other=thing) if told else thing
    return told


def retold(text: str) -> str:
    """A text that was said in English and stored, in the language that is spoken.

    It is as it was where no message makes it. What it was filled in with may be such a text too,
    unless it is a single word: that may be a name.
    """
    for known in _stored(spoken()):
        if found := known.pattern.fullmatch(text):
            values = found.groupdict().items()
            return known.filled({n: retold(v) if " " in v else v for n, v in values})
    return text


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """Templates by the English ones."""
    sections = section_by_section(language)
    return {english: said for section in sections.values() for english, said in section.items()}


@cache
def section_by_section(language: str) -> Mapping[str, Mapping[str, str]]:
    """The catalogue, as its file has it."""
    if language == "en":
        return {"said": {}, "stored": {}}
    text = files(__name__).joinpath(f"{language}.yaml").read_text(encoding="utf-8")
    found: dict[str, dict[str, str]] = YAML(typ="safe", pure=True).load(text)
    return found


@dataclass(frozen=True)
class _Known:
    pattern: re.Pattern[str]
    template: str

    def filled(self, values: Mapping[str, str]) -> str:
        """The template with values that are text already, whatever its format would have."""
        parts = Formatter().parse(self.template)
        return "".join(text + (values[name] if name else "") for text, name, _, _ in parts)


@cache
def _stored(language: str) -> list[_Known]:
    """What a stored text can be known again by, those that say most first."""
    found = []
    for english, template in section_by_section(language)["stored"].items():
        parts = list(Formatter().parse(english))
        pattern = "".join(
            re.escape(text) + (f"(?P<{name}>.+?)" if name else "") for text, name, _, _ in parts
        )
        said = sum(len(text) for text, *_ in parts)
        found.append((said, _Known(re.compile(pattern, re.DOTALL), template)))
    return [known for _, known in sorted(found, key=lambda pair: -pair[0])]
