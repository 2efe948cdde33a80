"""What several commands take, and how what is given is read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from evalskip.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

_Parsed = TypeVar("_Parsed")

DEFAULT_SPEC = Path("bench/quick.yaml")

SpecArgument = Annotated[
    Path,
    typer.Argument(
        help="A spec in YAML, or a LLaMA-Factory configuration as it is.", show_default=True
    ),
]
OutOption = Annotated[
    Path | None,
    typer.Option("--out", help="Result directory. [default: in results/, by SPEC's name]"),
]


SettingsOption = Annotated[
    list[str] | None, typer.Option("--set", help="Set a field: job.epochs=3. Repeatable.")
]
PythonOption = Annotated[
    str | None, typer.Option(help="The Python that has LLaMA-Factory, for such a job.")
]


def parsed(option: str, parse: Callable[[str], _Parsed], text: str) -> _Parsed:
    """What an option says.

    Raises:
        InputError: it cannot be read.
    """
    try:
        return parse(text)
    except ValueError as error:
        raise InputError(f"{option}: {error}") from None


def names(text: str | None) -> list[str]:
    """What an option lists, with commas between."""
    return [name.strip() for name in text.split(",")] if text is not None else []
