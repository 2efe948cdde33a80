"""The JSON of github-action-benchmark, as ``customSmallerIsBetter``: more is worse throughout."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from evalskip.gate.kinds import KINDS
from evalskip.notes import note

if TYPE_CHECKING:
    from evalskip.gate.baseline import GateSession
    from evalskip.report.words import Language


def github_action_benchmark(session: GateSession, language: Language) -> str:
    """Every figure of a session; shares and gains in per cent."""
    entries = []
    for figure in session.figures:
        kind = KINDS[figure.kind]
        scale = 100.0 if kind.unit == "%" else 1.0
        error = figure.error * (figure.value if kind.scale == "relative" else 1.0)
        entries.append(
            {
                "name": f"{language.note(note(kind.name))}: {figure.subject}",
                "unit": kind.unit,
                "value": scale * figure.value,
                "range": f"± {scale * error:.3g}",
                "extra": "; ".join(f"{name} {value}" for name, value in session.versions.items()),
            }
        )
    return json.dumps(entries, indent=2) + "\n"
