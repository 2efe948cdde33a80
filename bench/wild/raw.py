"""The figures of a folder of raw logs, as ``runs.csv`` has them, and why a file has none.

``make wild-raw LOGS=folder``. The logs are others' and are not in this repository; what they hold,
never what they are called, says how they are read.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

# as a script it is not in its package
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from wild import algoperf, community, mlperf, peft
from wild.figures import write_figures

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wild.figures import WildRun

READERS = (peft, algoperf, mlperf)
NEITHER = "other"
_HEAD = 1 << 20


@dataclass
class Tally:
    """What became of the files of one kind."""

    files: int = 0
    read: int = 0
    repeated: int = 0
    """Files of a run that another file has already given."""
    refused: Counter[str] = field(default_factory=Counter)
    """How many, by reason."""

    def line(self, kind: str) -> str:
        """Say it in one line."""
        reasons = "; ".join(f"{count} x {reason}" for reason, count in self.refused.most_common())
        repeated = f", of a run that is read already {self.repeated}" if self.repeated else ""
        why = f" ({reasons})" if reasons else ""
        counts = f"files {self.files}, read {self.read}{repeated}"
        return f"{kind}: {counts}, refused {self.refused.total()}{why}"


def figures_of(path: Path) -> tuple[str, list[WildRun]]:
    """Read a file: its kind, and its runs.

    Raises:
        Refused: it is of no known kind, or damaged.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD).decode("utf-8", "replace")
        for reader in READERS:
            if reader.matches(head, path):
                return reader.KIND, [_read(reader.KIND, path)]
        if "\0" in head:
            raise Refused(NEITHER, "binary")
        try:
            runs = community.community(path)
        except ValueError as error:
            raise Refused(community.KIND, str(error)) from None
        if runs:
            return community.KIND, runs
    except OSError as error:
        raise Refused(NEITHER, f"cannot be read: {error.strerror}") from None
    raise Refused(NEITHER, "no known kind of log" if head else "empty")


class Refused(ValueError):
    """A file has no figures, for one reason."""

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind


def _read(kind: str, path: Path) -> WildRun:
    reader = next(reader for reader in READERS if kind == reader.KIND)
    try:
        return reader.read(path)
    except ValueError as error:
        raise Refused(kind, str(error)) from None


def read_folder(folder: Path) -> tuple[list[WildRun], dict[str, Tally]]:
    """Read every file of a folder and of those in it: the runs, and what became of the files."""
    runs: dict[tuple[str, str], WildRun] = {}
    tallies: dict[str, Tally] = defaultdict(Tally)
    for path in _files(folder):
        try:
            kind, found = figures_of(path)
        except Refused as refusal:
            tallies[refusal.kind].files += 1
            tallies[refusal.kind].refused[str(refusal)] += 1
            continue
        tallies[kind].files += 1
        inside = f"{folder.as_posix().rstrip('/')}/"
        own = [
            replace(run, path_or_system=run.path_or_system.removeprefix(inside)) for run in found
        ]
        # a log may hold several runs; only another file repeats one
        fresh = [run for run in own if (run.source, run.path_or_system) not in runs]
        tallies[kind].read += bool(fresh)
        tallies[kind].repeated += not fresh
        for number, run in enumerate(fresh):
            name = run.path_or_system if number == 0 else f"{run.path_or_system}#{number + 1}"
            runs[run.source, name] = run
    return list(runs.values()), dict(tallies)


def _files(folder: Path) -> Iterator[Path]:
    # a pipe or a device would be waited for
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def main() -> None:
    """Read a folder, write its figures, and say what became of its files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, default=Path("runs.csv"))
    arguments = parser.parse_args()
    if not arguments.folder.is_dir():
        parser.error(f"{arguments.folder}: no such folder")
    runs, tallies = read_folder(arguments.folder)
    write_figures(runs, arguments.out)
    for kind in sorted(tallies):
        print(tallies[kind].line(kind))
    print(f"{len(runs)} runs in {arguments.out}")


if __name__ == "__main__":
    main()
