"""What a Trainer printed in a Jupyter notebook."""

from __future__ import annotations

import re
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
        and isinstance(file.object.get("cells"), list)
    )


def read(file: LogFile) -> list[FinishedRun]:
    """The runs that its outputs show, cell by cell."""
    return runs_of(_lines(file.object["cells"]), Source(file.path, FORMAT))


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
            yield from _tables(data.get("text/html") if isinstance(data, dict) else None)


def _tables(html: object) -> Iterator[str]:
    """The table that a Trainer shows in a notebook, as entries: it has losses, and no times."""
    text = "".join(map(str, html)) if isinstance(html, list) else html
    if not isinstance(text, str) or "Training Loss" not in text:
        return
    heads = _HEAD.findall(text)
    for row in text.split("<tr")[1:]:
        cells = dict(zip(heads, _CELL.findall(row), strict=False))
        entry = {
            _NAMES.get(name) or "eval_" + name.lower().replace(" ", "_"): value
            for name, value in cells.items()
        }
        if entry:
            yield repr(entry)


_HEAD = re.compile(r"<th[^>]*>([\w .@/-]{1,60})</th>")
_CELL = re.compile(r"<td[^>]*>([^<]{1,40})</td>")
_NAMES = {
    "Step": "step",
    "Epoch": "epoch",
    "Training Loss": "loss",
    "Validation Loss": "eval_loss",
    "Runtime": "eval_runtime",
    "Samples Per Second": "eval_samples_per_second",
    "Steps Per Second": "eval_steps_per_second",
}
"""As ``NotebookTrainingTracker`` of transformers heads its columns."""
