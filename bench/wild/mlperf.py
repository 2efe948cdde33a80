"""MLPerf Training's logs: evaluations on the clock, between the start and the stop of a run.

A log is read piece by piece, and only four kinds of events are kept, so that its size does not
matter.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wild.figures import run_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from wild.figures import WildRun

KIND = "MLPerf"
MARK = ":::MLLOG"
_MARK = MARK.encode()
_BENCHMARK = "submission_benchmark"
_EVENTS = frozenset({"run_start", "run_stop", "eval_start", "eval_stop"})
_WANTED = tuple(f'"{key}"'.encode() for key in (*_EVENTS, _BENCHMARK))
_POSITION = ("epoch_num", "samples_count", "step_num")
"""By any of these an evaluation is known."""
_ROUND = re.compile(r"(?:\A|/)(?:training_results_)?v(\d+\.\d+)(?=[/-])")
_PIECE, _LONGEST, _MOST_EVENTS = 1 << 20, 1 << 16, 1_000_000
_LATEST_MS = 1e14
"""In the year 5138; a later time is a damaged number."""
_MOST_AT_ONCE = 1_000
_SAME_START_MS = 1_000
"""Processes of one run that all log its start do so within this time."""


@dataclass(frozen=True)
class Event:
    """One of the four, when it was, where its evaluation was, and how its run ended."""

    time_ms: float
    key: str
    position: tuple[str, ...]
    status: str


@dataclass
class Run:
    """What happened since a run started; without ``stop_ms`` it never ended."""

    start_ms: float
    stop_ms: float = 0.0
    status: str = ""
    evaluations: list[tuple[float, float]] = field(default_factory=list)
    """When each began and ended."""
    begun: list[Event] = field(default_factory=list)
    """Evaluations that have not ended."""


def matches(text_head: str, path: Path) -> bool:
    """Whether a file has entries of MLPerf's logger; they may begin far down."""
    if MARK in text_head:
        return True
    if "\0" in text_head or path.stat().st_size <= len(text_head):
        return False
    return any(True for _ in _entries(path))


def read(path: Path) -> WildRun:
    """Read the last run of a log that ended well; if none did, the last that ended.

    Raises:
        ValueError: no run ended, it has no evaluation on its clock, or the log is damaged.
    """
    benchmark, events = "", []
    for number, text in enumerate(_entries(path), start=1):
        if not any(key in text for key in _WANTED):
            continue
        entry = _parsed(text, number)
        if entry.get("key") == _BENCHMARK:
            benchmark = str(entry.get("value"))
        elif entry.get("key") in _EVENTS:
            events.append(_event(entry, number))
        if len(events) > _MOST_EVENTS:
            raise ValueError("it has more evaluations than any run")
    # several processes that write into one file do not write in order
    events.sort(key=lambda event: event.time_ms)
    if not any(event.key == "run_start" for event in events):
        raise ValueError("no run starts in it (run_start)")
    runs = _runs(events)
    if not runs:
        raise ValueError("the run has no end (run_stop): the log is cut off")
    run = next((run for run in reversed(runs) if run.status == "success"), runs[-1])
    version = _ROUND.findall(path.as_posix())
    return run_of(
        source=f"MLPerf Training v{version[-1]}" if version else "MLPerf Training",
        path=path.as_posix(),
        task=benchmark or path.parent.name,
        total_s=(run.stop_ms - run.start_ms) / 1000,
        evals=len(run.evaluations),
        eval_s=_covered_ms(run.evaluations) / 1000,
        flag=run.status,
    )


def _entries(path: Path) -> Iterator[bytes]:
    """What follows each mark, up to the end of its line or the next mark."""
    rest = b""
    with path.open("rb") as file:
        while True:
            piece = file.read(_PIECE)
            rest += piece
            at = rest.find(_MARK)
            while at >= 0:
                begin = at + len(_MARK)
                ends = [
                    end for end in (rest.find(b"\n", begin), rest.find(_MARK, begin)) if end > 0
                ]
                if not ends and piece and len(rest) - begin < _LONGEST:
                    break
                end = min(ends, default=len(rest))
                yield rest[begin : min(end, begin + _LONGEST)]
                rest = rest[end:] if not ends else rest
                at = rest.find(_MARK, end) if ends else -1
            if not piece:
                return
            rest = rest[at:] if at >= 0 else rest[1 - len(_MARK) :]


def _parsed(text: bytes, number: int) -> dict[str, Any]:
    try:
        # another process may write behind an entry, on the same line
        entry, _ = json.JSONDecoder().raw_decode(text.decode("utf-8", "replace").lstrip())
    except (ValueError, RecursionError):
        raise ValueError(f"entry {number} of the log is damaged") from None
    return entry if isinstance(entry, dict) else {}


def _event(entry: dict[str, Any], number: int) -> Event:
    time_ms: Any = entry.get("time_ms")
    is_number = isinstance(time_ms, int | float) and not isinstance(time_ms, bool)
    if not is_number or not 0 <= time_ms <= _LATEST_MS:
        raise ValueError(f"entry {number} of the log has no time (time_ms)")
    metadata = entry.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    position = tuple(f"{name}={metadata[name]}" for name in _POSITION if name in metadata)
    return Event(float(time_ms), str(entry["key"]), position, str(metadata.get("status", "")))


def _runs(events: list[Event]) -> list[Run]:
    """Those that ended, of events in the order of time."""
    ended: list[Run] = []
    run: Run | None = None
    for event in events:
        if event.key == "run_start":
            if not run or event.time_ms - run.start_ms > _SAME_START_MS:
                # one that was under way has been aborted
                run = Run(event.time_ms)
        elif run is None:
            # outside any run, so on no clock
            continue
        elif event.key == "run_stop":
            _end(run, event)
            ended.append(run)
            run = None
        elif event.key == "eval_start":
            if not event.position or all(event.position != each.position for each in run.begun):
                run.begun.append(event)
            if len(run.begun) > _MOST_AT_ONCE:
                raise ValueError("its evaluations have no end (eval_stop)")
        elif run.begun:
            same = (each for each in run.begun if each.position == event.position)
            begun = next(same, run.begun[0])
            run.begun.remove(begun)
            run.evaluations.append((begun.time_ms, event.time_ms))
    return ended


def _end(run: Run, event: Event) -> None:
    """End a run, and the evaluation that it ended within, if any."""
    run.stop_ms, run.status = event.time_ms, event.status
    latest = max((begin for begin, _ in run.evaluations), default=0.0)
    for begun in run.begun:
        if begun.time_ms < latest:
            raise ValueError("an evaluation has no end (eval_stop), and another one followed it")
        run.evaluations.append((begun.time_ms, event.time_ms))


def _covered_ms(evaluations: list[tuple[float, float]]) -> float:
    """The time within any of them; what two share counts once."""
    covered, until = 0.0, 0.0
    for begin, end in sorted(evaluations):
        covered += max(0.0, end - max(begin, until))
        until = max(until, end)
    return covered
