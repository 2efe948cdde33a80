"""``report.md``: the answer, the verdicts and the tables, fit for a pull-request comment."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined

from evalskip.errors import InputError
from evalskip.files import write_atomically
from evalskip.notes import note
from evalskip.report import tables
from evalskip.report.answers import AnswerCard, card_of
from evalskip.report.answers.bench import verdict_on
from evalskip.report.comparison import comparison
from evalskip.report.files import base_of, own_name
from evalskip.report.provenance import made_with, provenance
from evalskip.report.tables.table import Linked

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from evalskip.report.tables import Table
    from evalskip.report.words import Language
    from evalskip.summary import Summary

_MOST = 60_000
"""Characters: a comment on GitHub holds 65,536."""


_MOST_LINES = 40


@dataclass(frozen=True)
class _Content:
    title: str
    card: AnswerCard
    verdict: str
    warnings: list[str]
    first: list[Table]
    rest: list[Table]
    lists: dict[str, list[str]] = field(default_factory=dict)


def markdown(summaries: Sequence[Summary], language: Language, bases: Sequence[str] = ()) -> str:
    """The report of one result, or one that compares several.

    Whatever stands in a spec or a log is escaped. Tables that would not fit into a comment are
    left out, the last ones first, and named.

    Args:
        summaries: of the results.
        language: to say it in.
        bases: the path of each result's directory, seen from the report; none: they are the same.
    """
    content = (
        _of_one(summaries[0], language, bases[0] if bases else "")
        if len(summaries) == 1
        else _of_several(summaries, language)
    )
    left_out: list[str] = []
    while len(text := _rendered(content, left_out, language)) > _MOST and content.rest:
        left_out.insert(0, content.rest[-1].title)
        content = replace(content, rest=content.rest[:-1])
    return text


def write_markdown(
    directory: Path,
    summaries: Sequence[Summary],
    language: Language,
    sources: Sequence[Path] = (),
) -> Path:
    """Write ``report.md``, or ``report.zh.md``, into a directory; see ``write_page``."""
    bases = [base_of(source, directory) for source in sources]
    path = directory / own_name("report.md", language)
    try:
        write_atomically(path, markdown(summaries, language, bases))
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from None
    return path


def rendered(template: str, language: Language, **values: object) -> str:
    """A Markdown template filled in; ``| cell`` escapes what is not ours."""
    environment = Environment(
        loader=PackageLoader("evalskip.report"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # what is written is Markdown: the filter below escapes what HTML escaping would not
        autoescape=False,
    )
    environment.filters["cell"] = _cell
    environment.filters["sentence"] = language.sentence
    environment.filters["named"] = lambda code: language.note(note(code))
    environment.globals["gettext"] = language.gettext
    environment.globals["language"] = language
    return environment.get_template(template).render(**values)


def warnings_beside(card: AnswerCard, summary: Summary, language: Language) -> list[str]:
    """What to know before relying on a result, and is not on its card."""
    return [
        text for each in summary.warnings() if (text := language.note(each)) not in card.cautions
    ]


def _rendered(content: _Content, left_out: Sequence[str], language: Language) -> str:
    return rendered(
        "report.md.jinja",
        language,
        content=content,
        left_out=left_out,
        page=own_name("report.html", language),
    )


def _of_one(summary: Summary, language: Language, base: str) -> _Content:
    first = [table.linked_from(base) for table in tables.first_of(summary, language)]
    fields = made_with(summary)
    changes = summary.bench.changes if summary.bench else []
    card = card_of(summary, language)
    return _Content(
        title=summary.name,
        card=card,
        verdict=verdict_on(summary.bench, language),
        warnings=_some(warnings_beside(card, summary, language), language),
        first=first,
        rest=tables.rest_of(summary, language),
        lists={
            language.gettext("Changes to the configuration, so that arms can be compared"): _some(
                [*map(language.note, changes)], language
            ),
            language.gettext("How it was measured"): provenance(summary, language),
            language.gettext("Machine and versions"): [
                f"{name}: {value}" for name, value in fields
            ],
        },
    )


def _of_several(summaries: Sequence[Summary], language: Language) -> _Content:
    results = comparison(summaries, language)
    return _Content(
        title=", ".join(summary.name for summary in summaries),
        card=AnswerCard(
            language.gettext("{count} results compared", count=len(summaries)),
            language.sentences(results.notes if results else []),
        ),
        verdict="",
        warnings=_some(
            [f"{one.name}: {language.note(each)}" for one in summaries for each in one.warnings()],
            language,
        ),
        first=results.tables if results else [],
        rest=[
            replace(table, title=f"{summary.name}: {table.title}")
            for summary in summaries
            for table in (*tables.first_of(summary, language), *tables.rest_of(summary, language))
        ],
    )


def _some(lines: list[str], language: Language) -> list[str]:
    """As many as a comment has room for."""
    more = len(lines) - _MOST_LINES
    if more <= 0:
        return lines
    rest = language.gettext(
        "and {more} more; see {page}", more=more, page=own_name("report.html", language)
    )
    return [*lines[:_MOST_LINES], rest]


def _cell(text: str) -> str:
    """One line that can break neither a table nor out of Markdown, and calls nobody's name."""
    if isinstance(text, Linked):
        return "; ".join(
            f"{f'[{_cell(name)}]({place})' if place else _cell(name)}: {_cell(rest)}"
            for name, place, rest in text.lines
        )
    flat = " ".join(text.split())
    flat = flat.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    flat = re.sub(r"([\\`*_{}\[\]#|~])", r"\\\1", flat)
    return re.sub(r"(?<!\w)@(?=\w)", "&#64;", flat)
