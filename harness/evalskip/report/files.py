"""What the files of a report are called, in each language."""

from __future__ import annotations

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
