"""What a gate found, for people and for the tools that they have."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from evalskip.errors import InputError
from evalskip.files import write_atomically
from evalskip.gate.kinds import KINDS
from evalskip.notes import note
from evalskip.report import digits
from evalskip.report.answers.gate import gate_card
from evalskip.report.exchange.github_action_benchmark import github_action_benchmark
from evalskip.report.exchange.junit import junit
from evalskip.report.exchange.pytest_benchmark import pytest_benchmark
from evalskip.report.markdown import rendered
from evalskip.report.tables.gate import gated, in_words, value

if TYPE_CHECKING:
    from collections.abc import Iterable

    from evalskip.gate.baseline import GateSession
    from evalskip.gate.history import Shift
    from evalskip.gate.judge import GateResult
    from evalskip.records import RunRecord
    from evalskip.report.words import Language

_STEP_SUMMARY = "GITHUB_STEP_SUMMARY"


def gate_markdown(result: GateResult, language: Language) -> str:
    """The gate as Markdown, for the summary of a CI step or a comment."""
    table = gated(result, language)
    notes = remarks(result, language)
    card = gate_card(result, language)
    return rendered("gate.md.jinja", language, result=result, card=card, table=table, notes=notes)


def remarks(result: GateResult, language: Language) -> list[str]:
    """What else a reader must know, history included."""
    shifts = [_shifted(shift, language) for shift in result.shifts]
    return [*map(language.note, result.notes), *shifts]


def reason(result: GateResult, language: Language) -> str:
    """Why a gate did not pass, in a line."""
    worse = result.having("regressed", "over_budget")
    changes = worse or result.having("inconclusive")
    return "; ".join(in_words(change, language) for change in changes)


def write_gate(
    folder: Path,
    result: GateResult,
    session: GateSession,
    records: Iterable[RunRecord],
    language: Language,
) -> list[Path]:
    """Write every form of it into a folder, and where GitHub's CI looks for a step's summary.

    Raises:
        InputError: it cannot be written to.
    """
    markdown = gate_markdown(result, language)
    files = {
        "gate.json": result.model_dump_json(indent=2) + "\n",
        "gate.md": markdown,
        "junit.xml": junit(result, language),
        "pytest-benchmark.json": pytest_benchmark(session, records),
        "github-action-benchmark.json": github_action_benchmark(session, language),
    }
    try:
        folder.mkdir(exist_ok=True)
        for name, text in files.items():
            write_atomically(folder / name, text)
        if step_summary := os.environ.get(_STEP_SUMMARY):
            with Path(step_summary).open("a", encoding="utf-8") as file:
                file.write(markdown)
    except OSError as error:
        path = error.filename or folder
        raise InputError(f"{path}: cannot be written: {error.strerror}") from None
    return [folder / name for name in files]


def workflow_commands(result: GateResult, language: Language) -> list[str]:
    """Workflow commands of GitHub, by which whatever is worse stands beside a pull request.

    As its documentation has them: ``::error title=T::message``, with %, CR and LF escaped.
    """
    kinds = {"error": ("regressed", "over_budget"), "warning": ("inconclusive",)}
    return [
        f"::{kind} title=evalskip gate::{_escaped(in_words(change, language))}"
        for kind, outcomes in kinds.items()
        for change in result.changes
        if change.outcome in outcomes
    ]


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _shifted(shift: Shift, language: Language) -> str:
    kind = KINDS[shift.kind]
    return language.gettext(
        "history: {figure}, {arm}: {before} before {at}, {after} since ({change}, {way})",
        figure=note(kind.name),
        arm=shift.subject,
        before=value(kind, shift.before),
        at=shift.at,
        after=value(kind, shift.after),
        change=digits.gate_change(kind, shift.change),
        way=language.gettext("worse") if shift.change > 0 else language.gettext("better"),
    )
