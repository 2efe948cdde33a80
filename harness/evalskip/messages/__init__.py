"""What is said to readers of a report, in the language that is spoken.

A message is its English template, as ``str.format`` has it: ``say("{count} blocks", count=3)``. The
catalogue of another language, a YAML file beside this one, gives the same template in that
language; where it has none, English is said. English needs no catalogue.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML

from evalskip.messages.marks import message
from evalskip.messages.words import WORDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from evalskip.notes import Note

__all__ = [
    "LANGUAGES",
    "catalogue",
    "counted",
    "listed",
    "message",
    "say",
    "speaking",
    "spoken",
    "words",
]

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


def say(template: str, /, **known: Any) -> str:
    """A message, filled in; a note is said in its words, and a list one thing after another."""
    filled = {name: said(value) for name, value in known.items()}
    return catalogue(spoken()).get(template, template).format(**filled)


def said(value: Any) -> Any:
    """A note, or a list, in words; all else as it is."""
    if isinstance(value, list):
        return listed(value)
    return words(value) if hasattr(value, "code") else value


def words(note: Note | str) -> str:
    """A note in words; a name as it is, and so a note of another version."""
    if isinstance(note, str) or note.code not in WORDS:
        return str(note)
    template, known = WORDS[note.code], note.parameters
    try:
        if isinstance(template, tuple):
            template = template[known["count"] != 1]
        return say(template, **known)
    except (KeyError, TypeError, ValueError):
        return str(note)


def counted(one: str, many: str, count: int, /, **known: Any) -> str:
    """A message of so many, of two that both may hold ``{count}``."""
    return say(one if count == 1 else many, count=count, **known)


def listed(things: Iterable[Any]) -> str:
    """Things one after another; empty if there are none."""
    told = ""
    for thing in things:
        told = say("{one}, {other}", one=told, other=thing) if told else str(said(thing))
    return told


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """Templates by the English ones."""
    if language == "en":
        return {}
    text = files(__name__).joinpath(f"{language}.yaml").read_text(encoding="utf-8")
    found: dict[str, str] = YAML(typ="safe", pure=True).load(text)
    return found
