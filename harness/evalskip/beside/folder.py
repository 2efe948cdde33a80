"""The folder in which trainer and worker meet; every change of it is one renaming.

=============================== ==============================================
place                           meaning
=============================== ==============================================
``job.json``                    what the trainer wants of the worker
``waiting/STEP``                a snapshot that nobody evaluates yet
``taken/STEP``                  one that the worker evaluates
``results/STEP.json``           what it came to
``worker.log``                  what the worker prints
=============================== ==============================================
"""

from __future__ import annotations

import json
import shutil
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Container
    from pathlib import Path

_MARK = "evalskip-beside"
"""Of a folder that is ours to remove."""


@dataclass(frozen=True)
class Place:
    """Where in a training a snapshot was taken."""

    step: int
    epoch: float | None


@dataclass(frozen=True)
class Result:
    """What one evaluation came to; times are of ``time.time``."""

    step: int
    epoch: float | None
    metrics: dict[str, float]
    began: float
    ended: float
    peak_bytes: int
    """Of the worker's memory so far: of its device, on a CPU of its process."""


class SnapshotFolder:
    """The folder of one training.

    Args:
        path: of the folder; it may be missing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.log = path / "worker.log"
        self._job = path / "job.json"
        self._waiting, self._taken = path / "waiting", path / "taken"
        self._results = path / "results"

    def make(self, job: dict[str, Any]) -> None:
        """Make it anew, with what the worker is to know.

        Raises:
            FileExistsError: something that is not ours is in its place.
        """
        if self.path.exists() and not (self.path / _MARK).exists() and any(self.path.iterdir()):
            raise FileExistsError(f"{self.path}: expected no folder, or an empty one")
        self.remove()
        for each in (self._waiting, self._taken, self._results):
            each.mkdir(parents=True)
        (self.path / _MARK).touch()
        write_whole(self._job, job)

    def remove(self) -> None:
        """Remove it and all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)

    def job(self) -> dict[str, Any]:
        """What the worker is to know."""
        told: dict[str, Any] = json.loads(self._job.read_text())
        return told

    def put(self, place: Place, write: Callable[[Path], None], *, newest: bool) -> list[int]:
        """Add a snapshot; the steps of those that gave way to it.

        Args:
            place: of the snapshot.
            write: writes the weights into a file.
            newest: whether those that still wait go.
        """
        part = self.path / f"part-{place.step}"
        try:
            part.mkdir()
            write(part / "weights.safetensors")
            write_whole(part / "place.json", asdict(place))
            gone = [step for step in self.waiting() if newest and self._drop(step)]
            part.rename(self._waiting / str(place.step))
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
        return gone

    def waiting(self) -> list[int]:
        """Steps of the snapshots that nobody evaluates yet, in order."""
        return _steps(self._waiting)

    def taken(self) -> list[int]:
        """Steps of those that are being evaluated."""
        return _steps(self._taken)

    def take(self) -> tuple[Place, Path] | None:
        """The first snapshot that waits, and its weights; None: none does."""
        for step in self.waiting():
            mine = self._taken / str(step)
            with suppress(FileNotFoundError):  # it gave way just now
                (self._waiting / str(step)).rename(mine)
                place = Place(**json.loads((mine / "place.json").read_text()))
                return place, mine / "weights.safetensors"
        return None

    def tell(self, result: Result) -> None:
        """Say what an evaluation came to; its snapshot goes."""
        write_whole(self._results / f"{result.step}.json", asdict(result))
        shutil.rmtree(self._taken / str(result.step), ignore_errors=True)

    def collect(self) -> list[Result]:
        """The results that have come, by step; each comes once."""
        found = []
        for step in _steps(self._results):
            place = self._results / f"{step}.json"
            found.append(Result(**json.loads(place.read_text())))
            place.unlink()
        return found

    def give_back(self, wanted: Container[int]) -> None:
        """What a worker that is gone had taken, waits again where its result is still wanted."""
        for step in self.taken():
            mine = self._taken / str(step)
            if step in wanted:
                mine.rename(self._waiting / str(step))
            else:
                shutil.rmtree(mine, ignore_errors=True)

    def _drop(self, step: int) -> bool:
        """Whether a snapshot that waits could be removed before it was taken."""
        gone = self.path / f"part-dropped-{step}"
        try:
            (self._waiting / str(step)).rename(gone)
        except FileNotFoundError:
            return False
        shutil.rmtree(gone, ignore_errors=True)
        return True


def _steps(folder: Path) -> list[int]:
    with suppress(FileNotFoundError):
        names = [entry.name.partition(".") for entry in folder.iterdir()]
        return sorted(int(name) for name, _, kind in names if kind != "part")
    return []


def write_whole(path: Path, told: dict[str, Any]) -> None:
    """Whoever reads it sees all of it, or nothing."""
    part = path.with_suffix(".part")
    part.write_text(json.dumps(told))
    part.replace(path)
