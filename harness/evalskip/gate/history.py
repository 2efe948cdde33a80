"""Sessions over time, and where a figure shifted: the slow drift that no single build shows."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import ruptures
from pydantic import BaseModel, ConfigDict, ValidationError

from evalskip.errors import InputError
from evalskip.gate.baseline import GateSession, locked
from evalskip.gate.kinds import KINDS
from evalskip.machine.fingerprint import same_model

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from evalskip.gate.figures import Figure

_FEWEST = 10
"""Sessions before a shift is looked for."""
_SEGMENT = 4
"""Sessions on each side of a shift, at least."""
_PENALTY = 4.0
"""Of a further shift, in units of the noise's variance times log n; by simulation
(``make simulate-gate``) about 1% of histories without a shift are then said to have one."""


class Shift(BaseModel):
    """A figure that is not what it was."""

    model_config = ConfigDict(extra="forbid")

    kind: str
    subject: str
    at: str
    """The first session after it."""
    before: float
    after: float

    @property
    def change(self) -> float:
        """On the scale of its kind; for the worse is positive."""
        kind = KINDS[self.kind]
        return kind.scaled(self.after) - kind.scaled(self.before)


def read_history(path: Path) -> list[GateSession]:
    """All sessions, in order; a torn last line is left out.

    Raises:
        InputError: another line is no session.
    """
    if not path.exists():
        return []
    sessions = []
    for number, line in enumerate(_lines(path), start=1):
        try:
            sessions.append(GateSession.model_validate_json(line))
        except ValidationError as error:
            problem = error.errors()[0]["msg"]
            raise InputError(f"{path}: line {number}: expected a session: {problem}") from None
    return sessions


def _lines(path: Path) -> list[bytes]:
    """Those that were written whole."""
    return [line for line in path.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]


def add_to_history(path: Path, session: GateSession) -> list[GateSession]:
    """Append a session, unless it is there; all of them, in order.

    Raises:
        InputError: it cannot be written, or holds other things.
    """
    try:
        with locked(path):
            sessions = read_history(path)
            if any(session.figures == old_session.figures for old_session in sessions):
                return sessions
            with path.open("ab") as file:
                # a torn last line would spoil this one
                file.truncate(sum(map(len, _lines(path))))
                file.write(f"{session.model_dump_json()}\n".encode())
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from None
    return [*sessions, session]


def shifts(sessions: Sequence[GateSession], today: GateSession) -> list[Shift]:
    """Where figures shifted, by PELT (Killick et al. 2012) on the mean.

    The noise is read from the differences of neighbours, which a drift hardly touches. A shift
    smaller than the tolerance of its kind is not told.

    Args:
        sessions: in order.
        today: its experiment and machine are told of; sessions of others are left out.
    """
    all_shifts = []
    series: dict[str, list[tuple[str, Figure]]] = {}
    for session in sessions:
        if session.experiment != today.experiment:
            continue
        same = same_model(session.machine, today.machine)
        for figure in session.figures:
            if same or KINDS[figure.kind].holds_across_machines:
                series.setdefault(figure.id, []).append((session.at, figure))
    for points in series.values():
        all_shifts += _shifts(points)
    return all_shifts


def _shifts(points: Sequence[tuple[str, Figure]]) -> list[Shift]:
    if len(points) < _FEWEST:
        return []
    first = points[0][1]
    kind = KINDS[first.kind]
    values = np.array([kind.scaled(figure.value) for _, figure in points])
    noise = 1.4826 * float(np.median(np.abs(np.diff(values)))) / np.sqrt(2)
    noise = max(noise, float(np.median([figure.error for _, figure in points])), 1e-9)
    ends = (
        ruptures.Pelt(model="l2", min_size=_SEGMENT, jump=1)
        .fit(values / noise)
        .predict(pen=_PENALTY * np.log(len(values)))
    )
    own_shifts = []
    level = None
    for start, end in pairwise([0, *ends]):
        mean = float(values[start:end].mean())
        level = mean if level is None else level
        # against the level last told of: a slow drift is many small steps
        if abs(mean - level) >= kind.tolerance(kind.unscaled(level)):
            before, after = map(kind.unscaled, (level, mean))
            own_shifts.append(
                Shift(
                    kind=first.kind,
                    subject=first.subject,
                    at=points[start][0],
                    before=before,
                    after=after,
                )
            )
            level = mean
    return own_shifts
