"""A result directory: made, guarded, and taken up again."""

from __future__ import annotations

import json
import os
import shutil
from contextlib import ExitStack, contextmanager
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import BaseFileLock, FileLock, Timeout
from pydantic import BaseModel, Field
from ruamel.yaml import YAML

from evalskip.errors import InputError
from evalskip.files import read_json, write_atomically
from evalskip.machine.fingerprint import Machine, fingerprint
from evalskip.records import RecordStore
from evalskip.slices import Slice

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from evalskip.spec import Spec

_OURS = "spec.yaml"


class Environment(BaseModel):
    """What ``environment.json`` holds: what results were begun on and with; None: not known yet."""

    experiment: str | None = Field(default=None, description="digest of the spec")
    machine: Machine | None = Field(default=None, description="its fingerprint")
    software: dict[str, str] | None = Field(default=None, description="versions by name")
    parameters: int | None = Field(default=None, description="of the model")
    device: dict[str, Any] = Field(default={}, description="as a run saw it")
    sliced: Slice | None = Field(default=None, description="so much of the job is run")
    run_time_s: float | None = Field(
        default=None, gt=0, description="limit of a run; with it, ``sliced`` is decided"
    )
    memory_limit: int | None = Field(default=None, gt=0, description="bytes, of trials")


class ResultDirectory:
    """Where one experiment's results lie; see ``open_results``."""

    def __init__(self, path: Path, name: str) -> None:
        self.path = path
        self.name = name
        self.store = RecordStore(path)
        self.logs = path / "logs"

    @property
    def environment(self) -> Environment:
        """What ``environment.json`` holds; empty where there is none.

        Raises:
            InputError: it holds other things.
        """
        place = self.path / "environment.json"
        if not place.exists():
            return Environment()
        return read_json(place, Environment, "what results were made on")

    def check_software(self, software: dict[str, str]) -> None:
        """See that runs to come use what runs before them did.

        Raises:
            InputError: a version differs.
        """
        for name, version in (self.environment.software or software).items():
            if software.get(name) != version:
                raise InputError(
                    f"{self.path}: begun with {name} {version}, now {software.get(name)}; expected "
                    "the same, or another --out"
                )

    def note_environment(self, **parts: Any) -> None:
        """Add parts to ``environment.json``; what is known already stays."""
        fields = self.environment.model_dump(mode="json", exclude_unset=True)
        if parts.keys() - fields.keys():
            text = json.dumps({**parts, **fields}, indent=2) + "\n"
            write_atomically(self.path / "environment.json", text)


@contextmanager
def open_results(path: Path, spec: Spec, *, resume: bool) -> Iterator[ResultDirectory]:
    """Make the directory, or take it up again, and keep others out while it is in use.

    Without ``resume``, a directory with results is moved aside to ``PATH.1``, ``PATH.2``, ...
    Where the input turns out to be wrong before anything was measured, nothing is left behind.

    Raises:
        InputError: it cannot be written to, is in use, holds other things than results, or (to
            resume) belongs to another spec or another model of machine.
    """
    try:
        with ExitStack() as exit_stack:
            yield _opened(path, spec, resume=resume, exit_stack=exit_stack)
    except OSError as error:
        _see_ours(error, path)
        raise InputError(f"--out {path}: cannot be written to: {error.strerror}") from error


@contextmanager
def fresh_directory(path: Path) -> Iterator[None]:
    """A directory for results that no spec makes; what holds results already is moved aside.

    Raises:
        InputError: it cannot be written to, is in use, or holds other things than results.
    """
    try:
        with ExitStack() as exit_stack:
            _make_fresh(path, exit_stack)
            yield
    except OSError as error:
        _see_ours(error, path)
        raise InputError(f"--out {path}: cannot be written to: {error.strerror}") from error


def _see_ours(error: OSError, path: Path) -> None:
    """Raise an error again that is of no file under the directory or of none above it."""
    if not isinstance(error.filename, str | os.PathLike):
        raise error
    place, directory = Path(error.filename).absolute(), path.absolute()
    if not (place.is_relative_to(directory) or directory.is_relative_to(place)):
        raise error


def _opened(path: Path, spec: Spec, *, resume: bool, exit_stack: ExitStack) -> ResultDirectory:
    results = ResultDirectory(path, path.resolve().name)
    if resume and (path / _OURS).is_file():
        exit_stack.enter_context(_lock(path))
        _check_same(results, spec)
        results.store.mend()
    else:
        _make_fresh(path, exit_stack)
        results.note_environment(experiment=spec.digest(), machine=fingerprint().model_dump())
        # the last, since with it the directory holds results
        write_atomically(path / _OURS, _as_yaml(spec))
    results.logs.mkdir(exist_ok=True)
    return results


def _make_fresh(path: Path, exit_stack: ExitStack) -> None:
    """Make the directory, empty and locked; results that lie there are moved aside."""
    holds_results = any((path / name).is_file() for name in (_OURS, "summary.json"))
    if path.exists() and not path.is_dir():
        raise InputError(f"{path}: expected a directory, found a file")
    if path.is_dir() and not holds_results and any(map(_is_foreign, path.iterdir())):
        raise InputError(f"{path}: holds other files; expected results, or an empty directory")
    is_new = not path.exists()
    path.mkdir(parents=True, exist_ok=True)
    exit_stack.enter_context(_lock(path))
    backup = None
    if holds_results:
        backup = _free_name(path)
        path.rename(backup)
        path.mkdir()
        exit_stack.enter_context(_lock(path))
    exit_stack.push(_undo(path, backup, is_new=is_new))


def _is_foreign(path: Path) -> bool:
    """Whether a file is none that a start of ours, cut off, may have left."""
    return not path.name.startswith(".") and path.name != "environment.json"


def _undo(path: Path, backup: Path | None, *, is_new: bool) -> Callable[..., None]:
    """Takes a new directory away again if the input is found wrong before a run is recorded."""

    def undo(kind: type[BaseException] | None, *_: object) -> None:
        if kind is None or not issubclass(kind, InputError) or (path / "runs.jsonl").exists():
            return
        shutil.rmtree(path)
        if backup is not None:
            backup.rename(path)
        elif not is_new:
            path.mkdir()

    return undo


def _lock(path: Path) -> BaseFileLock:
    """A lock on the directory, taken; it goes with the process that holds it."""
    lock = FileLock(path / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise InputError(f"{path}: in use by another evalskip") from None
    return lock


def _check_same(results: ResultDirectory, spec: Spec) -> None:
    environment = results.environment
    if environment.experiment != spec.digest():
        raise InputError(
            f"{results.path}: belongs to another spec; expected the one in {_OURS} there, or "
            "another --out"
        )
    here, there = fingerprint(), environment.machine
    if there is None:
        raise InputError(f"{results.path}: environment.json: machine: missing; expected it")
    if field := there.differing(here):
        raise InputError(
            f"{results.path}: begun on another model of machine: {field}: expected "
            f"{getattr(there, field)}, got {getattr(here, field)}"
        )


def _free_name(path: Path) -> Path:
    number = 1
    while (free := path.with_name(f"{path.name}.{number}")).exists():
        number += 1
    return free


def _as_yaml(spec: Spec) -> str:
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    text = StringIO()
    yaml.dump(spec.resolved(), text)
    return text.getvalue()
