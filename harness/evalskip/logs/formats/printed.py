"""What a Trainer prints: one dictionary per log entry, among progress bars and all else.

transformers 5 prints numbers as text of four digits. A dictionary may be spread over lines, stand
after a progress bar on its line, or have lost its beginning to one.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from evalskip.logs.clock import clock_seconds
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
_BAR = re.compile(r"\|\s*(\d{1,11})/(\d{1,11}) \[")
_FEW_BARS = 4
_FEWEST_LOSSES = 3


def matches(file: LogFile) -> bool:
    """Whether it is text; what it holds shows as it is read."""
    return not file.is_binary and not file.is_document


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
    blocks = _Blocks(builder)
    for entry in _dictionaries(blocks.passed(lines), bars):
        bars.gap += 1
        builder.add(entry)
    blocks.close()
    runs = builder.runs()
    if len(runs) == 1 and (found := bars.training):
        # a bar may be behind: that of a log which was not written to its end
        runs[0].steps_by_bar, runs[0].planned_steps = found
    return [
        run for run in runs if run.evaluations or run.parts or run.losses.count >= _FEWEST_LOSSES
    ]


class _Blocks:
    """What ``log_metrics`` prints after a training or an evaluation, a figure a line."""

    def __init__(self, builder: RunBuilder) -> None:
        self._builder = builder
        self._values: dict[str, float] | None = None

    def passed(self, lines: Iterable[str]) -> Iterator[str]:
        """The lines, with those of blocks taken out."""
        for line in lines:
            if "*****" in line and _TITLE.search(line):
                self.close()
                self._values = {}
            elif self._values is None:
                yield line
            elif match := _FIGURE.fullmatch(line):
                value = _block_number(match["value"])
                if value is not None:
                    self._values[match["name"]] = value
            elif line.strip():
                self.close()
                yield line

    def close(self) -> None:
        """Hand over what a block holds."""
        if self._values:
            self._builder.add(self._values, is_summary=True)
        self._values = None


def _block_number(text: str) -> float | None:
    """Seconds of ``0:00:01.53``, or a plain number."""
    if (seconds := clock_seconds(text)) is not None:
        return seconds
    try:
        return float(text)
    except ValueError:
        return None


_TITLE = re.compile(r"\*{5} \w+ metrics \*{5}")
_FIGURE = re.compile(r"\s+(?P<name>[\w/.@-]{1,60})\s+=\s+(?P<value>\S.{0,40}?)\s*")


class _Bars:
    """Progress bars between entries: that of training goes on, all others begin anew.

    Bars of one total are one; ``_seen`` has the gap between entries in which one was last seen,
    how far it was, and whether it went on from gap to gap and never back.
    """

    def __init__(self) -> None:
        self.gap = 0
        self._seen: dict[int, tuple[int, int, bool, bool]] = {}
        self._lines = (0, 0)
        self._last: dict[int, int] = {}
        self._line = ""

    def see(self, line: str) -> None:
        """Look at a line; of each gap the first few are enough, and the last."""
        gap, count = self._lines
        if gap != self.gap:
            self._note_last()
            count = 0
        self._lines = self.gap, count + 1
        self._line = line
        if count >= _FEW_BARS:
            return
        for done_text, total_text in _BAR.findall(line):
            done, total = int(done_text), int(total_text)
            last_gap, last, goes_on, goes_back = self._seen.get(total, (-1, 0, False, False))
            if last_gap == self.gap:
                continue
            goes_on |= last_gap >= 0 and done > last
            self._seen[total] = self.gap, done, goes_on, goes_back or done < last

    def _note_last(self) -> None:
        for done, total in _BAR.findall(self._line):
            self._last[int(total)] = int(done)

    @property
    def training(self) -> tuple[float, float] | None:
        """Steps done and planned of the training; None: no bar is sure to be of it."""
        self._note_last()
        totals = [
            total
            for total, (_, _, goes_on, goes_back) in self._seen.items()
            if goes_on and not goes_back
        ]
        if not totals:
            return None
        total = max(totals)
        return float(max(self._seen[total][1], self._last.get(total, 0))), float(total)


def _dictionaries(lines: Iterable[str], bars: _Bars) -> Iterator[dict[str, Any]]:
    """Names and numbers of one pair of braces after another."""
    values: dict[str, str] = {}
    is_open, unclosed = False, 0
    for line in lines:
        if _is_text(line):
            continue
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
                yield from whole
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


def _is_text(line: str) -> bool:
    """Whether it is a line of a JSON document whose text quotes a log."""
    return line.lstrip().startswith('"') and "{" in line


def _whole(line: str) -> list[dict[str, Any]] | None:
    """Dictionaries that are all of a line, as most are; None: the line is no such thing.

    What stands inside the text of a line of JSON is nobody's log.
    """
    text = line.strip().rstrip(",")
    if text.startswith("{'") and text.endswith("}"):
        text = text.replace("'", '"')
    elif not (text.startswith(('{"', "[{")) and text.endswith(("}", "]"))):
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return [each for each in (found if isinstance(found, list) else [found]) if type(each) is dict]


_LONGEST = 3
"""Lines without a pair after which a dictionary that was not closed is given up."""
