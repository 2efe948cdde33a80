"""``report.md``: the tables of the terminal and some more."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined

from evalskip.errors import InputError
from evalskip.records import write_atomically
from evalskip.report import tables

if TYPE_CHECKING:
    from pathlib import Path

    from evalskip.summary import Summary


def markdown(summary: Summary) -> str:
    """The report as Markdown; whatever stands in a spec or a log is escaped."""
    environment = Environment(
        loader=PackageLoader("evalskip.report"),
        undefined=StrictUndefined,
        # what is written is Markdown: the filter below escapes what HTML escaping would not
        autoescape=False,
    )
    environment.filters["cell"] = _cell
    template = environment.get_template("report.md.jinja")
    return template.render(
        summary=summary,
        headline=tables.headline(summary),
        tables=[table for table in _tables(summary) if table.rows],
    )


def _tables(summary: Summary) -> list[tables.Table]:
    return [
        tables.truth(summary),
        tables.overview(summary),
        tables.estimates(summary),
        tables.readings(summary),
        tables.phases(summary),
        tables.per_token(summary),
        tables.evaluation_sets(summary),
        tables.memory(summary),
        tables.headroom(summary),
    ]


def write_markdown(directory: Path, summary: Summary) -> Path:
    """Write ``report.md`` into a result directory."""
    path = directory / "report.md"
    try:
        write_atomically(path, markdown(summary))
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from None
    return path


def _cell(text: str) -> str:
    """One line that can break neither a table nor out of Markdown."""
    flat = " ".join(text.split())
    flat = flat.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_{}\[\]#|])", r"\\\1", flat)
