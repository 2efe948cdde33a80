"""What a Trainer prints: one dictionary per log entry, among progress bars and all else.

transformers 5 prints numbers as text of four digits. A dictionary may be spread over lines, stand
after a progress bar on its line, or have lost its beginning to one.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from evalskip.logs.entries import RunBuilder
from evalskip.logs.finished import FinishedRun, Source

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from evalskip.logs.files import LogFile

FORMAT, PLACE = "printed log", 90

_PAIR = re.compile(
    r"""(?P<brace>[{}])|(?P<quote>['"])(?P<name>[\w/. @()-]{1,80})(?P=quote)\s*:\s*"""
    r"""(?:[a-z][\w.]{0,30}\()?['"]?(?P<value>[-+]?(?:\d[\d.]*(?:[eE][-+]?\d+)?|nan|inf|NaN|Infinity))"""
)
_BAR = re.compile(r"\|\s*(\d+)/(\d+) \[")
_FEW_BARS = 64
_FEWEST_LOSSES = 3


def matches(file: LogFile) -> bool:
    """Whether it is text; what it holds shows as it is read."""
    return not file.is_binary and not file.begins_document


def read(file: LogFile) -> list[FinishedRun]:
    """The runs that it shows, if any."""
    return runs_of(file.lines(), Source(file.path, FORMAT))


def runs_of(lines: Iterable[str], source: Source) -> list[FinishedRun]:
    """Runs from what was printed, line by line.

    Args:
        lines: of a text.
        source: that they are of.
    """
    builder = RunBuilder(source)
    bars = _Bars()
    for entry in _dictionaries(lines, bars):
        builder.add(entry)
    runs = builder.runs()
    if len(runs) == 1:
        runs[0].planned_steps = runs[0].planned_steps or bars.total
    return [
        run for run in runs if run.evaluations or run.parts or run.losses.count >= _FEWEST_LOSSES
    ]


class _Bars:
    """The longest progress bar, which is that of training."""

    def __init__(self) -> None:
        self.total: float | None = None
        self._seen = 0

    def see(self, line: str) -> None:
        if self._seen >= _FEW_BARS:
            return
        self._seen += 1
        for _, total in _BAR.findall(line):
            if len(total) < 12:
                self.total = max(self.total or 0.0, float(total))


def _dictionaries(lines: Iterable[str], bars: _Bars) -> Iterator[dict[str, Any]]:
    """Names and numbers of one pair of braces after another."""
    values: dict[str, str] = {}
    is_open, unclosed = False, 0
    for line in lines:
        if "':" not in line and '":' not in line:
            if "%|" in line:
                bars.see(line)
            elif "}" in line and is_open:
                yield values
                values, is_open = {}, False
            elif line.rstrip().endswith("{"):
                values, is_open = {}, True
            elif is_open and line.strip():
                unclosed += 1
            if unclosed > _LONGEST:
                values, is_open, unclosed = {}, False, 0
            continue
        unclosed = 0
        if not is_open:
            whole = _whole(line)
            if whole is not None:
                yield whole
                continue
            values = {}
        for match in _PAIR.finditer(line):
            brace = match["brace"]
            if brace == "{":
                if values and is_open:  # the one before was cut off
                    yield values
                values, is_open = {}, True
            elif brace == "}":
                if values:
                    yield values
                values, is_open = {}, False
            else:
                values[match["name"]] = match["value"]
    # what is cut off in its middle says nothing that is sure


def _whole(line: str) -> dict[str, Any] | None:
    """A dictionary that is all of its line, which most are; None: it is none, or not so plain."""
    if not (line.startswith("{'") and line.rstrip().endswith("}")):
        return None
    try:
        return dict(json.loads(line.replace("'", '"')))
    except (ValueError, TypeError, RecursionError):
        return None


_LONGEST = 3
"""Lines without a pair after which a dictionary that was not closed is given up."""
