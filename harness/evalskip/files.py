"""Files that survive a crash: read by a model, appended to line by line, replaced as a whole."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ValidationError

from evalskip.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_Read = TypeVar("_Read", bound=BaseModel)


def is_file(path: Path) -> bool:
    """Whether there is such a file that may be looked at."""
    try:
        return path.is_file()
    except OSError:  # a name that is too long, a folder that may not be looked into
        return False


def read_json(
    path: Path, model: type[_Read], expected: str, if_missing: str | None = None
) -> _Read:
    """Read a JSON file that a model describes.

    Args:
        path: of the file.
        model: of what it holds.
        expected: names that, for people.
        if_missing: the same where there is no file.

    Raises:
        InputError: it is missing, cannot be read, or holds other things.
    """
    try:
        return model.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        expectation = if_missing or expected
        raise InputError(f"{path}: no such file; expected {expectation}") from None
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(place) for place in first["loc"]) or "the file"
        raise InputError(
            f"{path}: {field}: expected {expected}: {first['msg'].removeprefix('Value error, ')}"
        ) from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None


def append_line(path: Path, line: str, *, synced: bool = True) -> None:
    """Add a line to a file; when this returns, it is on disk, or with the system."""
    with _named(path), path.open("ab") as file:
        file.write(f"{line}\n".encode())
        file.flush()
        if synced:
            os.fsync(file.fileno())


def write_atomically(path: Path, text: str, *, synced: bool = True) -> None:
    """Replace a file as a whole: readers see the old text or the new, never a part."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with _named(temporary), temporary.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        if synced:
            os.fsync(file.fileno())
    temporary.replace(path)


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Name the file in an error of writing, which unlike one of opening has no name."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or str(path)
        raise
