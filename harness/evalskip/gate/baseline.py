"""The sessions that today is compared with, and the experiment that they were of."""

from __future__ import annotations

import hashlib
import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from filelock import FileLock
from pydantic import BaseModel, ConfigDict

from evalskip.errors import InputError
from evalskip.files import read_json, write_atomically
from evalskip.gate.figures import Figure
from evalskip.machine.fingerprint import Machine
from evalskip.notes import Note

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from evalskip.summary import BenchSummary, Made, Scope


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ArmWork(_Part):
    """What an arm did: ratios of other work are other ratios."""

    schedule: Note
    settings: list[str]
    evaluation_samples: int | None
    evaluation_load: float | None
    """None, as the tokens are: the job was extrapolated, and they are told from a slice."""
    train_tokens: int | None


class Experiment(_Part):
    """What must be equal for two sessions to be compared."""

    job: str | Note
    model: str
    parameters: int
    device: str
    extrapolated: bool
    arms: dict[str, ArmWork]

    @classmethod
    def from_result(cls, scope: Scope, bench: BenchSummary | None) -> Experiment:
        """The experiment of a result."""
        is_whole = bench is None or bench.extrapolated is None
        return cls(
            job=scope.job,
            model=scope.model,
            parameters=scope.parameters,
            device=scope.device if scope.device in ("cpu", "none") else "gpu",
            extrapolated=not is_whole,
            arms={
                name: ArmWork(
                    schedule=arm.schedule,
                    settings=arm.settings,
                    evaluation_samples=arm.evaluation_samples,
                    evaluation_load=arm.evaluation_load if is_whole else None,
                    train_tokens=arm.train_tokens if is_whole else None,
                )
                for name, arm in (bench.arms if bench else {}).items()
            },
        )

    @property
    def digest(self) -> str:
        """Tells it from any other."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]

    def difference(self, other: Experiment) -> str:
        """The first difference of another, in words; empty if there is none."""
        for field in ("job", "model", "parameters", "device", "extrapolated"):
            if getattr(self, field) != getattr(other, field):
                return f"{field}: expected {getattr(self, field)}, got {getattr(other, field)}"
        if self.arms.keys() != other.arms.keys():
            return f"arms: expected {', '.join(self.arms)}, got {', '.join(other.arms)}"
        for name, arm in self.arms.items():
            for field in ArmWork.model_fields:
                expected, got = getattr(arm, field), getattr(other.arms[name], field)
                if expected != got:
                    return f"{name}: {field}: expected {expected}, got {got}"
        return ""


class GateSession(_Part):
    """One measurement of the experiment."""

    at: str
    """When its last run began."""
    experiment: str
    """Digest of what it was of."""
    label: str = ""
    evalskip: str = ""
    """Version that measured it; empty: it was not kept."""
    machine: Machine | None
    versions: dict[str, str]
    figures: list[Figure]

    @classmethod
    def from_figures(
        cls,
        experiment: Experiment,
        provenance: Made,
        figures: Sequence[Figure],
        *,
        at: str,
        label: str = "",
    ) -> GateSession:
        """A session that was measured at a moment, of a commit."""
        return cls(
            at=at,
            experiment=experiment.digest,
            label=label,
            evalskip=provenance.evalskip,
            machine=provenance.machine,
            versions=provenance.versions,
            figures=list(figures),
        )


class Baseline(_Part):
    """What is held to be as it should be."""

    schema_version: Literal[2] = 2
    experiment: Experiment
    sessions: list[GateSession]

    def check(self, experiment: Experiment, path: Path) -> None:
        """See that a session is of the same experiment.

        Raises:
            InputError: it is of another.
        """
        if difference := self.experiment.difference(experiment):
            raise InputError(f"{path}: a baseline of another experiment: {difference}")


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep others from a file, whose folder is made.

    Raises:
        InputError: it is a directory.
    """
    if path.is_dir():
        raise InputError(f"{path}: expected a file, found a directory")
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_name(f".{path.name}.lock")):
        yield


def read_baseline(path: Path) -> Baseline:
    """Read a baseline.

    Raises:
        InputError: there is none, it is half written, or of another schema.
    """
    baseline = read_json(path, Baseline, "a baseline", if_missing="a baseline, as --add makes it")
    if not baseline.sessions:
        raise InputError(f"{path}: sessions: expected at least one")
    return baseline


def add_session(path: Path, experiment: Experiment, session: GateSession) -> Baseline:
    """Add a session to a baseline, which is made where there is none.

    Raises:
        InputError: the baseline is of another experiment, holds the session already (twice the same
            would make sessions look alike), or cannot be written.
    """
    try:
        with locked(path):
            if path.exists():
                baseline = read_baseline(path)
                baseline.check(experiment, path)
            else:
                baseline = Baseline(experiment=experiment, sessions=[])
            if any(session.figures == old_session.figures for old_session in baseline.sessions):
                raise InputError(f"{path}: holds this session already; expected another one")
            baseline.sessions.append(session)
            write_atomically(path, json.dumps(baseline.model_dump(), indent=1) + "\n")
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from None
    return baseline
