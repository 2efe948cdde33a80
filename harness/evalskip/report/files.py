"""What the files of a report are called, in each language."""

from __future__ import annotations

from pathlib import Path

from evalskip.messages import spoken


def own_name(name: str) -> str:
    """A file's name: ``report.md``, and ``report.zh.md`` in Chinese."""
    path = Path(name)
    return name if spoken() == "en" else f"{path.stem}.{spoken()}{path.suffix}"


def own_folder(folder: Path) -> Path:
    """A folder, and one in it for another language than English."""
    return folder if spoken() == "en" else folder / spoken()
