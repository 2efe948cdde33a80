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
    """Every figure of a session, with the interval of its report; fractions in per cent."""
    entries = []
    for figure in session.figures:
        kind = KINDS[figure.kind]
        scale = 1 / kind.per_unit
        entry = {
            "name": f"{language.note(note(kind.name))}: {figure.subject}",
            "unit": kind.unit,
            "value": scale * figure.value,
            "extra": "; ".join(
                f"{name} {value}"
                for name, value in {
                    "measured": session.at,
                    "evalskip": session.evalskip,
                    **session.versions,
                }.items()
            ),
        }
        if figure.low is not None and figure.high is not None and figure.level is not None:
            limits = f"[{scale * figure.low:.4g}, {scale * figure.high:.4g}]"
            entry["range"] = f"{limits} with {100 * figure.level:.3g}% confidence"
        entries.append(entry)
    return json.dumps(entries, indent=2) + "\n"
