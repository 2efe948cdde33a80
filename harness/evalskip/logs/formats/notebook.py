"""What a Trainer printed in a Jupyter notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalskip.logs.finished import FinishedRun, Source
from evalskip.logs.formats.printed import runs_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalskip.logs.files import LogFile

FORMAT, PLACE = "notebook", 50


def matches(file: LogFile) -> bool:
    """Whether it is a JSON object with cells."""
    return (
        file.begins_document
        and file.mentions(b'"cells"')
        and isinstance(file.document.get("cells"), list)
    )


def read(file: LogFile) -> list[FinishedRun]:
    """The runs that its outputs show, cell by cell."""
    return runs_of(_lines(file.document["cells"]), Source(file.path, FORMAT))


def _lines(cells: list[Any]) -> Iterator[str]:
    for cell in cells:
        outputs = cell.get("outputs") if isinstance(cell, dict) else None
        for output in outputs if isinstance(outputs, list) else []:
            if not isinstance(output, dict):
                continue
            data = output.get("data")
            for text in (
                output.get("text"),
                data.get("text/plain") if isinstance(data, dict) else None,
            ):
                whole = "".join(map(str, text)) if isinstance(text, list) else text
                if isinstance(whole, str):
                    yield from whole.replace("\r", "\n").split("\n")
                    yield ""
