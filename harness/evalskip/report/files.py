"""What the files of a report are called, in each language."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evalskip.report.words import Language


def own_name(name: str, language: Language) -> str:
    """A file's name: ``report.md``, and ``report.zh.md`` in Chinese."""
    path = Path(name)
    return name if language.code == "en" else f"{path.stem}.{language.code}{path.suffix}"


def own_folder(folder: Path, language: Language) -> Path:
    """A folder, and one in it for another language than English."""
    return folder if language.code == "en" else folder / language.code


def base_of(source: Path, directory: Path) -> str:
    """The path of a result's directory as a report in another sees it; empty if it is the same."""
    relative = os.path.relpath(source, directory)
    return "" if relative == os.curdir else f"{relative}/"
